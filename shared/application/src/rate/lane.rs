//! The lane of a connector: which moments are taken, and who waits behind them.
//!
//! Moments are given away for the next two seconds at most. Whoever finds no moment within what its rank may
//! look ahead gets a place in the queue: not a moment of its own, but when to ask again. So what is urgent waits behind
//! two seconds of others and not behind all of them, a rate that was raised is used by those who ask next, and
//! the places of what was cancelled hold nobody up.

use domain::activity::Turn;
use domain::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// Blocks hold what the rate allows in this time.
const BLOCK: Millis = Millis::new(50);
/// So many places are given at once at least, as far as they lie within a second.
const PLACES: u32 = 20;
/// What nobody asked of for so long is idle: those who have places did not come, and the queues begin anew.
const IDLE: Millis = Millis::seconds(15);
const MICROS: i64 = 1_000_000;

/// Who asks. The earlier goes before the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Of high priority, or an agent is waiting.
    Urgent,
    /// Its place in the queue has come.
    Waited,
    /// It has not waited, or not yet as long as it must.
    Fresh,
}

impl Rank {
    /// How far ahead it may take a moment.
    const fn ahead(self) -> Millis {
        match self {
            Self::Urgent => Millis::seconds(2),
            Self::Waited => Millis::seconds(1),
            Self::Fresh => Millis::new(0),
        }
    }
}

/// One that asks for a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(super) rank: Rank,
    /// The place ahead that it has in the queue.
    pub(super) place: Option<Timestamp>,
}

impl Asker {
    /// One that has had this turn, if any, now.
    pub(crate) fn of(turn: Option<Turn>, is_urgent: bool, now: Timestamp) -> Self {
        let place = match turn {
            Some(Turn::Place(place)) if place > now => Some(place),
            _ => None,
        };
        let rank = match turn {
            _ if is_urgent => Rank::Urgent,
            // A slot that was missed is waited for, too.
            Some(Turn::Place(moment) | Turn::Slot(moment)) if moment <= now => Rank::Waited,
            _ => Rank::Fresh,
        };
        Self { rank, place }
    }
}

/// What a lane gives to one that asks, and to those who ask next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// Moments to go out at, one each.
    Slots(Vec<Timestamp>),
    /// Places in the queue of the asker's rank, one each.
    Places(Vec<Timestamp>),
    /// The place that the asker has is the best.
    Stay(Timestamp),
}

/// All times in microseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Lane {
    /// Moments a second, when it was asked last.
    rate: u32,
    /// The next moment that is free.
    free: i64,
    /// Where the queues of the ranks end.
    urgent: i64,
    waited: i64,
    fresh: i64,
}

/// How moments lie at a rate.
struct Spacing {
    /// Moments of a block, all the same instant.
    moments: u32,
    /// From one block to the next.
    step: i64,
    /// Blocks that are given at once to those who must wait.
    queued: i64,
}

impl Spacing {
    fn of(rate_per_second: u32) -> Self {
        let per_block = u64::from(rate_per_second) * BLOCK.get() / 1_000;
        let moments = u32::try_from(per_block).unwrap_or(u32::MAX).max(1);
        // Whole blocks in a second: where they do not come out even, the rate is not quite used.
        let blocks = i64::from((rate_per_second / moments).max(1));
        let queued = i64::from(PLACES.div_ceil(moments)).min(blocks);
        Self {
            moments,
            step: (MICROS + blocks - 1) / blocks,
            queued,
        }
    }

    fn block(&self, at: i64) -> impl Iterator<Item = Timestamp> + use<> {
        // Rounded up: never before its moment.
        let moment = Timestamp::from_millis(at.saturating_add(999) / 1_000);
        (0..self.moments).map(move |_| moment)
    }

    /// From one block of places to the next: a little more than between moments, so that one who comes late does
    /// not make all behind it wait a second time.
    const fn step_of_places(&self) -> i64 {
        self.step + self.step / 100
    }
}

fn micros(span: Millis) -> i64 {
    i64::try_from(span.get())
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000)
}

impl Lane {
    /// The lane after it was asked, and what it gives.
    pub(super) fn ask(mut self, rate_per_second: u32, asker: Asker, now: Timestamp) -> (Self, Given) {
        let spacing = Spacing::of(rate_per_second);
        let now = now.millis().saturating_mul(1_000);
        if self.free.saturating_add(micros(IDLE)) < now {
            (self.urgent, self.waited, self.fresh) = (0, 0, 0);
        }
        self.runs_at(rate_per_second, now);
        if self.free <= now.saturating_add(micros(asker.rank.ahead())) {
            let start = self.free.max(now);
            self.free = start.saturating_add(spacing.step);
            return (self, Given::Slots(spacing.block(start).collect()));
        }
        let start = self.queued_before(asker.rank);
        match asker.place {
            Some(place) if place.millis().saturating_mul(1_000) <= start => (self, Given::Stay(place)),
            _ => self.queue(asker.rank, start, &spacing),
        }
    }

    /// The lane without moments before an instant, unless it has none anyway.
    pub(super) fn closed_until(self, until: Timestamp) -> Option<Self> {
        let free = until.millis().saturating_mul(1_000);
        (self.free < free).then_some(Self { free, ..self })
    }

    /// At another rate the queues are as much longer or shorter. Those who have places ask now and then, and get
    /// better ones.
    fn runs_at(&mut self, rate_per_second: u32, now: i64) {
        let before = std::mem::replace(&mut self.rate, rate_per_second);
        if before == rate_per_second {
            return;
        }
        for end in [&mut self.urgent, &mut self.waited, &mut self.fresh] {
            let length = end.saturating_sub(now).max(0);
            let scaled = i128::from(length) * i128::from(before) / i128::from(rate_per_second.max(1));
            *end = now.saturating_add(i64::try_from(scaled).unwrap_or(i64::MAX));
        }
    }

    /// Where the queue of a rank goes on: behind its own end and those of the ranks before it.
    fn queued_before(&self, rank: Rank) -> i64 {
        let before = match rank {
            Rank::Urgent => self.urgent,
            Rank::Waited => self.urgent.max(self.waited),
            Rank::Fresh => self.urgent.max(self.waited).max(self.fresh),
        };
        before.max(self.free)
    }

    fn queue(mut self, rank: Rank, start: i64, spacing: &Spacing) -> (Self, Given) {
        let step = spacing.step_of_places();
        let nth = |n: i64| start.saturating_add(step.saturating_mul(n));
        let places = (0..spacing.queued).flat_map(|n| spacing.block(nth(n))).collect();
        let end = match rank {
            Rank::Urgent => &mut self.urgent,
            Rank::Waited => &mut self.waited,
            Rank::Fresh => &mut self.fresh,
        };
        *end = nth(spacing.queued);
        (self, Given::Places(places))
    }
}
