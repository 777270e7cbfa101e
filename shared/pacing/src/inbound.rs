//! The inbound side of blended agents: arrivals, waits, service level, and how many agents it needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::{Id, InboundEvent};

/// Memory of rates and means, in seconds.
const MEMORY: f64 = 900.0;
/// Part of the inbound calls that is to be answered in time: a little over what is promised.
const TARGET: f64 = 0.955;
/// Agents kept for inbound per call that came too late.
const RESERVE_PER_MISS: f64 = 0.35;
/// Calls in time that are remembered as too good.
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
            since: now,
            counted: now,
        }
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
                    self.ends(now - since, now - since <= self.in_time, staff);
                }
            }
            InboundEvent::Abandoned => {
                if let Some(since) = self.queue.remove(call) {
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
        let most = (f64::from(staff) / 2.0).max(1.0) / RESERVE_PER_MISS;
        self.debt = self.debt.clamp(-MOST_EARNED, most);
    }

    /// Brings rates up to date; so many agents talk to inbound callers.
    pub(crate) fn advance(&mut self, talking: f64, now: f64) {
        let seconds = now - self.counted;
        let kept = libm::exp(-seconds / MEMORY);
        self.talked += talking * seconds;
        for value in [
            &mut self.arrived,
            &mut self.ended,
            &mut self.good,
            &mut self.waited,
            &mut self.connected,
            &mut self.talked,
        ] {
            *value *= kept;
        }
        self.counted = now;
    }

    /// Agents to keep free for inbound.
    pub(crate) fn reserve(&self) -> f64 {
        (RESERVE_PER_MISS * self.debt).max(0.0)
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
        self.arrived / (MEMORY * (1.0 - libm::exp(-seconds / MEMORY)))
    }

    /// Conversations that end a second, of one.
    pub(crate) fn talk_hazard(&self) -> f64 {
        (self.connected + 1.0) / (self.talked + 180.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_come_too_late_raise_the_reserve_and_calls_in_time_lower_it() {
        let mut inbound = Inbound::new(Some(20.0), 0.0);
        let mut now = 0.0;
        let mut call = |wait: f64, inbound: &mut Inbound| {
            let id = Id::Number(now as u64);
            inbound.happen(&id, InboundEvent::Queued, 10, now);
            now += wait;
            inbound.happen(&id, InboundEvent::Connected, 10, now);
            now += 10.0;
        };
        for _ in 0..5 {
            call(30.0, &mut inbound);
        }
        let reserve = inbound.reserve();
        assert!(reserve > 1.0 && reserve <= 5.0, "{reserve}");
        for _ in 0..200 {
            call(3.0, &mut inbound);
        }
        assert_eq!(inbound.reserve(), 0.0);
        assert!(inbound.service_level() > 0.9);
    }
}
