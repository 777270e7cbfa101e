//! The state machine: lines in, decisions out.

use std::collections::BTreeMap;

use flows::expression::EvaluationError;
use serde::{Deserialize, Serialize};

use crate::budget::{Budget, Limit, Window};
use crate::inbound::Inbound;
use crate::model::demand::{Demand, Forecast, Verdict};
use crate::model::supply::{Outlook, Supply};
use crate::plan::{Mode, Plan};
use crate::predictive::Strain;
use crate::protocol::{
    AgentEvent, Answer, CallEvent, Counts, Event, Id, Line, Pacer, Pool, Question, Start, Why,
};
use crate::seize::Query;

/// Everything that is known about a run. Serialisable: what is read back decides as the original does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    began: f64,
    now: f64,
    run: Start,
    supply: Supply,
    demand: Demand,
    inbound: Inbound,
    budget: Budget,
    strain: Strain,
    /// The risk that was taken last.
    threshold: f64,
    /// Live calls without an agent, and since when.
    #[serde(with = "crate::pairs")]
    waiting: BTreeMap<Id, f64>,
    /// Agents who serve inbound callers, as far as can be seen, and those who are busy at all.
    serving: f64,
    #[serde(default)]
    busy: f64,
    /// Expectations, renewed each second.
    forecast: Forecast,
    agents: Outlook,
    renewed: f64,
}

/// What is left of a run for which nothing is called: what was counted, since the law looks back on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rest {
    pub(crate) began: f64,
    budget: Budget,
    strain: Strain,
}

/// The numbers of a moment: as the centre gives them, else as counted here.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) staff: u32,
    pub(crate) seized: u32,
    pub(crate) idle: u32,
    pub(crate) talk: u32,
    pub(crate) wrap: u32,
    pub(crate) in_flight: u32,
    pub(crate) waiting: u32,
    pub(crate) idle_in: u32,
    pub(crate) in_queue: u32,
    pub(crate) in_wait: f64,
    pub(crate) pending: Option<u32>,
    /// Agents who serve inbound callers and have not announced their end.
    pub(crate) serving: f64,
    /// Calls that may be started at most.
    pub(crate) most: u32,
}

impl Moment {
    /// Agents who are not free, whatever they do.
    fn busy(&self) -> f64 {
        f64::from(self.staff.saturating_sub(self.idle).saturating_sub(self.idle_in))
    }
}

/// Calls to start, and the risk that was taken for the last of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Dialing {
    pub(crate) calls: u32,
    pub(crate) threshold: f64,
}

/// Takes one line in; an answer for a question, none otherwise.
///
/// A line from the past counts as of now; one that repeats or contradicts what is known changes nothing.
///
/// A formula that has no value at a moment leaves the decision to `progressive()` or `credit()`.
pub fn decide(plan: &Plan, state: &mut State, line: &Line) -> Option<Answer> {
    attempt(plan, state, line).map(|(answer, _)| answer)
}

/// The same, and why a formula had no value.
pub(crate) fn attempt(
    plan: &Plan,
    state: &mut State,
    line: &Line,
) -> Option<(Answer, Option<EvaluationError>)> {
    if let Event::Start(run) = &line.event {
        *state = State::new(plan, *run, line.t);
    }
    state.now = state.now.max(line.t);
    state.renew();
    state.happen(&line.event);
    Some(match line.question? {
        Question::Dial => {
            let moment = state.moment(&line.counts);
            state.serving = moment.serving;
            state.busy = moment.busy();
            let (dialing, failed) = or(plan.calls(state, &moment), || {
                state.by_mode(Mode::Progressive, &moment)
            });
            state.threshold = dialing.threshold;
            let calls = if state.budget.is_exceeded(plan.limits.len()) {
                // Whatever the formula says, nobody else is lost before what was lost is made up for.
                dialing.calls.min(state.by_mode(Mode::Progressive, &moment).calls)
            } else {
                dialing.calls
            };
            (Answer::Dial(calls.min(moment.most)), failed)
        }
        Question::Seize => {
            let (pool, failed) = state.seize(plan, line);
            (Answer::Seize(pool), failed)
        }
    })
}

/// What a formula gives, or what stands in for it and why.
fn or<T, E>(decided: Result<T, E>, otherwise: impl FnOnce() -> T) -> (T, Option<E>) {
    match decided {
        Ok(decided) => (decided, None),
        Err(error) => (otherwise(), Some(error)),
    }
}

/// All limits of abandonment: those of the plan, and the run's own.
fn limits(plan: &Plan, run: &Start, began: f64) -> Vec<Limit> {
    let own = Limit {
        rate: run.limit,
        window: run
            .duration
            .map_or(Window::Life, |duration| Window::Run(began + duration)),
    };
    plan.limits.iter().copied().chain([own]).collect()
}

impl State {
    /// A run that begins.
    pub fn new(plan: &Plan, run: Start, now: f64) -> Self {
        let demand = Demand::default();
        let supply = Supply::default();
        let forecast = demand.forecast();
        let agents = supply.forecast(&forecast.horizons, run.abandon_wait);
        let limits = limits(plan, &run, now);
        Self {
            began: now,
            now,
            run,
            supply,
            demand,
            inbound: Inbound::new(run.in_sla, now),
            budget: Budget::new(&limits, now),
            strain: Strain::default(),
            threshold: 0.0,
            waiting: BTreeMap::new(),
            serving: 0.0,
            busy: 0.0,
            forecast,
            agents,
            renewed: now,
        }
    }

    /// Another plan and other terms from now on. What was learned and counted stays.
    pub(crate) fn agree(&mut self, plan: &Plan, run: Start) {
        self.run = run;
        self.inbound.aim(run.in_sla);
        self.budget.limited_by(&limits(plan, &run, self.began));
    }

    /// What is left of it when it rests.
    pub(crate) fn rest(&self) -> Rest {
        Rest {
            began: self.began,
            budget: self.budget.clone(),
            strain: self.strain,
        }
    }

    /// A run that goes on after a rest: what was counted stands, and all else is learned anew.
    pub(crate) fn woken(rest: Rest, plan: &Plan, run: Start, now: f64) -> Self {
        let Rest {
            began,
            mut budget,
            strain,
        } = rest;
        budget.resume(&limits(plan, &run, began), now);
        Self {
            began,
            budget,
            strain,
            ..Self::new(plan, run, now)
        }
    }

    /// Brings what is learned and expected up to date, once a second.
    fn renew(&mut self) {
        if self.now - self.renewed < 1.0 {
            return;
        }
        self.demand.advance(self.now);
        self.supply.advance(self.now);
        self.inbound.advance(self.serving, self.busy, self.now);
        self.budget.advance(self.now);
        self.forecast = self.demand.forecast();
        self.agents = self
            .supply
            .forecast(&self.forecast.horizons, self.run.abandon_wait);
        self.renewed = self.now;
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Agent(agent, event) => self.agent(agent, *event),
            Event::Call(call, event) => self.call(call, event),
            Event::Inbound(call, event) => {
                let staff = self.supply.census().staff;
                self.inbound.happen(call, *event, staff, self.now);
            }
            Event::SeizeQuery {
                agent: Some(agent),
                why: Why::Freed,
                pool,
            } => self.supply.free(agent, Some(*pool), self.now),
            Event::SeizeQuery { .. } | Event::Start(_) | Event::End | Event::Tick | Event::Other(_) => {}
        }
    }

    fn agent(&mut self, agent: &Id, event: AgentEvent) {
        let now = self.now;
        let side = if self.run.blended {
            Pool::Inbound
        } else {
            Pool::Outbound
        };
        match event {
            AgentEvent::LogOn | AgentEvent::Back => self.supply.log_on(agent, side),
            AgentEvent::LogOff => self.supply.log_off(agent, now),
            AgentEvent::Break | AgentEvent::Missed => self.supply.leave(agent, now),
            AgentEvent::Available(pool) => self.supply.free(agent, pool, now),
            AgentEvent::AboutToFinish(left) => self.supply.announces(agent, left, now),
            AgentEvent::WrapStart(left) => self.supply.wraps(agent, left, now),
        }
    }

    fn call(&mut self, call: &Id, event: &CallEvent) {
        let now = self.now;
        match event {
            CallEvent::Dialed => self.demand.dialed(call, now),
            CallEvent::Ringing => self.demand.rings(call),
            CallEvent::Answered => self.demand.answered(call, now),
            CallEvent::Busy | CallEvent::NoAnswer | CallEvent::Invalid | CallEvent::Fax => {
                self.demand.resolved(call, Verdict::Other, now);
            }
            CallEvent::Machine => {
                self.demand.resolved(call, Verdict::Machine, now);
                // Detection may still say so of a call that waits already; it waits no more.
                self.waiting.remove(call);
            }
            CallEvent::LiveWaiting => {
                if self.live(call) {
                    self.waiting.insert(call.clone(), now);
                }
            }
            CallEvent::Connected { agent, .. } => {
                if self.live(call) | self.waiting.remove(call).is_some() {
                    self.inbound.outbound_connected();
                    self.supply.talks(agent, now);
                }
            }
            CallEvent::Abandoned => {
                if self.live(call) | self.waiting.remove(call).is_some() {
                    self.budget.abandoned(now);
                    self.strain.abandoned();
                }
            }
        }
    }

    /// A call in flight is a person. False if it was not in flight.
    fn live(&mut self, call: &Id) -> bool {
        let fresh = self.demand.resolved(call, Verdict::Live, self.now);
        if fresh {
            self.budget.live(self.now);
            self.strain.live(self.threshold);
        }
        fresh
    }

    pub(crate) fn moment(&self, counts: &Counts) -> Moment {
        let own = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let census = self.supply.census();
        let idle = counts.idle.unwrap_or(census.idle);
        let talk = counts.talk.unwrap_or(census.talk);
        let wrap = counts.wrap.unwrap_or(census.wrap);
        let in_flight = counts.inflight.unwrap_or_else(|| own(self.demand.in_flight()));
        let staff = census.staff.max(idle.saturating_add(talk).saturating_add(wrap));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let lines = (f64::from(staff) * self.run.max_lines_per_agent) as u32;
        let idle_in = counts.idle_in.unwrap_or(census.idle_in);
        // Inbound calls do not tell their agents: whoever is not known to do anything and is not free.
        let unknown = census.idle + census.idle_in;
        Moment {
            staff,
            seized: if self.run.blended { census.seized } else { staff },
            idle,
            talk,
            wrap,
            in_flight,
            waiting: counts.waiting.unwrap_or_else(|| own(self.waiting.len())),
            idle_in,
            serving: f64::from(unknown.saturating_sub(idle).saturating_sub(idle_in)),
            in_queue: counts.in_queue.unwrap_or_else(|| own(self.inbound.queue())),
            in_wait: counts
                .in_wait
                .unwrap_or_else(|| self.inbound.oldest_wait(self.now)),
            pending: counts.pending,
            most: lines
                .saturating_sub(in_flight)
                .min(counts.pending.unwrap_or(u32::MAX)),
        }
    }

    fn seize(&mut self, plan: &Plan, line: &Line) -> (Pool, Option<EvaluationError>) {
        let Event::SeizeQuery { agent, why, pool } = &line.event else {
            return (Pool::Inbound, None);
        };
        let moment = self.moment(&line.counts);
        let query = Query {
            why: *why,
            pool: *pool,
            state: self,
            moment: &moment,
        };
        let (side, failed) = or(plan.pool(&query), || query.credit());
        if let Some(agent) = agent {
            self.supply.assign(agent, side);
        }
        (side, failed)
    }
}

/// What the other parts read.
impl State {
    pub(crate) const fn began(&self) -> f64 {
        self.began
    }

    /// Seconds since the run began.
    pub(crate) fn elapsed(&self) -> f64 {
        self.now - self.began
    }

    pub(crate) const fn now(&self) -> f64 {
        self.now
    }

    pub(crate) const fn run(&self) -> &Start {
        &self.run
    }

    /// An agent is in conversation, whatever the call.
    pub(crate) fn converses(&mut self, agent: &Id) {
        self.supply.talks(agent, self.now);
    }

    pub(crate) const fn supply(&self) -> &Supply {
        &self.supply
    }

    pub(crate) const fn demand(&self) -> &Demand {
        &self.demand
    }

    pub(crate) const fn inbound(&self) -> &Inbound {
        &self.inbound
    }

    pub(crate) const fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(crate) const fn strain(&self) -> Strain {
        self.strain
    }

    pub(crate) const fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    pub(crate) const fn agents(&self) -> &Outlook {
        &self.agents
    }

    /// Seconds that the live call that waits longest has waited.
    pub(crate) fn oldest_waiting(&self) -> f64 {
        self.now - self.waiting.values().copied().fold(self.now, f64::min)
    }
}

/// A plan and the state of its run.
#[derive(Clone, Debug)]
pub struct Engine {
    plan: Plan,
    state: State,
}

impl Engine {
    /// An engine before its run has begun.
    pub fn new(plan: Plan) -> Self {
        let state = State::new(&plan, Start::default(), 0.0);
        Self { plan, state }
    }

    /// The state.
    pub const fn state(&self) -> &State {
        &self.state
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(Plan::default())
    }
}

impl Pacer for Engine {
    fn tell(&mut self, line: &Line) -> Option<Answer> {
        decide(&self.plan, &mut self.state, line)
    }
}
