//! Works: each with its engine, and the agents that it has.

use std::collections::VecDeque;

use domain::id::AgentId;
use domain::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use super::calls::{Result, Stage, Waiting};
use super::{Group, Settings, Terms, WorkId, seconds};
use crate::engine::{State, attempt};
use crate::protocol::{Answer, Counts, Event, Line, Question};

/// How long the abandonment of a campaign is remembered after its last call: the longest legal window.
const REMEMBERED: Millis = Millis::hours(31 * 24);

/// Calls of one campaign in one mode.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Work {
    pub(super) terms: Terms,
    engine: State,
    pub(super) waiting: VecDeque<Waiting>,
    /// When a call was last started, or the work was begun.
    pub(super) last: Timestamp,
    pub(super) dialed: u64,
    pub(super) connected: u64,
    pub(super) abandoned: u64,
    pub(super) machines: u64,
    pub(super) unanswered: u64,
    /// Why a formula had no value, since that was last asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl Work {
    pub(super) fn count(&mut self, result: Result) {
        match result {
            Result::Connected => self.connected += 1,
            Result::Abandoned => self.abandoned += 1,
            Result::Machine => self.machines += 1,
            Result::Unanswered => self.unanswered += 1,
        }
    }

    /// Whether it has somebody to call.
    pub(super) fn wants_agents(&self) -> bool {
        self.terms.open && !self.waiting.is_empty()
    }
}

/// What a work has, and how it is used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Agents who serve it.
    pub(super) agents: u32,
    /// Of these, free and not kept for a call.
    pub(super) free: u32,
    /// Calls on their way, or live without an agent.
    pub(super) calls: u32,
}

impl Group {
    /// The works, which anybody may look at.
    pub fn works(&self) -> impl Iterator<Item = &WorkId> {
        self.works.keys()
    }

    /// How many calls a work knows to wait.
    pub fn waiting(&self, work: &WorkId) -> usize {
        self.works.get(work).map_or(0, |work| work.waiting.len())
    }

    /// How a work is done at present.
    pub fn terms(&self, work: &WorkId) -> Option<&Terms> {
        self.works.get(work).map(|work| &work.terms)
    }

    /// How the group is set up.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The group is set up so from now on. What the engines have learned stays.
    pub(super) fn set_up(&mut self, settings: &Settings) {
        self.settings = settings.clone();
        for work in self.works.values_mut() {
            work.engine
                .agree(&work.terms.plan, self.settings.run(&work.terms));
        }
    }

    /// A work is done so from now on.
    pub(super) fn agree(&mut self, id: &WorkId, terms: &Terms) {
        let t = self.seconds();
        let run = self.settings.run(terms);
        if let Some(work) = self.works.get_mut(id) {
            work.engine.agree(&terms.plan, run);
            work.terms = terms.clone();
            return;
        }
        let work = Work {
            engine: State::new(&terms.plan, run, t),
            terms: terms.clone(),
            waiting: VecDeque::new(),
            last: self.now,
            dialed: 0,
            connected: 0,
            abandoned: 0,
            machines: 0,
            unanswered: 0,
            failure: None,
        };
        self.works.insert(id.clone(), work);
    }

    /// Seconds since the group began, as engines count.
    pub(super) fn seconds(&self) -> f64 {
        seconds(self.now.since(self.began))
    }

    /// Tells a work's engine.
    pub(super) fn tell(&mut self, work: &WorkId, event: &Event) {
        self.ask(work, event, None, Counts::default());
    }

    /// Tells every engine.
    pub(super) fn tell_all(&mut self, event: &Event) {
        let works: Vec<_> = self.works.keys().cloned().collect();
        for work in works {
            self.tell(&work, event);
        }
    }

    /// Asks a work's engine.
    pub(super) fn ask(
        &mut self,
        work: &WorkId,
        event: &Event,
        question: Option<Question>,
        counts: Counts,
    ) -> Option<Answer> {
        let t = self.seconds();
        let work = self.works.get_mut(work)?;
        let line = Line {
            t,
            event: event.clone(),
            question,
            counts,
        };
        let (answer, failed) = attempt(&work.terms.plan, &mut work.engine, &line)?;
        if let Some(failed) = failed {
            work.failure = Some(failed.to_string());
        }
        Some(answer)
    }

    /// Works a formula of which had no value since this was last asked, and why: their decisions were
    /// those of `progressive()` or `credit()`.
    pub fn take_failures(&mut self) -> Vec<(WorkId, String)> {
        let failed = |(id, work): (&WorkId, &mut Work)| Some((id.clone(), work.failure.take()?));
        self.works.iter_mut().filter_map(failed).collect()
    }

    pub(super) fn load(&self, id: &WorkId) -> Load {
        let mut load = Load::default();
        let ahead = self.ahead();
        for seat in self.agents.values().filter(|seat| seat.serves(id)) {
            load.agents += 1;
            load.free += u32::from(seat.is_free(ahead));
        }
        let dialed = |stage: Stage| !matches!(stage, Stage::Offered);
        for call in self.calls.values().filter(|call| call.work == *id) {
            load.calls += u32::from(dialed(call.stage) && call.agent.is_none());
        }
        load
    }

    /// The works that are to have agents now: those of the highest priority that have somebody to call.
    /// A blended group does one at a time: its inbound calls are one queue.
    pub(super) fn leading(&self) -> Vec<WorkId> {
        let wanting = || self.works.iter().filter(|(_, work)| work.wants_agents());
        let Some(highest) = wanting().map(|(_, work)| work.terms.priority).max() else {
            return Vec::new();
        };
        let leading = wanting()
            .filter(|(_, work)| work.terms.priority == highest)
            .map(|(id, _)| id.clone());
        if self.settings.blended {
            leading.take(1).collect()
        } else {
            leading.collect()
        }
    }

    /// Whether a leading work may start calls: it has no more agents than its weight asks for, rounded up.
    pub(super) fn may_dial(&self, id: &WorkId, leading: &[WorkId]) -> bool {
        if leading.len() < 2 {
            return leading.contains(id);
        }
        let weight = |id: &WorkId| u64::from(self.works.get(id).map_or(1, |work| work.terms.weight.max(1)));
        let all: u64 = leading.iter().map(weight).sum();
        let agents = |id: &WorkId| u64::from(self.load(id).agents);
        let staff: u64 = leading.iter().map(agents).sum();
        leading.contains(id) && agents(id) <= (staff * weight(id)).div_ceil(all.max(1))
    }

    /// Gives free agents to the works that are to have them.
    pub(super) fn move_agents(&mut self) {
        let leading = self.leading();
        if leading.is_empty() {
            return;
        }
        let ahead = self.ahead();
        let free: Vec<AgentId> = self
            .agents
            .iter()
            .filter(|(_, seat)| seat.is_free(ahead))
            .map(|(agent, _)| agent.clone())
            .collect();
        for agent in free {
            if let Some(work) = self.best_for(&agent, &leading) {
                self.serve(&agent, &work);
            }
        }
    }

    /// The work that a free agent is to serve; none if the agent stays.
    fn best_for(&self, agent: &AgentId, leading: &[WorkId]) -> Option<WorkId> {
        let present = self.agents.get(agent)?.work.as_ref();
        if let Some(work) = present {
            let load = self.load(work);
            if load.free <= load.calls {
                // Calls on their way count on this agent.
                return None;
            }
        }
        // Agents per weight if this one came along, compared by cross-multiplication.
        let fullness = |id: &WorkId| {
            let others = self.load(id).agents - u32::from(present == Some(id));
            let weight = self.works.get(id).map_or(1, |work| work.terms.weight.max(1));
            (u64::from(others) + 1, u64::from(weight))
        };
        let best = leading.iter().min_by(|a, b| {
            let ((a_agents, a_weight), (b_agents, b_weight)) = (fullness(a), fullness(b));
            let stays = |id: &WorkId| u8::from(present != Some(id));
            (a_agents * b_weight)
                .cmp(&(b_agents * a_weight))
                .then(stays(a).cmp(&stays(b)))
        })?;
        (present != Some(best)).then(|| best.clone())
    }

    /// Works that nothing was heard of for longer than any law looks back.
    pub(super) fn drop_old_works(&mut self) {
        let now = self.now;
        let busy: Vec<WorkId> = self.calls.values().map(|call| call.work.clone()).collect();
        self.works
            .retain(|id, work| work.last + REMEMBERED > now || !work.waiting.is_empty() || busy.contains(id));
    }
}
