//! How much may still be abandoned: one account per legal window, and every one of them rules.
//!
//! An account earns `limit` per live call and pays 1 per abandoned one: `credit = limit L - A`. It rules twice.
//!
//! **Each call** ([`Bound`]): with the calls in flight and this one, more may be abandoned than the window bears
//! with a small probability only. An abandoned call is live itself, so that `a` of them are borne while
//! `a (1 - limit) <= credit`. In a rolling window the credit is the least that it has while the calls in flight
//! come out: live calls that leave it meanwhile take what they earned with them.
//!
//! A rolling window is promised with the [`CONFIDENCE`] to be under its limit at any moment. A breach lasts until
//! the calls that follow have earned it back, `1 / (limit x rate)` seconds, or until it leaves the window. If each
//! flight of calls breaks the limit with probability `p`, the window is over it for a part `p x repair / flight` of
//! all moments; so the calls in flight may with `p = (1 - confidence) x flight / repair`, less what is kept
//! for that which no forecast tells ([`FORESEEN`]).
//!
//! **All calls to come** (`share`): so many may be abandoned that the window stands under its limit by a reserve
//! some time ahead, with `M` live calls till then and without what leaves it till then:
//!
//! `share = (limit L' - A' - reserve + limit M) / M`
//!
//! What is abandoned strays from that while it is steered back: a random walk with variance `limit x rate x
//! dispersion` a second, drawn back within `ahead` seconds, has the variance `limit x rate x dispersion x ahead / 2`
//! (Ornstein-Uhlenbeck). The reserve is as many deviations of it as the confidence asks for.
//!
//! Floors on which more strays than all this foresees are found out: the time that a rolling window was over its limit,
//! beyond what is admitted of all time, asks for more deviations and smaller chances until it is made up for
//! ([`Account::cautious`]). What is admitted is thereby kept in the long run, whatever the floor: an integral control.
//!
//! A debt is allowed only in a run whose end is known, as far as the calls to come repay it surely.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::learn::bursts::Bursts;

/// An abandonment limit that the law or the administrator sets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// Abandoned calls per live call, 0 to 1.
    pub rate: f64,
    /// What it is measured over.
    pub window: Window,
}

/// What a limit is measured over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Window {
    /// The whole run, which ends at so many seconds.
    Run(f64),
    /// The campaign's life, as long as that may be.
    Life,
    /// Always the last so many seconds: 1,800, 86,400 or 2,592,000.
    Last(f64),
}

/// With this confidence a rolling window is found under its limit at any moment.
pub(crate) const CONFIDENCE: f64 = 0.95;
/// The standard normal quantile of it, one-sided.
const QUANTILE: f64 = 1.645;
/// Of the breaches that the confidence admits, so many may come of what is foreseen. The others are for agents
/// who leave, people who answer otherwise from one minute to the next, and the like.
const FORESEEN: f64 = 0.3;
/// The probability with which the calls in flight may cost a run more than it bears, which is never repaired.
const FINAL_CHANCE: f64 = 0.000_4;
/// The part of all time for which a rolling window may be over its limit before more is kept: less than the confidence
/// admits, as what is learned comes after what it is learned from.
const ADMITTED: f64 = 0.03;
/// Deviations that are kept besides, for each part of its window that it was over its limit beyond that.
const CAUTION: f64 = 10.0;
/// The largest such part that counts.
const MOST_STRAYED: f64 = 0.3;
/// Abandoned calls are whole ones: half of one is kept, too.
const WHOLE: f64 = 0.5;
/// Rolling windows are steered over this part of them.
const STEERED: f64 = 0.25;
/// Kept unspent in a run: what one abandoned call at the end would cost, and a little.
const RESERVE: f64 = 1.2;
/// Kept besides: so many standard deviations of what is abandoned of the calls in flight.
const DEVIATIONS: f64 = 6.0;
/// And so many times its mean: what is abandoned comes in bursts, when many agents are late or many people
/// answer at once, and on a large floor a burst takes many calls.
const BURST: f64 = 8.0;
/// Seconds that a call is in flight, about.
const FLIGHT: f64 = 20.0;
/// The rate of live calls is not believed to be higher than if it had been seen for so many seconds.
const RATE_LEAST: f64 = 300.0;
/// The part of the earnings to come that a run may spend beforehand. It is little, as a list may be through long
/// before the run ends, and a debt stays unpaid then.
const BORROW: f64 = 0.05;
/// The part of the earnings to come that surely repays a debt. Up to it one call may be borrowed, however little is
/// earned, as small teams earn their first one late; and a run that owes more than it may is not over its limit,
/// and goes on without risk.
const REPAID: f64 = 0.25;
/// An open window is planned for so many seconds ahead.
const AHEAD: f64 = 3_600.0;
/// Memory of the rate of live calls, in seconds.
const RATE_MEMORY: f64 = 900.0;
/// How much of the live calls that the rate promises is counted on.
const TRUST: f64 = 0.9;
/// Parts that a rolling window is counted in.
const PARTS: f64 = 60.0;

/// What is still allowed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Allowance {
    /// The share of the live calls to come that may be abandoned.
    pub(crate) share: f64,
    /// What each window bears of the calls in flight.
    pub(crate) bounds: Vec<Bound>,
}

impl Allowance {
    /// Whether a limit is exceeded already, whatever becomes of the calls in flight.
    pub(crate) fn is_spent(&self) -> bool {
        self.bounds.iter().any(|bound| bound.loss < 0.0)
    }
}

/// What a window bears of the calls in flight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    /// Calls that may be abandoned.
    pub(crate) loss: f64,
    /// The probability with which more may be.
    pub(crate) chance: f64,
}

/// What is expected of the calls to come.
#[derive(Clone, Copy, Debug)]
struct Prospect {
    now: f64,
    /// Live calls a second.
    rate: f64,
    /// Live calls that may come at all.
    most: f64,
    /// Of the number of abandoned calls, variance per mean.
    dispersion: f64,
}

impl Prospect {
    /// Live calls to be counted on within so many seconds.
    fn coming(&self, seconds: f64) -> f64 {
        TRUST * (self.rate * seconds).min(self.most)
    }
}

/// Windows that formulas may ask about.
pub(crate) const VIEWS: [Window; 4] = [
    Window::Last(1_800.0),
    Window::Last(86_400.0),
    Window::Last(2_592_000.0),
    Window::Life,
];

/// Live and abandoned calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) live: f64,
    pub(crate) abandoned: f64,
}

impl Tally {
    /// Abandoned calls per live call.
    pub(crate) fn share(self) -> f64 {
        if self.live > 0.0 {
            self.abandoned / self.live
        } else {
            0.0
        }
    }
}

/// One window's account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Account {
    limit: Limit,
    sum: Tally,
    /// The parts of a rolling window: when each began, and what is in it.
    parts: VecDeque<(f64, Tally)>,
    /// Seconds that a rolling window was over its limit, beyond those admitted.
    #[serde(default)]
    strayed: f64,
}

impl Account {
    pub(crate) fn new(limit: Limit) -> Self {
        Self {
            limit,
            sum: Tally::default(),
            parts: VecDeque::new(),
            strayed: 0.0,
        }
    }

    /// So many seconds pass.
    fn watch(&mut self, seconds: f64) {
        if let Window::Last(window) = self.limit.window {
            let over = if self.is_exceeded() { seconds } else { 0.0 };
            self.strayed = (self.strayed + over - ADMITTED * seconds).clamp(0.0, MOST_STRAYED * window);
        }
    }

    fn is_exceeded(&self) -> bool {
        self.sum.abandoned > self.limit.rate * self.sum.live
    }

    /// Deviations that are kept besides.
    fn cautious(&self, window: f64) -> f64 {
        CAUTION * self.strayed / window
    }

    pub(crate) const fn window(&self) -> Window {
        self.limit.window
    }

    pub(crate) const fn tally(&self) -> Tally {
        self.sum
    }

    fn count(&mut self, now: f64, add: Tally) {
        self.expire(now);
        self.sum.live += add.live;
        self.sum.abandoned += add.abandoned;
        let Window::Last(seconds) = self.limit.window else {
            return;
        };
        match self.parts.back_mut() {
            Some((began, tally)) if now - *began < seconds / PARTS => {
                tally.live += add.live;
                tally.abandoned += add.abandoned;
            }
            _ => self.parts.push_back((now, add)),
        }
    }

    /// Takes out what has left a rolling window.
    fn expire(&mut self, now: f64) {
        let Window::Last(seconds) = self.limit.window else {
            return;
        };
        while let Some((_, tally)) = self.parts.front().filter(|(began, _)| *began <= now - seconds) {
            self.sum.live -= tally.live;
            self.sum.abandoned -= tally.abandoned;
            self.parts.pop_front();
        }
    }

    /// The share that may be abandoned, and what may be of the calls in flight, of the limit or of a lower target.
    fn allowance(&self, prospect: &Prospect, target: f64) -> (f64, Bound) {
        let limit = self.limit.rate.min(target);
        match self.limit.window {
            Window::Run(end) => self.at_the_end(limit, prospect, (end - prospect.now).max(0.0), bearable),
            // It may end at any moment: nothing is borrowed from calls that may never come.
            Window::Life => self.at_the_end(limit, prospect, AHEAD, |credit, _| credit),
            Window::Last(seconds) => self.rolling(limit, prospect, seconds),
        }
    }

    /// Of a window that nothing leaves.
    fn at_the_end(
        &self,
        limit: f64,
        prospect: &Prospect,
        ahead: f64,
        bears: fn(f64, f64) -> f64,
    ) -> (f64, Bound) {
        let credit = limit * self.sum.live - self.sum.abandoned;
        let coming = prospect.coming(ahead);
        let earned = limit * coming;
        let in_flight = limit * prospect.rate * FLIGHT;
        let reserve = RESERVE + DEVIATIONS * libm::sqrt(prospect.dispersion * in_flight) + BURST * in_flight;
        let bound = Bound {
            loss: bears(credit, earned),
            chance: FINAL_CHANCE,
        };
        (((credit - reserve + earned) / coming.max(1.0)).max(0.0), bound)
    }

    /// Of a window that old calls leave.
    fn rolling(&self, limit: f64, prospect: &Prospect, seconds: f64) -> (f64, Bound) {
        let rate = prospect.rate;
        let ahead = (STEERED * seconds).min(AHEAD);
        let coming = prospect.coming(ahead);
        let caution = self.cautious(seconds);
        let deviation = libm::sqrt(prospect.dispersion * limit * rate * ahead / 2.0);
        let reserve = WHOLE + (QUANTILE + caution) * deviation;
        let (_, left) = self.credit_within(limit, prospect, seconds, ahead);
        let (least, _) = self.credit_within(limit, prospect, seconds, FLIGHT);
        let repair = (1.0 / (limit * rate).max(1e-9)).min(seconds).max(FLIGHT);
        let bound = Bound {
            loss: least / (1.0 - limit).max(0.01),
            chance: FORESEEN * (1.0 - CONFIDENCE) * FLIGHT / repair * libm::exp(-caution),
        };
        (
            ((left - reserve + limit * coming) / coming.max(1.0)).max(0.0),
            bound,
        )
    }

    /// The least credit within so many seconds, if nothing is abandoned and calls come as expected; and what
    /// is left then of the credit of today.
    fn credit_within(&self, limit: f64, prospect: &Prospect, seconds: f64, ahead: f64) -> (f64, f64) {
        let credit = limit * self.sum.live - self.sum.abandoned;
        let leaving = self
            .parts
            .iter()
            .map(|(began, tally)| ((began + seconds - prospect.now).max(0.0), tally))
            .take_while(|(leaves, _)| *leaves <= ahead);
        leaving.fold((credit, credit), |(least, left), (leaves, tally)| {
            let left = left - limit * tally.live + tally.abandoned;
            (least.min(left + limit * prospect.coming(leaves)), left)
        })
    }
}

/// What a run bears with this credit, if so much is to be earned till its end.
fn bearable(credit: f64, earned: f64) -> f64 {
    let repaid = REPAID * earned;
    let borne = credit + (BORROW * earned).max(1.0).min(repaid);
    if credit + repaid >= 0.0 {
        borne.max(0.0)
    } else {
        borne
    }
}

/// All accounts, and the rate of live calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Budget {
    accounts: Vec<Account>,
    /// Windows that are told of but limit nothing.
    views: Vec<Account>,
    since: f64,
    counted: f64,
    /// Live calls, decayed.
    recent: f64,
    #[serde(default)]
    bursts: Bursts,
}

impl Budget {
    pub(crate) fn new(limits: &[Limit], now: f64) -> Self {
        Self {
            accounts: limits.iter().copied().map(Account::new).collect(),
            views: VIEWS
                .map(|window| Account::new(Limit { rate: 1.0, window }))
                .into(),
            since: now,
            counted: now,
            recent: 0.0,
            bursts: Bursts::new(now),
        }
    }

    /// Other limits from now on. What was counted in a window stays counted.
    pub(crate) fn limited_by(&mut self, limits: &[Limit]) {
        let counted = |limit: &Limit| {
            let mut known = self.accounts.iter().chain(&self.views);
            let account = known.find(|account| account.window() == limit.window);
            account.map_or_else(
                || Account::new(*limit),
                |account| Account {
                    limit: *limit,
                    ..account.clone()
                },
            )
        };
        self.accounts = limits.iter().map(counted).collect();
    }

    /// Goes on after a rest: nothing was called, and windows were left as time went on.
    pub(crate) fn resume(&mut self, limits: &[Limit], now: f64) {
        self.all().for_each(|account| account.expire(now));
        self.advance(now);
        self.limited_by(limits);
    }

    /// Whether one of the first so many limits is exceeded.
    pub(crate) fn is_exceeded(&self, limits: usize) -> bool {
        self.accounts.iter().take(limits).any(Account::is_exceeded)
    }

    /// Live and abandoned calls of one of the [`VIEWS`].
    pub(crate) fn tally(&self, window: Window) -> Tally {
        let view = self.views.iter().find(|view| view.window() == window);
        view.map_or_else(Tally::default, Account::tally)
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Account> {
        self.accounts.iter_mut().chain(&mut self.views)
    }

    pub(crate) fn live(&mut self, now: f64) {
        self.decay(now);
        self.recent += 1.0;
        let live = Tally {
            live: 1.0,
            abandoned: 0.0,
        };
        self.all().for_each(|account| account.count(now, live));
    }

    pub(crate) fn abandoned(&mut self, now: f64) {
        let abandoned = Tally {
            live: 0.0,
            abandoned: 1.0,
        };
        self.bursts.abandoned(now);
        self.all().for_each(|account| account.count(now, abandoned));
    }

    /// Brings the windows up to date.
    pub(crate) fn advance(&mut self, now: f64) {
        self.decay(now);
        self.bursts.advance(now);
        self.all().for_each(|account| account.expire(now));
    }

    fn decay(&mut self, now: f64) {
        let seconds = now - self.counted;
        self.recent *= libm::exp(-seconds / RATE_MEMORY);
        self.accounts
            .iter_mut()
            .for_each(|account| account.watch(seconds));
        self.counted = now;
    }

    /// Live calls a second, of late.
    pub(crate) fn rate(&self) -> f64 {
        let seconds = (self.counted - self.since).max(RATE_LEAST);
        self.recent / (RATE_MEMORY * (1.0 - libm::exp(-seconds / RATE_MEMORY)))
    }

    /// What all windows allow, none more than the target, if at most so many live calls come.
    pub(crate) fn allowance(&self, now: f64, target: f64, most: f64) -> Allowance {
        let prospect = Prospect {
            now,
            rate: self.rate(),
            most,
            dispersion: self.bursts.dispersion(),
        };
        let allowances = self
            .accounts
            .iter()
            .map(|account| account.allowance(&prospect, target));
        let (shares, bounds): (Vec<_>, Vec<_>) = allowances.unzip();
        Allowance {
            share: shares.into_iter().fold(1.0, f64::min),
            bounds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALF_HOUR: f64 = 1_800.0;
    /// A tenth of a call a second, as many as come, and single abandoned calls.
    const STEADY: Prospect = Prospect {
        now: HALF_HOUR,
        rate: 0.1,
        most: f64::INFINITY,
        dispersion: 1.0,
    };

    fn account(window: Window, live: f64, abandoned: f64) -> Account {
        let mut account = Account::new(Limit { rate: 0.03, window });
        account.count(STEADY.now, Tally { live, abandoned });
        account
    }

    fn windows() -> impl Strategy<Value = Window> {
        prop_oneof![
            Just(Window::Last(HALF_HOUR)),
            Just(Window::Last(86_400.0)),
            Just(Window::Life),
            Just(Window::Run(20_000.0)),
        ]
    }

    #[test]
    fn an_open_window_borrows_nothing() {
        for (live, credit) in [(0.0, 0.0), (100.0, 3.0)] {
            let (_, bound) = account(Window::Life, live, 0.0).allowance(&STEADY, 1.0);
            assert_eq!(bound.loss, credit);
        }
    }

    #[test]
    fn a_run_owes_one_call_or_little() {
        assert_eq!(
            [0.0, 2.0, 8.0, 100.0].map(|earned| bearable(0.0, earned)),
            [0.0, 0.5, 1.0, 5.0]
        );
        // What is repaid surely is not over the limit, but bears nothing more; what is not, is.
        assert_eq!(bearable(-20.0, 100.0), 0.0);
        assert!(bearable(-25.1, 100.0) < 0.0);
    }

    #[test]
    fn nothing_is_earned_by_contacts_that_are_not_there() {
        let account = account(Window::Run(20_000.0), 100.0, 3.0);
        let few = Prospect { most: 0.0, ..STEADY };
        assert!(account.allowance(&few, 1.0).1.loss <= 0.0);
        assert!(account.allowance(&STEADY, 1.0).1.loss >= 1.0);
    }

    #[test]
    fn what_clusters_is_kept_more_for() {
        let bursts = Prospect {
            dispersion: 3.0,
            ..STEADY
        };
        for window in [Window::Last(HALF_HOUR), Window::Life] {
            let account = account(window, 400.0, 2.0);
            assert!(account.allowance(&bursts, 1.0).0 < account.allowance(&STEADY, 1.0).0);
        }
    }

    #[test]
    fn a_window_that_was_over_its_limit_is_kept_more_for_until_that_is_made_up_for() {
        let allowance = |account: &Account| account.allowance(&STEADY, 1.0);
        let mut account = account(Window::Last(HALF_HOUR), 400.0, 2.0);
        let usual = allowance(&account);
        account.sum.abandoned += 11.0;
        account.watch(120.0);
        account.sum.abandoned -= 11.0;
        let careful = allowance(&account);
        assert!(careful.0 < usual.0 && careful.1.chance < usual.1.chance);
        // 120 s over are what is admitted of more than an hour.
        account.watch(3_600.0);
        assert!(allowance(&account).0 < usual.0);
        account.watch(400.0);
        assert_eq!(allowance(&account), usual);
    }

    #[test]
    fn an_older_state_is_read() {
        let limit = Limit {
            rate: 0.03,
            window: Window::Last(HALF_HOUR),
        };
        let budget = Budget::new(&[limit], 0.0);
        let mut written = serde_json::to_value(&budget).unwrap();
        written.as_object_mut().unwrap().remove("bursts");
        written["accounts"][0].as_object_mut().unwrap().remove("strayed");
        assert_eq!(serde_json::from_value::<Budget>(written).unwrap(), budget);
    }

    proptest! {
        #[test]
        fn a_rolling_window_holds_what_a_recount_finds(gaps in proptest::collection::vec((0.0..50.0f64, any::<bool>()), 1..200)) {
            let seconds = 600.0;
            let mut budget = Budget::new(&[Limit { rate: 0.03, window: Window::Last(seconds) }], 0.0);
            let mut all = Vec::new();
            let mut now = 0.0;
            for (gap, abandoned) in gaps {
                now += gap;
                if abandoned { budget.abandoned(now) } else { budget.live(now) }
                all.push((now, abandoned));
            }
            budget.advance(now);
            let tally = budget.accounts[0].tally();
            // A part leaves when its beginning does: up to a sixtieth of the window is forgotten early.
            let recount = |from: f64, what: bool| all.iter().filter(|(t, a)| *t > from && *a == what).count() as f64;
            for (held, what) in [(tally.live, false), (tally.abandoned, true)] {
                prop_assert!(held <= recount(now - seconds, what));
                prop_assert!(held >= recount(now - seconds + seconds / PARTS, what));
            }
        }

        #[test]
        fn every_window_counts_what_a_recount_finds(calls in proptest::collection::vec((0.0..400.0f64, any::<bool>()), 1..200)) {
            let limits = [Window::Run(1e5), Window::Life].map(|window| Limit { rate: 0.03, window });
            let mut budget = Budget::new(&limits, 0.0);
            let mut all = Vec::new();
            let mut now = 0.0;
            for (gap, abandoned) in calls {
                now += gap;
                budget.live(now);
                if abandoned { budget.abandoned(now) }
                all.push((now, abandoned));
            }
            budget.advance(now);
            let recount = |from: f64| {
                let within = all.iter().filter(move |(t, _)| *t > from);
                let lost = within.clone().filter(|(_, abandoned)| *abandoned);
                (within.count() as f64, lost.count() as f64)
            };
            let tallies = budget.accounts.iter().map(Account::tally).chain([budget.tally(Window::Life)]);
            for tally in tallies {
                prop_assert_eq!((tally.live, tally.abandoned), recount(-1.0));
            }
            for seconds in [1_800.0, 86_400.0, 2_592_000.0] {
                let tally = budget.tally(Window::Last(seconds));
                let (most, least) = (recount(now - seconds), recount(now - seconds + seconds / PARTS));
                prop_assert!(tally.live <= most.0 && tally.live >= least.0);
                prop_assert!(tally.abandoned <= most.1 && tally.abandoned >= least.1);
            }
        }

        #[test]
        fn never_allows_to_end_over_the_limit(live in 0u32..5_000, share in 0.0..0.06f64, left in 0.0..20_000.0f64) {
            let limit = Limit { rate: 0.03, window: Window::Run(20_000.0) };
            let mut account = Account::new(limit);
            let abandoned = libm::floor(f64::from(live) * share);
            account.count(0.0, Tally { live: f64::from(live), abandoned });
            let prospect = Prospect { now: 20_000.0 - left, ..STEADY };
            let (allowed, _) = account.allowance(&prospect, 1.0);
            let coming = prospect.rate * left;
            let end = abandoned + allowed * TRUST * coming;
            if allowed > 0.0 {
                prop_assert!(end <= 0.03 * (f64::from(live) + coming));
            }
        }

        #[test]
        fn more_abandoned_never_allows_more(window in windows(), live in 0u32..3_000, abandoned in 0u32..100, more in 1u32..20, rate in 0.0..5.0f64) {
            let prospect = Prospect { rate, ..STEADY };
            let allowed = |abandoned: u32| {
                account(window, f64::from(live), f64::from(abandoned)).allowance(&prospect, 1.0)
            };
            let (before, after) = (allowed(abandoned), allowed(abandoned + more));
            prop_assert!(after.0 <= before.0);
            prop_assert!(after.1.loss <= before.1.loss && after.1.chance <= before.1.chance);
        }

        #[test]
        fn what_is_exceeded_already_allows_nothing(window in windows(), live in 0u32..3_000, over in 0.001..50.0f64, others in 0usize..3) {
            prop_assume!(!matches!(window, Window::Run(_)));
            let limits = [Window::Last(86_400.0), Window::Life, Window::Last(2_592_000.0)];
            let mut budget = Budget::new(&[], 0.0);
            budget.accounts = limits.iter().take(others).map(|window| account(*window, 1e5, 0.0)).collect();
            budget.accounts.push(account(window, f64::from(live), 0.03 * f64::from(live) + over));
            prop_assert!(budget.allowance(STEADY.now, 1.0, f64::INFINITY).is_spent());
        }

        #[test]
        fn a_bound_keeps_its_limit_and_its_confidence(window in windows(), live in 0u32..3_000, abandoned in 0u32..100, rate in 0.0..5.0f64) {
            let (live, abandoned) = (f64::from(live), f64::from(abandoned));
            let prospect = Prospect { rate, ..STEADY };
            let (_, bound) = account(window, live, abandoned).allowance(&prospect, 1.0);
            prop_assert!((0.0..=1.0 - CONFIDENCE).contains(&bound.chance));
            if matches!(window, Window::Last(_) | Window::Life) && bound.loss >= 0.0 {
                // If as many are abandoned as are borne, who are live calls themselves, the limit holds.
                let lost = libm::floor(bound.loss);
                prop_assert!(abandoned + lost <= 0.03 * (live + lost) + 1e-9);
            }
        }

        #[test]
        fn the_credit_to_come_is_what_waiting_shows(gaps in proptest::collection::vec((0.0..60.0f64, any::<bool>()), 1..200), ahead in 0.0..900.0f64) {
            let limit = Limit { rate: 0.03, window: Window::Last(HALF_HOUR) };
            let mut account = Account::new(limit);
            let mut now = 0.0;
            for (gap, abandoned) in gaps {
                now += gap;
                account.count(now, Tally { live: 1.0, abandoned: f64::from(u8::from(abandoned)) });
            }
            let prospect = Prospect { now, ..STEADY };
            let (least, left) = account.credit_within(0.03, &prospect, HALF_HOUR, ahead);
            let credit = |account: &Account| 0.03 * account.tally().live - account.tally().abandoned;
            // Every moment at which something leaves, and the end.
            let leaves = account.parts.iter().map(|(began, _)| began + HALF_HOUR).filter(|at| *at <= now + ahead);
            let mut found = credit(&account);
            let mut waiting = account.clone();
            for at in leaves.collect::<Vec<_>>() {
                // A little later, as sums of times are rounded.
                waiting.expire(at + 1e-7);
                found = found.min(credit(&waiting) + 0.03 * prospect.coming(at - now));
            }
            prop_assert!((least - found).abs() < 1e-6, "{} {}", least, found);
            prop_assert!((left - credit(&waiting)).abs() < 1e-6);
        }
    }
}
