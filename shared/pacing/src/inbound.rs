//! The inbound side of blended agents: arrivals, waits, service level, and how many agents it needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::{Id, InboundEvent};

/// Memory of rates and means, in seconds.
const MEMORY: f64 = 900.0;
/// Memory of arrivals: a rush is to be seen while it lasts.
const ARRIVALS: f64 = 300.0;
/// Memory of calls that came too late.
const DEBTS: f64 = 3_600.0;
/// Part of the inbound calls that is to be answered in time: a little over what is promised.
const TARGET: f64 = 0.955;
/// Agents kept for inbound per call that came too late, beside those whom arrivals ask for.
const RESERVE_PER_MISS: f64 = 0.35;
/// The part of the staff that is kept for arrivals, at most, and for calls that came too late.
const MOST_KEPT: f64 = 0.25;
const MOST_OWED: f64 = 0.1;
/// Agents by which calls in time make the reserve smaller, at most.
const MOST_EARNED: f64 = 3.0;
/// Most callers who are followed.
const MOST_CALLERS: usize = 100_000;
/// Seconds within which a call should be answered, unless it is told.
const USUAL_TARGET_SECONDS: f64 = 20.0;

/// What is known about inbound calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inbound {
    #[serde(with = "crate::pairs")]
    queue: BTreeMap<Id, f64>,
    in_time: f64,
    /// Misses, less what was earned by calls in time; positive if too many came too late.
    debt: f64,
    /// Decayed: arrivals; answered or given up; of these in time; their waits; seconds agents talk.
    arrived: f64,
    ended: f64,
    good: f64,
    waited: f64,
    connected: f64,
    talked: f64,
    /// Decayed: those who gave up; conversations of either side; seconds agents were busy, whatever with.
    #[serde(default)]
    gave_up: f64,
    #[serde(default)]
    begun: f64,
    #[serde(default)]
    busy: f64,
    since: f64,
    counted: f64,
}

impl Inbound {
    pub(crate) fn new(in_sla: Option<f64>, now: f64) -> Self {
        Self {
            queue: BTreeMap::new(),
            in_time: in_sla.unwrap_or(USUAL_TARGET_SECONDS),
            debt: 0.0,
            arrived: 0.0,
            ended: 0.0,
            good: 0.0,
            waited: 0.0,
            connected: 0.0,
            talked: 0.0,
            gave_up: 0.0,
            begun: 0.0,
            busy: 0.0,
            since: now,
            counted: now,
        }
    }

    /// Within which time calls should be answered from now on.
    pub(crate) fn aim(&mut self, in_sla: Option<f64>) {
        self.in_time = in_sla.unwrap_or(USUAL_TARGET_SECONDS);
    }

    pub(crate) fn happen(&mut self, call: &Id, event: InboundEvent, staff: u32, now: f64) {
        match event {
            InboundEvent::Queued => {
                if self.queue.len() < MOST_CALLERS && self.queue.insert(call.clone(), now).is_none() {
                    self.arrived += 1.0;
                }
            }
            InboundEvent::Connected => {
                if let Some(since) = self.queue.remove(call) {
                    self.connected += 1.0;
                    self.begun += 1.0;
                    self.ends(now - since, now - since <= self.in_time, staff);
                }
            }
            InboundEvent::Abandoned => {
                if let Some(since) = self.queue.remove(call) {
                    self.gave_up += 1.0;
                    self.ends(now - since, false, staff);
                }
            }
        }
    }

    fn ends(&mut self, waited: f64, good: bool, staff: u32) {
        self.ended += 1.0;
        self.waited += waited;
        if good {
            self.good += 1.0;
            self.debt += TARGET - 1.0;
        } else {
            self.debt += TARGET;
        }
        let most = (MOST_OWED * f64::from(staff)).max(1.0) / RESERVE_PER_MISS;
        self.debt = self.debt.clamp(-MOST_EARNED / RESERVE_PER_MISS, most);
    }

    /// An agent talks to the customer of an outbound call.
    pub(crate) const fn outbound_connected(&mut self) {
        self.begun += 1.0;
    }

    /// Brings rates up to date; so many agents talk to inbound callers, and so many are busy, whatever with.
    pub(crate) fn advance(&mut self, talking: f64, busy: f64, now: f64) {
        let seconds = now - self.counted;
        let kept = libm::exp(-seconds / MEMORY);
        self.talked += talking * seconds;
        self.busy += busy * seconds;
        self.arrived *= libm::exp(-seconds / ARRIVALS);
        self.debt *= libm::exp(-seconds / DEBTS);
        for value in [
            &mut self.ended,
            &mut self.good,
            &mut self.waited,
            &mut self.connected,
            &mut self.talked,
            &mut self.gave_up,
            &mut self.begun,
            &mut self.busy,
        ] {
            *value *= kept;
        }
        self.counted = now;
    }

    /// Agents to keep free for inbound, of so many: those whom arrivals ask for, and more or less of them by what
    /// calls that came too late have shown.
    pub(crate) fn reserve(&self, staff: f64) -> f64 {
        (self.needed(staff) + RESERVE_PER_MISS * self.debt).max(0.0)
    }

    /// Agents to keep free so that of the callers [`TARGET`] are answered in time.
    ///
    /// Callers come with the rate `l`, agents get free with `m`, and whoever gets free goes where callers wait or
    /// agents lack. Then a caller finds all of `r` taken with `(l / m)^r`, and whoever waits does so for a time of
    /// about `Exp(m - l)` (the queue M/M/1, seen from `r` places ahead: Kleinrock, Queueing Systems I, 3.2 and 5.6),
    /// while patience ends with the rate `g`: served in time with `(m - l) / s (1 - exp(-s T))`, `s = m - l + g`.
    fn needed(&self, staff: f64) -> f64 {
        let most = MOST_KEPT * staff;
        let arrivals = self.arrival_rate();
        let ends = staff * (self.begun + 1.0) / (self.busy + 180.0);
        let spare = ends - arrivals;
        if arrivals <= 0.0 {
            return 0.0;
        }
        if spare <= 0.0 {
            return most;
        }
        let leaves = spare + (self.gave_up + 0.5) / (self.waited + 60.0);
        let late = 1.0 - spare / leaves * (1.0 - libm::exp(-leaves * self.in_time));
        (libm::log((1.0 - TARGET) / late) / libm::log(arrivals / ends)).clamp(0.0, most)
    }

    /// Callers who queue.
    pub(crate) fn queue(&self) -> usize {
        self.queue.len()
    }

    /// Seconds that the oldest has waited.
    pub(crate) fn oldest_wait(&self, now: f64) -> f64 {
        let oldest = self.queue.values().copied().fold(now, f64::min);
        now - oldest
    }

    /// Seconds within which a call should be answered.
    pub(crate) const fn in_time(&self) -> f64 {
        self.in_time
    }

    /// Part of the calls of late that was answered in time.
    pub(crate) fn service_level(&self) -> f64 {
        if self.ended > 0.0 {
            self.good / self.ended
        } else {
            1.0
        }
    }

    /// Mean wait of late, in seconds.
    pub(crate) fn average_wait(&self) -> f64 {
        if self.ended > 0.0 {
            self.waited / self.ended
        } else {
            0.0
        }
    }

    /// Arrivals a second, of late.
    pub(crate) fn arrival_rate(&self) -> f64 {
        let seconds = (self.counted - self.since).max(60.0);
        self.arrived / (ARRIVALS * (1.0 - libm::exp(-seconds / ARRIVALS)))
    }

    /// Conversations that end a second, of one.
    pub(crate) fn talk_hazard(&self) -> f64 {
        (self.connected + 1.0) / (self.talked + 180.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A centre of so many agents, all busy, whose callers come every `every` seconds and wait for `wait`.
    struct Centre {
        inbound: Inbound,
        staff: u32,
        now: f64,
        callers: u64,
    }

    impl Centre {
        fn of(staff: u32) -> Self {
            Self {
                inbound: Inbound::new(Some(20.0), 0.0),
                staff,
                now: 0.0,
                callers: 0,
            }
        }

        fn runs(&mut self, minutes: u32, every: f64, wait: f64) {
            let (begins, agents) = (self.now, f64::from(self.staff));
            let mut next = begins + every;
            let mut outbound = 0.0;
            while self.now < begins + f64::from(minutes) * 60.0 {
                self.now += 1.0;
                self.inbound.advance(agents / 2.0, agents, self.now);
                // Whoever does not talk to callers talks to others, for three minutes each.
                outbound += (agents / 180.0 - 1.0 / every).max(0.0);
                while outbound >= 1.0 {
                    outbound -= 1.0;
                    self.inbound.outbound_connected();
                }
                while next <= self.now {
                    self.callers += 1;
                    let id = Id::Number(self.callers);
                    for (event, at) in [
                        (InboundEvent::Queued, next),
                        (InboundEvent::Connected, next + wait),
                    ] {
                        self.inbound.happen(&id, event, self.staff, at);
                    }
                    next += every;
                }
            }
        }

        fn reserve(&self) -> f64 {
            self.inbound.reserve(f64::from(self.staff))
        }
    }

    #[test]
    fn calls_that_come_too_late_raise_the_reserve_and_calls_in_time_lower_it() {
        let reserve = |wait| {
            let mut centre = Centre::of(40);
            centre.runs(20, 8.0, wait);
            centre.reserve()
        };
        assert!(reserve(30.0) > reserve(3.0) + 3.0);
    }

    #[test]
    fn a_rush_has_agents_kept_for_it_while_it_lasts() {
        let mut centre = Centre::of(40);
        centre.runs(60, 13.0, 0.0);
        let before = centre.reserve();
        centre.runs(10, 6.0, 12.0);
        assert_eq!(centre.inbound.service_level(), 1.0);
        let rush = centre.reserve();
        centre.runs(15, 13.0, 0.0);
        let after = centre.reserve();
        assert!(
            before < 1.0 && rush > 1.5 && after < 1.0,
            "{before} {rush} {after}"
        );
    }

    #[test]
    fn after_more_callers_than_all_could_serve_agents_do_not_stay_idle() {
        let mut centre = Centre::of(30);
        centre.runs(60, 17.0, 0.0);
        centre.runs(45, 4.0, 90.0);
        let worst = centre.reserve();
        assert!(worst > 5.0 && worst <= 30.0 * (MOST_KEPT + MOST_OWED), "{worst}");
        centre.runs(30, 17.0, 0.0);
        let soon = centre.reserve();
        assert!(soon < 2.0, "{soon}");
    }

    #[test]
    fn nobody_is_kept_for_callers_who_do_not_come() {
        let mut centre = Centre::of(20);
        assert_eq!(centre.reserve(), 0.0);
        centre.runs(30, 1e9, 0.0);
        assert_eq!(centre.reserve(), 0.0);
    }
}
