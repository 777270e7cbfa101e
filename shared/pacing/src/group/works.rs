//! Works: each with its engine, and the agents that it has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use domain::agent::Side;
use domain::id::AgentId;
use domain::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use super::agents::Seat;
use super::calls::{Result, Waiting};
use super::{Group, Settings, Terms, WorkId, seconds};
use crate::engine::{Rest, State, attempt};
use crate::plan::Plan;
use crate::protocol::{Answer, Counts, Event, Line, Question, Start};

/// How long the abandonment of a campaign is remembered after its last call: the longest legal window.
const REMEMBERED: Millis = Millis::hours(31 * 24);

/// What a work has learned is kept so long after its last call; then only what was counted.
const LEARNED: Millis = Millis::hours(24);

/// How a work is paced.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Engine {
    Runs(Box<State>),
    /// For a work that nothing was called for of late.
    Rests(Box<Rest>),
}

impl Engine {
    /// Other terms from now on. One that rests takes them when it wakes.
    fn agree(&mut self, plan: &Plan, run: Start) {
        if let Self::Runs(state) = self {
            state.agree(plan, run);
        }
    }

    /// When its run began, in seconds since the group did.
    fn began(&self) -> f64 {
        match self {
            Self::Runs(state) => state.began(),
            Self::Rests(rest) => rest.began,
        }
    }

    /// Lets it rest; whether it did not yet.
    fn rest(&mut self) -> bool {
        let Self::Runs(state) = self else {
            return false;
        };
        *self = Self::Rests(Box::new(state.rest()));
        true
    }
}

/// Calls of one campaign in one mode.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Work {
    pub(super) terms: Terms,
    engine: Engine,
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
}

/// For whom a call waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    /// For one agent alone.
    Theirs,
    /// For whoever is free.
    Anybodys,
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
    /// When it began.
    pub const fn began(&self) -> Timestamp {
        self.began
    }

    /// The agents who are there.
    pub fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.agents.keys()
    }

    /// The works, which anybody may look at.
    pub fn works(&self) -> impl Iterator<Item = &WorkId> {
        self.works.keys()
    }

    /// How many calls of a work are known to wait for an agent who could have them now.
    pub fn waiting(&self, work: &WorkId) -> usize {
        let waiting = self.works.get(work).into_iter().flat_map(|work| &work.waiting);
        waiting
            .filter(|waiting| self.could_serve(waiting.agent.as_ref()))
            .count()
    }

    /// Whether a call for one agent, or for any, could have an agent now.
    pub fn could_serve(&self, agent: Option<&AgentId>) -> bool {
        let is_free = |agent| {
            self.agents
                .get(agent)
                .is_some_and(|seat| seat.is_free(self.ahead()))
        };
        agent.is_none_or(is_free)
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
            let run = self.settings.run(&work.terms, work.engine.began());
            work.engine.agree(&work.terms.plan, run);
        }
    }

    /// A work is done so from now on.
    pub(super) fn agree(&mut self, id: &WorkId, terms: &Terms) {
        let t = self.seconds();
        if let Some(work) = self.works.get_mut(id) {
            let run = self.settings.run(terms, work.engine.began());
            work.engine.agree(&terms.plan, run);
            work.terms = terms.clone();
            return;
        }
        let run = self.settings.run(terms, t);
        let work = Work {
            engine: Engine::Runs(Box::new(State::new(&terms.plan, run, t))),
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
        let passes = question.is_none() && matches!(event, Event::Tick | Event::Inbound(..));
        if let Engine::Rests(rest) = &work.engine {
            if passes {
                return None;
            }
            let run = self.settings.run(&work.terms, rest.began);
            let woken = State::woken(Rest::clone(rest), &work.terms.plan, run, t);
            work.engine = Engine::Runs(Box::new(woken));
        }
        let Engine::Runs(state) = &mut work.engine else {
            return None;
        };
        let line = Line {
            t,
            event: event.clone(),
            question,
            counts,
        };
        let (answer, failed) = attempt(&work.terms.plan, state, &line)?;
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
        for call in self.calls.values().filter(|call| call.work == *id) {
            load.calls += u32::from(call.stage.is_started() && call.agent.is_none());
        }
        load
    }

    /// The works that are to have agents now, in the order in which lines are given to them: what has the fewest calls
    /// on their way, against its weight, comes first.
    pub(super) fn leading_by_calls(&self) -> Vec<WorkId> {
        let mut calls: BTreeMap<&WorkId, u64> = BTreeMap::new();
        for call in self.calls.values().filter(|call| call.stage.is_started()) {
            *calls.entry(&call.work).or_default() += 1;
        }
        let load = |id: &WorkId| {
            let weight = self.works.get(id).map_or(1, |work| work.terms.weight.max(1));
            (calls.get(id).copied().unwrap_or(0), u64::from(weight))
        };
        let mut leading = self.leading();
        // Calls per weight, compared by cross-multiplication.
        leading.sort_by(|a, b| {
            let ((a_calls, a_weight), (b_calls, b_weight)) = (load(a), load(b));
            (a_calls * b_weight).cmp(&(b_calls * a_weight))
        });
        leading
    }

    /// The works that are to have agents now: those of the highest priority that have somebody to call.
    /// A blended group does one at a time: its inbound calls are one queue. There a call for an agent who is not seized
    /// for outbound, and may never be, comes after all others.
    pub(super) fn leading(&self) -> Vec<WorkId> {
        let is_seized = |seat: &Seat| !self.settings.blended || seat.seen.side == Side::Outbound;
        let leading = self.leading_if(is_seized);
        if leading.is_empty() {
            self.leading_if(|_| true)
        } else {
            leading
        }
    }

    /// The same, if agents for whom alone a call waits may have it who are so.
    fn leading_if(&self, may: impl Fn(&Seat) -> bool) -> Vec<WorkId> {
        let wants = |(id, work): &(&WorkId, &Work)| {
            let mut waiting = work.waiting.iter();
            work.terms.open && waiting.any(|waiting| self.could_have_agent(id, waiting, &may))
        };
        let wanting = || self.works.iter().filter(wants);
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

    /// Whether an agent could be given to a work for a call that waits. One for whom it alone waits, and who is not
    /// there, is not to keep the others from their work.
    fn could_have_agent(&self, work: &WorkId, waiting: &Waiting, may: impl Fn(&Seat) -> bool) -> bool {
        let Some(agent) = &waiting.agent else {
            return true;
        };
        let free = |seat: &&Seat| seat.is_free(self.ahead()) && may(seat);
        let seat = self.agents.get(agent).filter(free);
        seat.is_some_and(|seat| seat.serves(work) || !self.is_counted_on(seat))
    }

    /// Whether calls on their way count on an agent.
    fn is_counted_on(&self, seat: &Seat) -> bool {
        seat.work.as_ref().is_some_and(|work| {
            let load = self.load(work);
            load.free <= load.calls
        })
    }

    /// Whether a work has a call that an agent may have; and whether it is for nobody else.
    fn has_call_for(&self, work: &WorkId, agent: &AgentId) -> Option<Whose> {
        let mut whose = None;
        for waiting in self.works.get(work).into_iter().flat_map(|work| &work.waiting) {
            match &waiting.agent {
                Some(only) if only == agent => return Some(Whose::Theirs),
                Some(_) => {}
                None => whose = Some(Whose::Anybodys),
            }
        }
        whose
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
        let seat = self.agents.get(agent)?;
        if self.is_counted_on(seat) {
            return None;
        }
        let present = seat.work.as_ref();
        let candidates: Vec<_> = leading
            .iter()
            .filter_map(|work| Some((self.has_call_for(work, agent)?, work)))
            .collect();
        // What waits for this agent alone waits for nobody else.
        let whose = candidates.iter().map(|(whose, _)| *whose).min()?;
        let candidates = candidates.into_iter().filter(|(other, _)| *other == whose);
        // Agents per weight if this one came along, compared by cross-multiplication.
        let fullness = |id: &WorkId| {
            let others = self.load(id).agents - u32::from(present == Some(id));
            let weight = self.works.get(id).map_or(1, |work| work.terms.weight.max(1));
            (u64::from(others) + 1, u64::from(weight))
        };
        let best = candidates.map(|(_, work)| work).min_by(|a, b| {
            let ((a_agents, a_weight), (b_agents, b_weight)) = (fullness(a), fullness(b));
            let stays = |id: &WorkId| u8::from(present != Some(id));
            (a_agents * b_weight)
                .cmp(&(b_agents * a_weight))
                .then(stays(a).cmp(&stays(b)))
        })?;
        (present != Some(best)).then(|| best.clone())
    }

    /// Of works that nothing was called for, first what was learned is forgotten; then, when no law looks back on them
    /// any more, they are.
    pub(super) fn forget_old_works(&mut self) {
        let now = self.now;
        let busy: BTreeSet<&WorkId> = self.calls.values().map(|call| &call.work).collect();
        let is_idle = |id: &WorkId, work: &Work| work.waiting.is_empty() && !busy.contains(id);
        self.works
            .retain(|id, work| work.last + REMEMBERED > now || !is_idle(id, work));
        for (id, work) in &mut self.works {
            if work.last + LEARNED <= now && is_idle(id, work) && work.engine.rest() {
                let serving = self.agents.values_mut().filter(|seat| seat.serves(id));
                serving.for_each(|seat| seat.work = None);
            }
        }
    }
}
