//! Calls: those that wait, those that are on their way, and how they come out.

use domain::activity::REPEATED_WITHIN;
use domain::id::{ActivityId, AgentId, ConnectorId};
use domain::time::{Millis, Timestamp};
use domain::voice::CallResult;
use serde::{Deserialize, Serialize};

use super::{Decision, Group, WorkId};
use crate::protocol::{CallEvent, Event, Id};

/// How long a call that connected is known without an agent; then it has one that nobody tells about.
const CLAIMED_WITHIN: Millis = Millis::seconds(60);

/// How a call was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CallSeen {
    /// The customer is on the line.
    Live,
    /// It came out so.
    Over(CallResult),
    /// It was not started after all: cancelled, put off, or put back.
    NotStarted,
}

/// What an agent says to a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferAnswer {
    /// Call this customer.
    Accept,
    /// Not now, show the next one.
    Skip,
    /// This customer is not to be called.
    Reject,
}

/// A call that is on its way, or offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Call {
    pub(super) work: WorkId,
    pub(super) stage: Stage,
    /// The agent who is kept for it.
    pub(super) agent: Option<AgentId>,
    /// The gateway through which it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gateway: Option<ConnectorId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Stage {
    /// It is shown to an agent.
    Offered,
    /// The agent has accepted it; it is started as soon as there is a line.
    Accepted { since: Timestamp },
    /// It is on its way.
    Dialed { since: Timestamp },
    /// The customer is on the line; the agent is not yet told.
    Live { since: Timestamp },
}

impl Stage {
    /// Whether it was started: it has a line.
    pub(super) const fn is_started(self) -> bool {
        matches!(self, Self::Dialed { .. } | Self::Live { .. })
    }
}

/// How a call came out, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Result {
    Connected,
    Abandoned,
    Machine,
    Unanswered,
}

/// A call that waits to be started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Which.
    pub call: ActivityId,
    /// The only agent for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// The gateway through which it is to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<ConnectorId>,
}

fn named(call: &ActivityId) -> Id {
    Id::Text(call.as_str().into())
}

impl Group {
    /// The calls that are on their way, for whoever wants to see how they stand.
    pub fn on_their_way(&self) -> impl Iterator<Item = &ActivityId> {
        let started = self.calls.iter().filter(|(_, call)| call.stage.is_started());
        started.map(|(id, _)| id)
    }

    /// The contacts that are shown, and to whom.
    pub fn shown(&self) -> impl Iterator<Item = (&ActivityId, &AgentId)> {
        self.agents.iter().filter_map(|(agent, seat)| {
            let kept = seat.kept.as_ref()?;
            kept.offered_until.map(|_| (&kept.call, agent))
        })
    }

    /// The call that an agent is kept for.
    pub fn kept_for(&self, agent: &AgentId) -> Option<&ActivityId> {
        Some(&self.agents.get(agent)?.kept.as_ref()?.call)
    }

    /// Whether a call is known: it waits, is offered, or is on its way.
    pub fn knows(&self, call: &ActivityId) -> bool {
        self.calls.contains_key(call)
            || self
                .works
                .values()
                .any(|work| work.waiting.iter().any(|waiting| waiting.call == *call))
    }

    /// Calls wait to be started.
    pub(super) fn waits(&mut self, work: &WorkId, calls: &[Waiting]) {
        let fresh: Vec<_> = calls
            .iter()
            .filter(|waiting| !self.knows(&waiting.call))
            .cloned()
            .collect();
        if let Some(work) = self.works.get_mut(work) {
            work.waiting.extend(fresh);
        }
    }

    /// A call was seen.
    pub(super) fn call(&mut self, id: &ActivityId, seen: &CallSeen, decisions: &mut Vec<Decision>) {
        let Some(call) = self.calls.get(id).cloned() else {
            if !matches!(seen, CallSeen::Live) {
                self.waits_no_more(id);
            }
            return;
        };
        match seen {
            CallSeen::Live => self.live(id, &call),
            CallSeen::Over(CallResult::Answered) => {
                self.live(id, &call);
            }
            CallSeen::Over(result) => self.over(id, &call, Some(*result), decisions),
            CallSeen::NotStarted => {
                if call.stage.is_started()
                    && let Some(work) = self.works.get_mut(&call.work)
                {
                    // It is counted when it is.
                    work.dialed = work.dialed.saturating_sub(1);
                }
                self.over(id, &call, None, decisions);
            }
        }
    }

    fn waits_no_more(&mut self, id: &ActivityId) {
        for work in self.works.values_mut() {
            work.waiting.retain(|waiting| waiting.call != *id);
        }
    }

    fn live(&mut self, id: &ActivityId, call: &Call) {
        if let Some(agent) = &call.agent {
            return self.talks(agent, id);
        }
        if matches!(call.stage, Stage::Live { .. }) {
            return;
        }
        let since = self.now;
        if let Some(call) = self.calls.get_mut(id) {
            call.stage = Stage::Live { since };
        }
        self.tell(&call.work, &Event::Call(named(id), CallEvent::LiveWaiting));
    }

    /// A call is over without a conversation, or was not started.
    fn over(
        &mut self,
        id: &ActivityId,
        call: &Call,
        result: Option<CallResult>,
        decisions: &mut Vec<Decision>,
    ) {
        self.calls.remove(id);
        if let Some(agent) = self.let_go(id) {
            decisions.push(Decision::Release {
                agent,
                call: id.clone(),
            });
        }
        if !call.stage.is_started() {
            return;
        }
        let (event, counted) = match result {
            Some(CallResult::Abandoned) => (CallEvent::Abandoned, Some(Result::Abandoned)),
            Some(CallResult::Machine) => (CallEvent::Machine, Some(Result::Machine)),
            Some(CallResult::Fax) => (CallEvent::Fax, Some(Result::Unanswered)),
            Some(CallResult::Busy) => (CallEvent::Busy, Some(Result::Unanswered)),
            Some(CallResult::NoAnswer) => (CallEvent::NoAnswer, Some(Result::Unanswered)),
            Some(_) => (CallEvent::Invalid, Some(Result::Unanswered)),
            // It reached nobody, and is on its way no longer.
            None => (CallEvent::Invalid, None),
        };
        self.tell(&call.work, &Event::Call(named(id), event));
        if let (Some(work), Some(result)) = (self.works.get_mut(&call.work), counted) {
            work.count(result);
        }
    }

    /// An agent has decided about a preview. An answer that comes too late, or to something else, is void.
    pub(super) fn answer(
        &mut self,
        agent: &AgentId,
        id: &ActivityId,
        answer: OfferAnswer,
        decisions: &mut Vec<Decision>,
    ) {
        let offered = self
            .agents
            .get(agent)
            .and_then(|seat| seat.kept.as_ref())
            .is_some_and(|kept| kept.call == *id && kept.offered_until.is_some());
        if !offered {
            return;
        }
        if answer == OfferAnswer::Accept {
            self.keep(agent, id, None);
            return self.accepted(id, agent);
        }
        self.calls.remove(id);
        self.let_go(id);
        decisions.push(Decision::Release {
            agent: agent.clone(),
            call: id.clone(),
        });
        let call = id.clone();
        decisions.push(match answer {
            OfferAnswer::Reject => Decision::Reject { call },
            OfferAnswer::Accept | OfferAnswer::Skip => Decision::PutBack {
                call,
                after: self.settings.skipped_for,
            },
        });
    }

    /// Previews of campaigns that do not run any more are shown to nobody.
    pub(super) fn withdraw(&mut self, decisions: &mut Vec<Decision>) {
        let is_over = |call: &Call| {
            let runs = self.works.get(&call.work).is_some_and(|work| work.terms.open);
            call.stage == Stage::Offered && !runs
        };
        let over: Vec<_> = self
            .calls
            .iter()
            .filter(|(_, call)| is_over(call))
            .map(|(id, call)| (id.clone(), call.clone()))
            .collect();
        for (id, call) in over {
            self.over(&id, &call, None, decisions);
            decisions.push(Decision::PutBack {
                call: id,
                after: Millis::ZERO,
            });
        }
    }

    fn accepted(&mut self, id: &ActivityId, agent: &AgentId) {
        let since = self.now;
        if let Some(call) = self.calls.get_mut(id) {
            call.stage = Stage::Accepted { since };
            call.agent = Some(agent.clone());
        }
    }

    /// A call is on its way from now on.
    pub(super) fn start(&mut self, id: &ActivityId, agent: Option<&AgentId>, decisions: &mut Vec<Decision>) {
        let since = self.now;
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.stage = Stage::Dialed { since };
        call.agent = agent.cloned();
        let work = call.work.clone();
        self.started.push_back((since, call.gateway.clone()));
        if let Some(work) = self.works.get_mut(&work) {
            work.last = since;
            work.dialed += 1;
        }
        self.tell(&work, &Event::Call(named(id), CallEvent::Dialed));
        decisions.push(Decision::Dial {
            call: id.clone(),
            agent: agent.cloned(),
        });
    }

    /// Calls of which nothing is heard any more.
    pub(super) fn forget_the_lost(&mut self, decisions: &mut Vec<Decision>) {
        self.forget_the_unheard(decisions);
        self.forget_the_unclaimed();
    }

    /// Calls that should have come out long ago: what told how was lost, and the agent and the line are not to wait for
    /// ever.
    fn forget_the_unheard(&mut self, decisions: &mut Vec<Decision>) {
        let (now, within) = (self.now, self.settings.ring_limit + REPEATED_WITHIN);
        let is_lost = |call: &Call| matches!(call.stage, Stage::Dialed { since } if since + within <= now);
        let lost: Vec<_> = self
            .calls
            .iter()
            .filter(|(_, call)| is_lost(call))
            .map(|(id, call)| (id.clone(), call.clone()))
            .collect();
        for (id, call) in lost {
            self.over(&id, &call, None, decisions);
        }
    }

    /// Calls that connected, whose agent nobody tells about.
    fn forget_the_unclaimed(&mut self) {
        let now = self.now;
        let is_lost =
            |call: &Call| matches!(call.stage, Stage::Live { since } if since + CLAIMED_WITHIN <= now);
        let lost: Vec<_> = self
            .calls
            .iter()
            .filter(|(_, call)| is_lost(call))
            .map(|(id, call)| (id.clone(), call.work.clone()))
            .collect();
        for (id, work) in lost {
            self.calls.remove(&id);
            // What was counted as a live call stays so; it only waits no longer.
            self.tell(&work, &Event::Call(named(&id), CallEvent::Machine));
            if let Some(work) = self.works.get_mut(&work) {
                work.count(Result::Connected);
            }
        }
    }
}
