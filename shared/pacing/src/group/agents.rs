//! Agents: what they do, for which work, and who they are kept for.

use domain::agent::{AgentState, Commitment, Side};
use domain::id::{ActivityId, AgentId};
use domain::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use super::calls::{Call, Result, Stage};
use super::{Decision, Group, WorkId, seconds};
use crate::protocol::{AgentEvent, CallEvent, Event, Id, Pool};

/// How long a call that connected may wait to be told which agent it has.
const TOLD_WITHIN: Millis = Millis::seconds(5);

/// What an agent was seen doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentSeen {
    /// What.
    pub state: AgentState,
    /// Since when.
    pub since: Timestamp,
    /// The side that the agent serves when free.
    pub side: Side,
    /// The outbound conversation in hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<ActivityId>,
    /// When what is in hand is over, as far as that was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finishes_at: Option<Timestamp>,
    /// Whether what is in hand is the last for now: a break follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub promised: bool,
    /// For when the agent is promised elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commitments: Vec<Commitment>,
}

/// A moment, and how long before a commitment no conversation fits in any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    now: Timestamp,
    lead: Millis,
}

/// An agent, as far as the group is concerned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seat {
    pub(super) seen: AgentSeen,
    /// The work that counts on the agent.
    pub(super) work: Option<WorkId>,
    /// The call that the agent is kept for.
    pub(super) kept: Option<Kept>,
}

/// What an agent is kept for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    pub(super) call: ActivityId,
    /// A preview is shown until then; none once it is dialed.
    pub(super) offered_until: Option<Timestamp>,
}

impl Seat {
    /// Whether a call could be given to the agent at once.
    pub(super) fn is_free(&self, ahead: Ahead) -> bool {
        self.kept.is_none() && self.idles() && !self.is_promised(ahead)
    }

    /// Whether the agent is promised elsewhere, now or so soon that no conversation fits in.
    pub(super) fn is_promised(&self, ahead: Ahead) -> bool {
        let binds = |commitment: &Commitment| {
            commitment.from < ahead.now + ahead.lead && ahead.now < commitment.until
        };
        self.seen.promised || self.seen.commitments.iter().any(binds)
    }

    /// Whether the agent has nothing in hand, though perhaps kept for a call.
    pub(super) fn idles(&self) -> bool {
        self.seen.state.is_free() || (self.seen.state == AgentState::Reserved && self.kept.is_some())
    }

    pub(super) fn serves(&self, work: &WorkId) -> bool {
        self.work.as_ref() == Some(work)
    }
}

/// The name of an agent in an engine's lines.
pub(super) fn named(agent: &AgentId) -> Id {
    Id::Text(agent.as_str().into())
}

const fn pool(side: Side) -> Pool {
    match side {
        Side::Inbound => Pool::Inbound,
        Side::Outbound => Pool::Outbound,
    }
}

impl Group {
    /// What agents' commitments are held against.
    pub(super) const fn ahead(&self) -> Ahead {
        Ahead {
            now: self.now,
            lead: self.settings.commitment_lead,
        }
    }

    /// An agent was seen.
    pub(super) fn agent(&mut self, agent: &AgentId, seen: &AgentSeen, decisions: &mut Vec<Decision>) {
        match seen.state {
            AgentState::LoggedOff | AgentState::NotReady => self.leaves(agent, seen, decisions),
            AgentState::Ready | AgentState::Seized => self.is_free(agent, seen),
            AgentState::Reserved => self.is_offered(agent, seen),
            AgentState::Busy => self.is_busy(agent, seen),
            AgentState::WrapUp => self.wraps_up(agent, seen),
        }
    }

    /// Takes in how an agent was seen; how they were seen before, if at all.
    fn note(&mut self, agent: &AgentId, seen: &AgentSeen) -> Option<AgentSeen> {
        if let Some(seat) = self.agents.get_mut(agent) {
            return Some(std::mem::replace(&mut seat.seen, seen.clone()));
        }
        let seat = Seat {
            seen: seen.clone(),
            work: None,
            kept: None,
        };
        self.agents.insert(agent.clone(), seat);
        None
    }

    fn leaves(&mut self, agent: &AgentId, seen: &AgentSeen, decisions: &mut Vec<Decision>) {
        let off = seen.state == AgentState::LoggedOff;
        if let Some(kept) = self.agents.get_mut(agent).and_then(|seat| seat.kept.take()) {
            self.not_kept(&kept, decisions);
        }
        let before = self.note(agent, seen);
        if before.is_some_and(|before| before.state != seen.state) {
            let event = if off {
                AgentEvent::LogOff
            } else {
                AgentEvent::Break
            };
            self.tell_of(agent, event);
        }
        if off {
            self.agents.remove(agent);
        }
    }

    /// The agent is not there for a call any more. A preview waits for the next one; a call that was
    /// started comes out as it does.
    pub(super) fn not_kept(&mut self, kept: &Kept, decisions: &mut Vec<Decision>) {
        let is_started = |call: &Call| call.stage.is_started();
        if !self.calls.get(&kept.call).is_some_and(is_started) {
            self.calls.remove(&kept.call);
            decisions.push(Decision::PutBack {
                call: kept.call.clone(),
                after: Millis::ZERO,
            });
        } else if let Some(call) = self.calls.get_mut(&kept.call) {
            call.agent = None;
        }
    }

    fn is_free(&mut self, agent: &AgentId, seen: &AgentSeen) {
        let before = self.note(agent, seen);
        let was_free = before.as_ref().is_some_and(|before| before.state.is_free());
        let side_changed = before.as_ref().is_some_and(|before| before.side != seen.side);
        if was_free && !side_changed {
            return;
        }
        if before.is_none_or(|before| before.state == AgentState::NotReady) {
            self.tell_of(agent, AgentEvent::Back);
        }
        self.tell_of(agent, AgentEvent::Available(Some(pool(seen.side))));
    }

    /// Our own reservation, seen in the agent's record, or an offer of somebody else's.
    fn is_offered(&mut self, agent: &AgentId, seen: &AgentSeen) {
        self.note(agent, seen);
    }

    fn is_busy(&mut self, agent: &AgentId, seen: &AgentSeen) {
        let before = self.note(agent, seen);
        let fresh = before
            .as_ref()
            .is_none_or(|before| before.state != AgentState::Busy);
        let call = seen.activity.clone().or_else(|| {
            // A routing engine that does not say which call it gave to the agent.
            let seat = self.agents.get(agent).filter(|_| fresh)?;
            let kept = seat.kept.as_ref().map(|kept| kept.call.clone());
            let outbound = seat.seen.side == Side::Outbound || !self.settings.blended;
            kept.or_else(|| self.unclaimed(seat.work.as_ref().filter(|_| outbound)?))
        });
        if let Some(call) = call
            && self.calls.contains_key(&call)
        {
            self.talks(agent, &call);
        }
        let left = |at: Timestamp| seconds(at.since(self.now));
        if let Some(at) = seen.finishes_at
            && before.is_none_or(|before| before.finishes_at != seen.finishes_at)
        {
            let left = left(at);
            self.tell_of(agent, AgentEvent::AboutToFinish(left));
        }
    }

    /// The call that waits longest to be told its agent.
    fn unclaimed(&self, work: &WorkId) -> Option<ActivityId> {
        let live = self.calls.iter().filter_map(|(id, call)| match call.stage {
            Stage::Live { since } if call.work == *work && self.now < since + TOLD_WITHIN => {
                Some((since, id))
            }
            _ => None,
        });
        live.min().map(|(_, id)| id.clone())
    }

    /// An agent and a customer talk.
    pub(super) fn talks(&mut self, agent: &AgentId, id: &ActivityId) {
        let Some(call) = self.calls.remove(id) else {
            return;
        };
        self.serve(agent, &call.work);
        let wait = match call.stage {
            Stage::Live { since } => seconds(self.now.since(since)),
            Stage::Offered | Stage::Accepted { .. } | Stage::Dialed { .. } => 0.0,
        };
        let connected = CallEvent::Connected {
            agent: named(agent),
            wait,
        };
        self.tell(&call.work, &Event::Call(Id::Text(id.as_str().into()), connected));
        // Somebody else may have been kept for it.
        for (other, seat) in &mut self.agents {
            if seat.kept.as_ref().is_some_and(|kept| kept.call == *id) {
                seat.kept = None;
                if other != agent {
                    seat.seen.state = AgentState::Seized;
                }
            }
        }
        if let Some(work) = self.works.get_mut(&call.work) {
            work.count(Result::Connected);
        }
    }

    fn wraps_up(&mut self, agent: &AgentId, seen: &AgentSeen) {
        let before = self.note(agent, seen);
        let changed = before.is_none_or(|before| {
            before.state != AgentState::WrapUp || before.finishes_at != seen.finishes_at
        });
        if changed {
            let left = seen.finishes_at.map(|at| seconds(at.since(self.now)));
            self.tell_of(agent, AgentEvent::WrapStart(left));
        }
    }

    /// Tells the agent's engine.
    fn tell_of(&mut self, agent: &AgentId, event: AgentEvent) {
        let work = self.agents.get(agent).and_then(|seat| seat.work.clone());
        if let Some(work) = work {
            self.tell(&work, &Event::Agent(named(agent), event));
        }
    }

    /// Gives an agent to a work: that engine counts on them, the other no longer.
    pub(super) fn serve(&mut self, agent: &AgentId, work: &WorkId) {
        let Some(seat) = self.agents.get_mut(agent) else {
            return;
        };
        if seat.serves(work) {
            return;
        }
        let before = seat.work.replace(work.clone());
        let (idles, side) = (seat.idles(), seat.seen.side);
        if let Some(before) = before {
            self.tell(&before, &Event::Agent(named(agent), AgentEvent::LogOff));
        }
        self.tell(work, &Event::Agent(named(agent), AgentEvent::LogOn));
        if idles {
            let available = AgentEvent::Available(Some(pool(side)));
            self.tell(work, &Event::Agent(named(agent), available));
        }
    }

    /// Keeps an agent for a call.
    pub(super) fn keep(&mut self, agent: &AgentId, call: &ActivityId, offered_until: Option<Timestamp>) {
        if let Some(seat) = self.agents.get_mut(agent) {
            seat.kept = Some(Kept {
                call: call.clone(),
                offered_until,
            });
        }
    }

    /// Lets the agent go who is kept for a call; who that was.
    pub(super) fn let_go(&mut self, id: &ActivityId) -> Option<AgentId> {
        let is_kept = |seat: &Seat| seat.kept.as_ref().is_some_and(|kept| kept.call == *id);
        let (agent, seat) = self.agents.iter_mut().find(|(_, seat)| is_kept(seat))?;
        seat.kept = None;
        if seat.seen.state == AgentState::Reserved {
            // As it will be once that is written; nobody else writes it so.
            seat.seen.state = AgentState::Seized;
            seat.seen.since = self.now;
        }
        Some(agent.clone())
    }

    /// Previews that nobody decided about in time.
    pub(super) fn time_out(&mut self, decisions: &mut Vec<Decision>) {
        let now = self.now;
        let late = |kept: &Kept| kept.offered_until.is_some_and(|until| until <= now);
        let missed: Vec<_> = self
            .agents
            .iter_mut()
            .filter(|(_, seat)| seat.kept.as_ref().is_some_and(late))
            .filter_map(|(agent, seat)| Some((agent.clone(), seat.kept.take()?)))
            .collect();
        for (agent, kept) in missed {
            if let Some(seat) = self.agents.get_mut(&agent) {
                seat.seen.state = AgentState::NotReady;
            }
            self.tell_of(&agent, AgentEvent::Missed);
            decisions.push(Decision::Missed {
                agent,
                call: kept.call.clone(),
            });
            self.not_kept(&kept, decisions);
        }
    }
}
