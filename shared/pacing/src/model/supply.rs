//! Supply: which agents get free, and when.
//!
//! Conversations and wrap-up end with hazards by their age, learned with the exposure of those that
//! have not ended. Who talks is free within `T` with `sum over s of f(s | age) W(T - s)`: the conversation
//! ends after `s`, then the wrap-up. Where an end was announced (`agent_about_to_finish`, the timer of a
//! wrap-up), what is learned is how far such announcements are off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{HORIZONS, Row};
use crate::learn::deviation::{Deviation, chance};
use crate::learn::grid::Grid;
use crate::learn::hazard::Hazard;
use crate::protocol::{Id, Pool};

/// Conversations that end so many are remembered.
const MEMORY: f64 = 2_000.0;
/// Most agents that are followed.
const MOST_AGENTS: usize = 20_000;

/// The agents, and what is known about how long they are busy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Supply {
    #[serde(with = "crate::pairs")]
    agents: BTreeMap<Id, Agent>,
    /// Conversations end, by seconds since they began.
    talk: Hazard,
    /// Wrap-ups end, by seconds since they began.
    wrap: Hazard,
    /// Free, against announcements during the conversation.
    announced: Deviation,
    /// Free, against the timers of wrap-ups.
    timed: Deviation,
    /// Conversations that ended, and those without wrap-up.
    ended: Share,
    /// Agents who finished, and those who did not take the next call.
    finished: Share,
    /// Until when exposure is counted.
    counted: f64,
}

/// How many agents do what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Logged on and not away.
    pub(crate) staff: u32,
    /// Of these, on the outbound side.
    pub(crate) seized: u32,
    /// Free, on the outbound side.
    pub(crate) idle: u32,
    /// Free, on the inbound side.
    pub(crate) idle_in: u32,
    /// In conversation, on the outbound side.
    pub(crate) talk: u32,
    /// In wrap-up, on the outbound side.
    pub(crate) wrap: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Agent {
    pool: Pool,
    phase: Phase,
}

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Phase {
    /// Free.
    Idle,
    /// Talks, outbound, since then; the end may be announced.
    Talk { since: f64, announced: Option<f64> },
    /// Wraps up since then; the end may have been announced before, and is known with a timer.
    Wrap {
        since: f64,
        announced: Option<f64>,
        timer: Option<f64>,
    },
    /// Serves an inbound caller, or so it seems: the end was announced.
    Serving { announced: f64 },
    /// Has a break.
    Away,
}

/// How many of how many, decayed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Share {
    all: f64,
    some: f64,
}

impl Share {
    fn count(&mut self, some: bool) {
        self.all = self.all * 0.998 + 1.0;
        self.some = self.some * 0.998 + f64::from(u8::from(some));
    }

    fn value(self) -> f64 {
        self.some / self.all
    }
}

impl Default for Supply {
    fn default() -> Self {
        Self {
            agents: BTreeMap::new(),
            talk: Hazard::new(Grid::Handling, 1.0 / 120.0, MEMORY),
            wrap: Hazard::new(Grid::Handling, 1.0 / 20.0, MEMORY),
            announced: Deviation::new(60.0, 3.0),
            timed: Deviation::new(2.0, 5.0),
            ended: Share { all: 2.0, some: 1.0 },
            finished: Share { all: 20.0, some: 0.4 },
            counted: 0.0,
        }
    }
}

impl Supply {
    /// Agents by what they do.
    pub(crate) fn census(&self) -> Census {
        self.agents.values().fold(Census::default(), |mut census, agent| {
            let outbound = agent.pool == Pool::Outbound;
            match agent.phase {
                Phase::Away => return census,
                Phase::Idle if outbound => census.idle += 1,
                Phase::Idle => census.idle_in += 1,
                Phase::Talk { .. } if outbound => census.talk += 1,
                Phase::Wrap { .. } if outbound => census.wrap += 1,
                Phase::Talk { .. } | Phase::Wrap { .. } | Phase::Serving { .. } => {}
            }
            census.staff += 1;
            census.seized += u32::from(outbound);
            census
        })
    }

    pub(crate) fn log_on(&mut self, agent: &Id, pool: Pool) {
        self.set(agent, Some(pool), Phase::Idle);
    }

    pub(crate) fn log_off(&mut self, agent: &Id, now: f64) {
        self.finish(agent, now, true);
        self.agents.remove(agent);
    }

    pub(crate) fn leave(&mut self, agent: &Id, now: f64) {
        self.finish(agent, now, true);
        self.set(agent, None, Phase::Away);
    }

    pub(crate) fn free(&mut self, agent: &Id, pool: Option<Pool>, now: f64) {
        self.finish(agent, now, false);
        self.set(agent, pool, Phase::Idle);
    }

    /// The agent goes to the other side, or stays.
    pub(crate) fn assign(&mut self, agent: &Id, pool: Pool) {
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.pool = pool;
        }
    }

    pub(crate) fn talks(&mut self, agent: &Id, now: f64) {
        let announced = None;
        self.set(
            agent,
            Some(Pool::Outbound),
            Phase::Talk {
                since: now,
                announced,
            },
        );
    }

    pub(crate) fn wraps(&mut self, agent: &Id, left: Option<f64>, now: f64) {
        let announced = match self.agents.get(agent).map(|agent| agent.phase) {
            Some(Phase::Wrap { .. }) => return,
            Some(Phase::Talk { since, announced }) => {
                self.talk_ended(since, now);
                self.ended.count(false);
                announced
            }
            Some(Phase::Serving { announced }) => Some(announced),
            Some(Phase::Idle | Phase::Away) | None => None,
        };
        let timer = left.map(|left| now + left);
        let wrap = Phase::Wrap {
            since: now,
            announced,
            timer,
        };
        self.set(agent, None, wrap);
    }

    pub(crate) fn announces(&mut self, agent: &Id, left: f64, now: f64) {
        match self.agents.get_mut(agent).map(|agent| &mut agent.phase) {
            Some(Phase::Talk { announced, .. }) => *announced = Some(now + left),
            Some(Phase::Wrap { timer, .. }) => *timer = Some(now + left),
            Some(phase @ (Phase::Idle | Phase::Serving { .. })) => {
                *phase = Phase::Serving {
                    announced: now + left,
                }
            }
            Some(Phase::Away) | None => {}
        }
    }

    /// An agent's conversation, wrap-up or both are over.
    fn finish(&mut self, agent: &Id, now: f64, leaves: bool) {
        let Some(agent) = self.agents.get(agent).copied() else {
            return;
        };
        let announced = match agent.phase {
            Phase::Idle | Phase::Away => return,
            Phase::Serving { announced } => Some(announced),
            Phase::Talk { since, announced } => {
                self.talk_ended(since, now);
                self.ended.count(true);
                announced
            }
            Phase::Wrap {
                since,
                announced,
                timer,
            } => {
                self.expose(&agent.phase, now);
                self.wrap.happen(now - since, 1.0);
                self.wrap.forget(1.0);
                if let Some(timer) = timer {
                    self.timed.happen(now - timer);
                }
                announced
            }
        };
        if let Some(announced) = announced {
            self.announced.happen(now - announced);
        }
        self.finished.count(leaves);
    }

    fn talk_ended(&mut self, since: f64, now: f64) {
        let announced = None;
        self.expose(&Phase::Talk { since, announced }, now);
        self.talk.happen(now - since, 1.0);
        self.talk.forget(1.0);
    }

    fn expose(&mut self, phase: &Phase, now: f64) {
        let (hazard, since) = match phase {
            Phase::Talk { since, .. } => (&mut self.talk, *since),
            Phase::Wrap { since, .. } => (&mut self.wrap, *since),
            Phase::Idle | Phase::Serving { .. } | Phase::Away => return,
        };
        let from = since.max(self.counted);
        if now > from {
            hazard.expose(from - since, now - since, 1.0);
        }
    }

    fn set(&mut self, agent: &Id, pool: Option<Pool>, phase: Phase) {
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.pool = pool.unwrap_or(agent.pool);
            agent.phase = phase;
        } else if self.agents.len() < MOST_AGENTS {
            let pool = pool.unwrap_or(Pool::Outbound);
            self.agents.insert(agent.clone(), Agent { pool, phase });
        }
    }

    /// Brings everything that is learned up to date.
    pub(crate) fn advance(&mut self, now: f64) {
        let phases: Vec<Phase> = self.agents.values().map(|agent| agent.phase).collect();
        for phase in &phases {
            self.expose(phase, now);
        }
        self.counted = now;
    }

    /// What is to be expected of agents, who may be late by `grace` seconds at each horizon.
    pub(crate) fn forecast(&self, horizons: &Row, grace: f64) -> Outlook {
        let within = horizons.map(|horizon| horizon + grace);
        let stays = 1.0 - self.finished.value();
        let wrap = self.wrap.rates();
        let none = self.ended.value();
        let done = |seconds: f64| {
            if seconds <= 0.0 {
                return 0.0;
            }
            none + (1.0 - none) * ends_within(&wrap, 0.0, seconds)
        };
        let longest = within.last().copied().unwrap_or(0.0);
        let done: Vec<f64> = steps(longest).map(|second| done(second + 0.5)).collect();
        let talk: Vec<f64> = self
            .talk
            .rates()
            .iter()
            .map(|rate| 1.0 - libm::exp(-rate))
            .collect();
        let bins = 0..Grid::Handling.bins();
        Outlook {
            within,
            stays,
            talk: bins
                .clone()
                .map(|bin| talk_row(&talk, middle(bin), &within, &done).map(|p| p * stays))
                .collect(),
            wrap: bins
                .map(|bin| within.map(|seconds| stays * ends_within(&wrap, middle(bin), seconds)))
                .collect(),
            announced: self.announced.later(),
            timed: self.timed.later(),
        }
    }

    /// The agents whose end of work can be foreseen, and their sides.
    pub(crate) fn busy<'a>(
        &'a self,
        outlook: &'a Outlook,
        now: f64,
    ) -> impl Iterator<Item = (Row, Pool)> + 'a {
        let rows = self
            .agents
            .values()
            .map(move |agent| (outlook.row(&agent.phase, now), agent.pool));
        rows.filter_map(|(row, pool)| Some((row?, pool)))
    }

    /// Agents whose end of work was announced.
    pub(crate) fn about_to_finish(&self) -> u32 {
        self.agents.values().fold(0, |count, agent| match agent.phase {
            Phase::Talk {
                announced: Some(_), ..
            }
            | Phase::Wrap { timer: Some(_), .. }
            | Phase::Serving { .. } => count + 1,
            Phase::Talk { .. } | Phase::Wrap { .. } | Phase::Idle | Phase::Away => count,
        })
    }
}

/// Probabilities to be free within each horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outlook {
    pub(crate) within: Row,
    /// That an agent who finishes takes the next call.
    stays: f64,
    talk: Vec<Row>,
    wrap: Vec<Row>,
    announced: Vec<f64>,
    timed: Vec<f64>,
}

impl Outlook {
    fn row(&self, phase: &Phase, now: f64) -> Option<Row> {
        let by = |later: &[f64], end: f64| {
            self.within
                .map(|seconds| self.stays * chance(later, now - end, seconds))
        };
        match phase {
            Phase::Idle | Phase::Away => None,
            Phase::Serving { announced: end }
            | Phase::Talk {
                announced: Some(end), ..
            } => Some(by(&self.announced, *end)),
            Phase::Talk { since, .. } => self.talk.get(Grid::Handling.bin(now - since)).copied(),
            Phase::Wrap { timer: Some(end), .. } => Some(by(&self.timed, *end)),
            Phase::Wrap { since, .. } => self.wrap.get(Grid::Handling.bin(now - since)).copied(),
        }
    }
}

/// The middle of a bin; a minute into the last.
fn middle(bin: usize) -> f64 {
    let start = Grid::Handling.start(bin);
    let end = Grid::Handling.end(bin);
    if end.is_finite() {
        (start + end) / 2.0
    } else {
        start + 60.0
    }
}

/// P(it ends within so many seconds), at this age.
fn ends_within(rates: &[f64], age: f64, seconds: f64) -> f64 {
    let hazard: f64 = crate::learn::hazard::overlaps(Grid::Handling, age, age + seconds)
        .map(|(bin, seconds)| seconds * rates.get(bin).copied().unwrap_or(0.0))
        .sum();
    1.0 - libm::exp(-hazard)
}

/// Who talks at this age: the conversation ends in some second, then the wrap-up.
fn talk_row(ends_in_second: &[f64], age: f64, within: &Row, done: &[f64]) -> Row {
    let longest = within.last().copied().unwrap_or(0.0);
    let mut row = [0.0; HORIZONS];
    let mut open = 1.0;
    for second in steps(longest) {
        let bin = Grid::Handling.bin(age + second);
        let ends = open * ends_in_second.get(bin).copied().unwrap_or(0.0);
        open -= ends;
        for (sum, within) in row.iter_mut().zip(within) {
            let left = within - second - 0.5;
            if left > 0.0 {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let place = left as usize;
                *sum += ends * done.get(place).copied().unwrap_or(1.0);
            }
        }
    }
    row
}

fn steps(longest: f64) -> impl Iterator<Item = f64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let last = longest.clamp(0.0, 300.0) as u32;
    (0..=last).map(f64::from)
}
