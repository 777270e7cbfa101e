//! A skill group at work: the campaigns that call through its agents, and who serves which.
//!
//! [`Group::step`] takes what happened and says what is to be done. Like [`crate::decide`], which it asks, it
//! is pure: a recorded step can be taken again to the bit.
//!
//! Each *work* (a campaign in a dialing mode) has an engine of its own, so that its answer rate, its formulas
//! and its abandonment are its own. Agents serve one work at a time, and only that one counts on them: the
//! work of the highest priority that has somebody to call, and among equals the one that has fewer agents
//! than its weight asks for. An agent who is counted on by calls in flight stays until those came out.

mod agents;
mod calls;
mod dial;
mod gateways;
mod seize;
mod terms;
#[cfg(test)]
mod tests;
mod view;
mod works;

pub use agents::AgentSeen;
pub use calls::{CallSeen, OfferAnswer, Waiting};
pub use gateways::Gateway;
pub use terms::{Settings, Terms};
pub use view::{View, WorkView};

use std::collections::{BTreeMap, VecDeque};

use domain::agent::Side;
use domain::id::{ActivityId, AgentId, CampaignId, ConnectorId};
use domain::time::{Millis, Timestamp};
use domain::voice::DialingMode;
use serde::{Deserialize, Serialize};

use crate::protocol::{Event, InboundEvent};
use agents::Seat;
use calls::Call;
use works::Work;

/// An inbound call waits no longer than this: nobody told that it left the queue.
const QUEUED_AT_MOST: Millis = Millis::hours(1);
/// That an inbound call came may be told so long after it was told that it left.
const TOLD_LATE: Millis = Millis::minutes(1);

/// Whose calls, and how they are dialed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkId {
    /// The campaign; none for calls that belong to none.
    pub campaign: Option<CampaignId>,
    /// The mode.
    pub mode: DialingMode,
}

/// Something that happened in a skill group. Told again, or out of order, it does no harm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Happening {
    /// The group is set up so from now on.
    Settings(Settings),
    /// A work is done so from now on.
    Terms {
        /// Which.
        work: WorkId,
        /// How.
        terms: Box<Terms>,
    },
    /// Calls wait to be started, in this order.
    Waits {
        /// Whose.
        work: WorkId,
        /// Which.
        calls: Vec<Waiting>,
    },
    /// An agent was seen.
    Agent {
        /// Which.
        agent: AgentId,
        /// Doing what.
        seen: AgentSeen,
    },
    /// A call was seen.
    Call {
        /// Which.
        call: ActivityId,
        /// How it stands.
        seen: CallSeen,
    },
    /// An agent has decided about a preview.
    Answer {
        /// Who.
        agent: AgentId,
        /// About which call.
        call: ActivityId,
        /// What.
        answer: OfferAnswer,
    },
    /// An inbound call came, was served, or was lost.
    Inbound {
        /// Which.
        call: String,
        /// What.
        event: InboundSeen,
    },
}

/// What became of an inbound call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InboundSeen {
    /// It waits for an agent.
    Queued,
    /// It has an agent.
    Connected,
    /// The caller hung up.
    Abandoned,
}

impl From<InboundSeen> for InboundEvent {
    fn from(seen: InboundSeen) -> Self {
        match seen {
            InboundSeen::Queued => Self::Queued,
            InboundSeen::Connected => Self::Connected,
            InboundSeen::Abandoned => Self::Abandoned,
        }
    }
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Decision {
    /// The agent is to serve this side when free.
    Seize {
        /// Who.
        agent: AgentId,
        /// Which side.
        side: Side,
    },
    /// The contact is to be shown to the agent, who is kept for it meanwhile.
    Offer {
        /// The contact's call.
        call: ActivityId,
        /// To whom.
        agent: AgentId,
        /// Until then.
        until: Timestamp,
    },
    /// The call is to be started.
    Dial {
        /// Which.
        call: ActivityId,
        /// The agent who is kept for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentId>,
    },
    /// The agent is kept for a call no longer.
    Release {
        /// Who.
        agent: AgentId,
        /// For which call.
        call: ActivityId,
    },
    /// The agent has let a preview pass in silence: not ready (RONA).
    Missed {
        /// Who.
        agent: AgentId,
        /// Which.
        call: ActivityId,
    },
    /// The call is to wait again, after this time.
    PutBack {
        /// Which.
        call: ActivityId,
        /// For how long.
        after: Millis,
    },
    /// The agent has rejected the contact: it is not to be called.
    Reject {
        /// Which.
        call: ActivityId,
    },
}

/// Everything that is known about a skill group. Serialisable: what is read back decides as the original does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    settings: Settings,
    began: Timestamp,
    now: Timestamp,
    agents: BTreeMap<AgentId, Seat>,
    calls: BTreeMap<ActivityId, Call>,
    #[serde(with = "crate::pairs")]
    works: BTreeMap<WorkId, Work>,
    /// When calls were started within the last second, and through which gateways.
    #[serde(default)]
    started: VecDeque<(Timestamp, Option<ConnectorId>)>,
    /// Inbound calls in the queue, and since when.
    queue: BTreeMap<String, Timestamp>,
    /// Inbound calls that left it of late: what tells that they came may come after.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    left: BTreeMap<String, Timestamp>,
    /// When it was last asked which side the free agents are to serve.
    reviewed: Timestamp,
}

impl Group {
    /// A group of which nothing is known yet.
    pub fn new(settings: Settings, now: Timestamp) -> Self {
        Self {
            settings,
            began: now,
            now,
            agents: BTreeMap::new(),
            calls: BTreeMap::new(),
            works: BTreeMap::new(),
            started: VecDeque::new(),
            queue: BTreeMap::new(),
            left: BTreeMap::new(),
            reviewed: now,
        }
    }

    /// When it last took something in.
    pub fn stepped(&self) -> Timestamp {
        self.now
    }

    /// Takes in what happened up to `now`, and says what is to be done.
    pub fn step(&mut self, now: Timestamp, happenings: &[Happening]) -> Vec<Decision> {
        self.now = self.now.max(now);
        let mut decisions = Vec::new();
        for happening in happenings {
            self.happen(happening, &mut decisions);
        }
        self.time_out(&mut decisions);
        self.withdraw(&mut decisions);
        self.forget_the_lost(&mut decisions);
        self.forget_inbound();
        self.move_agents();
        self.seize(&mut decisions);
        self.dial(&mut decisions);
        self.forget_old_works();
        decisions
    }

    fn happen(&mut self, happening: &Happening, decisions: &mut Vec<Decision>) {
        match happening {
            Happening::Settings(settings) => self.set_up(settings),
            Happening::Terms { work, terms } => self.agree(work, terms),
            Happening::Waits { work, calls } => self.waits(work, calls),
            Happening::Agent { agent, seen } => self.agent(agent, seen, decisions),
            Happening::Call { call, seen } => self.call(call, seen, decisions),
            Happening::Answer { agent, call, answer } => self.answer(agent, call, *answer, decisions),
            Happening::Inbound { call, event } => self.inbound(call, *event),
        }
    }

    fn inbound(&mut self, call: &str, event: InboundSeen) {
        let news = match event {
            InboundSeen::Queued if self.left.contains_key(call) => false,
            InboundSeen::Queued => self.queue.insert(call.to_owned(), self.now).is_none(),
            InboundSeen::Connected | InboundSeen::Abandoned => {
                self.left.insert(call.to_owned(), self.now);
                self.queue.remove(call).is_some()
            }
        };
        if news {
            let told = Event::Inbound(crate::protocol::Id::Text(call.into()), event.into());
            self.tell_all(&told);
        }
    }

    /// Inbound calls of which nobody has told that they left the queue, and those that left it long ago.
    fn forget_inbound(&mut self) {
        let now = self.now;
        self.left.retain(|_, at| *at + TOLD_LATE > now);
        let is_lost = |at: Timestamp| at + QUEUED_AT_MOST <= now;
        let lost: Vec<_> = self
            .queue
            .iter()
            .filter(|(_, at)| is_lost(**at))
            .map(|(call, _)| call.clone())
            .collect();
        for call in lost {
            self.inbound(&call, InboundSeen::Abandoned);
        }
    }
}

/// A duration in seconds, as formulas count.
fn seconds(millis: Millis) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let millis = millis.get() as f64;
    millis / 1_000.0
}
