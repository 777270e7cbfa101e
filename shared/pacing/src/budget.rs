//! How much may still be abandoned: one account per legal window, the tightest rules.
//!
//! An account earns `limit` per live call and pays 1 per abandoned one. Over the rest of the window, with
//! `M` live calls to come, the share that may be abandoned is what ends the window just under its limit:
//!
//! `share = (limit L - A - reserve + limit M) / M`
//!
//! A debt is allowed only as far as the calls to come repay it surely.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

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

/// Kept unspent: what one abandoned call at the end would cost, and a little.
const RESERVE: f64 = 1.2;
/// Kept besides: so many standard deviations of what is abandoned of the calls in flight.
const DEVIATIONS: f64 = 4.0;
/// And so many times its mean: what is abandoned comes in bursts, when many agents are late or many people
/// answer at once, and on a large floor a burst takes many calls.
const BURST: f64 = 5.0;
/// Seconds that a call is in flight, about.
const FLIGHT: f64 = 20.0;
/// The rate of live calls is not believed to be higher than if it had been seen for so many seconds.
const RATE_LEAST: f64 = 300.0;
/// The part of the earnings to come that may be spent beforehand.
const BORROW: f64 = 0.25;
/// An open window is planned for so many seconds ahead.
const AHEAD: f64 = 3_600.0;
/// Memory of the rate of live calls, in seconds.
const RATE_MEMORY: f64 = 900.0;
/// How much of the live calls that the rate promises is counted on.
const TRUST: f64 = 0.9;
/// Parts that a rolling window is counted in.
const PARTS: f64 = 60.0;

/// What is still allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Allowance {
    /// The share of the live calls to come that may be abandoned.
    pub(crate) share: f64,
    /// Calls that may be abandoned at once.
    pub(crate) loss: f64,
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
}

impl Account {
    pub(crate) fn new(limit: Limit) -> Self {
        Self {
            limit,
            sum: Tally::default(),
            parts: VecDeque::new(),
        }
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

    /// What is allowed now of the limit, or of a lower target, if so many live calls come a second.
    fn allowance(&self, now: f64, rate: f64, target: f64) -> Allowance {
        let limit = self.limit.rate.min(target);
        let credit = limit * self.sum.live - self.sum.abandoned;
        let (ahead, borrow) = match self.limit.window {
            Window::Run(end) => ((end - now).max(0.0), BORROW),
            // It may end at any moment: nothing is borrowed from calls that may never come.
            Window::Life => (AHEAD, 0.0),
            Window::Last(seconds) => ((seconds / 4.0).min(AHEAD), 0.0),
        };
        let coming = TRUST * rate * ahead;
        let earned = limit * coming;
        let in_flight = limit * rate * FLIGHT;
        let reserve = RESERVE + DEVIATIONS * libm::sqrt(in_flight) + BURST * in_flight;
        Allowance {
            share: ((credit - reserve + earned) / coming.max(1.0)).max(0.0),
            loss: credit + borrow * earned,
        }
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
        self.all().for_each(|account| account.count(now, abandoned));
    }

    /// Brings the windows up to date.
    pub(crate) fn advance(&mut self, now: f64) {
        self.decay(now);
        self.all().for_each(|account| account.expire(now));
    }

    fn decay(&mut self, now: f64) {
        self.recent *= libm::exp(-(now - self.counted) / RATE_MEMORY);
        self.counted = now;
    }

    /// Live calls a second, of late.
    pub(crate) fn rate(&self) -> f64 {
        let seconds = (self.counted - self.since).max(RATE_LEAST);
        self.recent / (RATE_MEMORY * (1.0 - libm::exp(-seconds / RATE_MEMORY)))
    }

    /// What the tightest window allows, none more than the target.
    pub(crate) fn allowance(&self, now: f64, target: f64) -> Allowance {
        let rate = self.rate();
        let free = Allowance {
            share: 1.0,
            loss: f64::INFINITY,
        };
        self.accounts
            .iter()
            .map(|account| account.allowance(now, rate, target))
            .fold(free, |a, b| Allowance {
                share: a.share.min(b.share),
                loss: a.loss.min(b.loss),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_open_window_borrows_nothing() {
        let window = Window::Life;
        let mut account = Account::new(Limit { rate: 0.03, window });
        for (live, credit) in [(0.0, 0.0), (100.0, 3.0)] {
            account.count(0.0, Tally { live, abandoned: 0.0 });
            assert_eq!(account.allowance(0.0, 0.2, 1.0).loss, credit);
        }
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
            let rate = 0.1;
            let allowance = account.allowance(20_000.0 - left, rate, 1.0);
            let coming = rate * left;
            let end = abandoned + allowance.share * TRUST * coming;
            if allowance.share > 0.0 {
                prop_assert!(end <= 0.03 * (f64::from(live) + coming));
            }
        }
    }
}
