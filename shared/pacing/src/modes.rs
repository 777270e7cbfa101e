//! The dialing modes: how many calls to start at a moment.

use crate::engine::{Dialing, Moment, State};
use crate::model::Row;
use crate::plan::Mode;
use crate::predictive::Floor;
use crate::seize::OUTBOUND_FLOOR;
use crate::surplus::Terms;

impl State {
    /// The calls to start now by a mode.
    pub(crate) fn by_mode(&self, mode: Mode, moment: &Moment) -> Dialing {
        match mode {
            Mode::Preview | Mode::Progressive => without_risk(power(1.0, moment)),
            Mode::Power(ratio) => without_risk(power(ratio, moment)),
            Mode::Predictive(target) => self.predictive(target, moment),
        }
    }

    fn predictive(&self, target: f64, moment: &Moment) -> Dialing {
        let contacts = moment.pending.map_or(f64::INFINITY, f64::from);
        let live = contacts * self.demand().answer_rate();
        let allowance = self.budget().allowance(self.now(), target, live);
        let threshold = self.strain().threshold(&allowance);
        let most = self.cold_calls(moment).unwrap_or(moment.most);
        let shared = self.shared_floor(moment).calls(threshold, &allowance, most);
        // What outbound has for itself, however many queue on the other side.
        let own = if moment.in_queue > 0 {
            self.own_floor(moment).calls(threshold, &allowance, most)
        } else {
            0
        };
        Dialing {
            calls: shared.max(own).max(power(1.0, moment)),
            threshold,
        }
    }

    /// While little is known: every call in flight may be a person.
    fn cold_calls(&self, moment: &Moment) -> Option<u32> {
        let answer_rate = self.demand().cold(self.now(), self.run().ring_max)?;
        Some(power(1.0 / answer_rate, moment))
    }

    /// All agents, and all who want one.
    fn shared_floor(&self, moment: &Moment) -> Floor<'_> {
        let rows = self.supply().busy(self.agents(), self.now());
        let mut floor = self.floor(moment, rows.map(|(row, _)| row).collect());
        if !self.run().blended {
            return floor;
        }
        let kept = self.inbound().reserve(f64::from(moment.staff));
        #[allow(clippy::cast_possible_truncation)]
        let spare = libm::floor((f64::from(moment.idle_in) - kept).max(0.0)) as i64;
        floor.free += spare - i64::from(moment.in_queue);
        let ends = |within: f64| 1.0 - libm::exp(-self.inbound().talk_hazard() * within);
        floor.more = self
            .agents()
            .within
            .map(|within| split_of(moment.serving, ends(within)));
        let arrivals = self.inbound().arrival_rate();
        floor.less = self.forecast().horizons.map(|horizon| split(arrivals * horizon));
        floor
    }

    /// The agents who stay on the outbound side when inbound callers queue.
    fn own_floor(&self, moment: &Moment) -> Floor<'_> {
        let kept = (OUTBOUND_FLOOR * f64::from(moment.staff)).max(1.0);
        let stays = (kept / f64::from(moment.seized.max(1))).min(1.0);
        let rows = self.supply().busy(self.agents(), self.now());
        let own = rows.filter(|(_, pool)| *pool == crate::protocol::Pool::Outbound);
        let busy = own.map(|(row, _)| row.map(|p| p * stays)).collect();
        self.floor(moment, busy)
    }

    fn floor(&self, moment: &Moment, busy: Vec<Row>) -> Floor<'_> {
        let mut ages = self.demand().ages(self.now());
        let followed = u32::try_from(self.demand().in_flight()).unwrap_or(u32::MAX);
        if let Some(fresh) = ages.ringing.first_mut() {
            *fresh += moment.in_flight.saturating_sub(followed);
        }
        Floor {
            free: i64::from(moment.idle) - i64::from(moment.waiting),
            busy,
            ages,
            forecast: self.forecast(),
            more: [NOBODY; crate::model::HORIZONS],
            less: [NOBODY; crate::model::HORIZONS],
        }
    }
}

const NOBODY: Terms = Terms {
    probability: 0.0,
    count: 0,
};

/// So many of one probability.
fn split_of(count: f64, probability: f64) -> Terms {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = count as u32;
    Terms { probability, count }
}

/// A Poisson number of this mean, as terms of small probability.
fn split(mean: f64) -> Terms {
    if mean <= 0.0 {
        return NOBODY;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = libm::ceil((mean * 5.0).min(1e6)) as u32;
    Terms {
        probability: mean / f64::from(count),
        count,
    }
}

/// Lines for each free agent, less the calls that are in flight.
fn power(ratio: f64, moment: &Moment) -> u32 {
    let free = f64::from(moment.idle.saturating_sub(moment.waiting));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let lines = (free * ratio.max(0.0)) as u32;
    lines.saturating_sub(moment.in_flight).min(moment.most)
}

const fn without_risk(calls: u32) -> Dialing {
    Dialing {
        calls,
        threshold: 0.0,
    }
}
