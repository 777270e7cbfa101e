//! The motor: one event in, a conversation and effects out.

use domain::time::Timestamp;

use crate::conversation::event::Event;
use crate::conversation::log::ConversationEvent;
use crate::conversation::{Conversation, Status};
use crate::effect::Effect;
use crate::flow::{Flow, Node, NodeId, json_bytes};
use crate::limits::{MAX_EVENT_BYTES, MAX_HELD_BYTES, MAX_NODES, MAX_VISITS};
use crate::nodes::{Decision, Occasion, Turn};
use crate::record::{Noted, record};
pub(crate) use crate::visit::{Draft, Visit};

/// Outcomes that no node of a flow may give a conversation.
pub(crate) const RESERVED_OUTCOMES: [&str; 3] = ["stopped", "opted_out", EXHAUSTED];
/// The outcome of a conversation that went through more than [`MAX_VISITS`] nodes or
/// [`crate::MAX_MESSAGES`] messages.
const EXHAUSTED: &str = "exhausted";

/// What a step decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The conversation after it.
    pub conversation: Conversation,
    /// What is to be done, in order.
    pub effects: Vec<Effect>,
    /// Whether the conversation is another than before. If not, there is nothing to write.
    pub changed: bool,
}

/// Why an event is refused. Nothing has changed then; only what somebody outside sent can be refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// Data cannot be set any more.
    #[error("the conversation has ended")]
    Ended,
    /// The flow declares no such variable.
    #[error("there is no variable `{0}`")]
    UnknownVariable(String),
    /// A version is expected of a variable that the flow does not declare.
    #[error("there is no variable `{0}`")]
    UnknownExpected(String),
    /// A value is not of the type that the flow declares.
    #[error("`{variable}` must be a {expected}")]
    Type {
        /// The variable.
        variable: String,
        /// Its type.
        expected: String,
    },
    /// Somebody else has written the variable meanwhile.
    #[error("`{variable}` has version {current}")]
    Conflict {
        /// The variable.
        variable: String,
        /// Its version; 0 if it has no value.
        current: u64,
    },
    /// Too many values at once, or too large ones.
    #[error("the values are too many or too large")]
    TooLarge,
    /// The conversation does not belong to this flow.
    #[error("the flow has no node `{0}`: it is another version than the conversation's")]
    WrongFlow(NodeId),
}

/// Applies an event. `version` is the version of the item that the caller's write will make; the log
/// entries of the step carry it.
///
/// Events of other visits than the current one are kept as facts and move nothing; no event moves a
/// conversation that has ended.
pub fn step(
    flow: &Flow,
    conversation: Conversation,
    event: &Event,
    now: Timestamp,
    version: u64,
) -> Result<Step, StepError> {
    Run::start(flow, conversation, now, version)?.finish(|run| run.apply(event))
}

/// Takes an event in while the campaign is paused: nothing moves. Data is written at once, and an end
/// from outside is an end at once; all else waits for [`release`]. The conversation's `wake` stays as
/// it is: a timer that comes up meanwhile is the caller's to park.
pub fn hold(
    flow: &Flow,
    conversation: Conversation,
    event: &Event,
    now: Timestamp,
    version: u64,
) -> Result<Step, StepError> {
    Run::start(flow, conversation, now, version)?.finish(|run| run.hold(event))
}

/// Goes on after a pause: the held events in their order, then a wait that has run out meanwhile.
pub fn release(
    flow: &Flow,
    conversation: Conversation,
    now: Timestamp,
    version: u64,
) -> Result<Step, StepError> {
    Run::start(flow, conversation, now, version)?.finish(Run::release)
}

/// One step while it is being taken.
struct Run<'a> {
    flow: &'a Flow,
    before: Conversation,
    conversation: Conversation,
    effects: Vec<Effect>,
    now: Timestamp,
    version: u64,
}

impl<'a> Run<'a> {
    fn start(
        flow: &'a Flow,
        conversation: Conversation,
        now: Timestamp,
        version: u64,
    ) -> Result<Self, StepError> {
        if let Some(node) = &conversation.node
            && !flow.has_node(node)
        {
            return Err(StepError::WrongFlow(node.clone()));
        }
        let before = conversation.clone();
        Ok(Self {
            flow,
            before,
            conversation,
            effects: Vec::new(),
            now,
            version,
        })
    }

    fn finish(mut self, work: impl FnOnce(&mut Self) -> Result<(), StepError>) -> Result<Step, StepError> {
        work(&mut self)?;
        let changed = self.conversation != self.before;
        Ok(Step {
            conversation: self.conversation,
            effects: self.effects,
            changed,
        })
    }

    fn apply(&mut self, event: &Event) -> Result<(), StepError> {
        match event {
            Event::Started => self.begin(),
            Event::Timer { visit } => self.wake(*visit),
            Event::Stopped { outcome } => self.end(outcome.name()),
            Event::ActivityChanged { .. }
            | Event::Reply(_)
            | Event::WrapUp { .. }
            | Event::External { .. }
            | Event::DataSet { .. } => {
                if self.note(event)? == Noted::News {
                    self.react(Occasion::News);
                }
            }
        }
        Ok(())
    }

    fn hold(&mut self, event: &Event) -> Result<(), StepError> {
        match event {
            Event::Stopped { .. } => self.apply(event),
            Event::DataSet { .. } => self.note(event).map(drop),
            // The wait's own time stands in `wake`: `release` looks at it.
            Event::Timer { .. } => Ok(()),
            _ if !self.conversation.is_running() => self.note(event).map(drop),
            Event::External { data, .. } if json_bytes(data) > MAX_EVENT_BYTES => Err(StepError::TooLarge),
            _ if self.conversation.held.contains(event) => Ok(()),
            _ => {
                let held = &mut self.conversation.held;
                if json_bytes(held).saturating_add(json_bytes(event)) > MAX_HELD_BYTES {
                    // Kept as a fact: only its turn among the others is lost.
                    return self.note(event).map(drop);
                }
                held.push(event.clone());
                Ok(())
            }
        }
    }

    fn release(&mut self) -> Result<(), StepError> {
        for event in std::mem::take(&mut self.conversation.held) {
            // What is refused now would have been refused then.
            let _ = self.apply(&event);
        }
        // Data and overflowing events were noted without a thought given to them.
        self.react(Occasion::News);
        self.wake(self.conversation.visit);
        Ok(())
    }

    fn note(&mut self, event: &Event) -> Result<Noted, StepError> {
        record(self.flow, &mut self.conversation, event, self.now, self.version)
    }

    fn begin(&mut self) {
        if !self.conversation.is_running() || self.conversation.node.is_some() {
            return;
        }
        crate::record::initialise(self.flow, &mut self.conversation, self.now);
        let (node, at) = (self.flow.start.clone(), self.now);
        self.log(ConversationEvent::Started {
            node: node.clone(),
            at,
        });
        self.visit(node);
        self.act(|node, visit| node.behaviour.enter(visit));
    }

    fn wake(&mut self, visit: u32) {
        let due = self.conversation.wake.is_some_and(|wake| wake <= self.now);
        if due && visit == self.conversation.visit {
            self.conversation.wake = None;
            self.react(Occasion::Time);
        }
    }

    fn react(&mut self, occasion: Occasion) {
        self.act(|node, visit| node.behaviour.react(visit, occasion));
    }

    /// Lets the current node decide, and follows it until a node waits or the conversation ends.
    fn act(&mut self, first: impl FnOnce(&Node, &mut Visit<'_>) -> Turn) {
        let Some(mut turn) = self.decide(first) else {
            return;
        };
        loop {
            match turn {
                Turn::Stay => return,
                Turn::End(label) => return self.end(label.as_str()),
                Turn::Exhausted => return self.end(EXHAUSTED),
                Turn::Leave(decision) => {
                    if !self.follow(decision) {
                        return self.end(EXHAUSTED);
                    }
                }
            }
            match self.decide(|node, visit| node.behaviour.enter(visit)) {
                Some(next) => turn = next,
                None => return,
            }
        }
    }

    fn decide(&mut self, choose: impl FnOnce(&Node, &mut Visit<'_>) -> Turn) -> Option<Turn> {
        if !self.conversation.is_running() {
            return None;
        }
        let id = self.conversation.node.clone()?;
        let node = self.flow.nodes.get(&id)?;
        let mut visit = Visit {
            flow: self.flow,
            number: self.conversation.visit,
            conversation: &mut self.conversation,
            effects: &mut self.effects,
            node: id,
            now: self.now,
            version: self.version,
        };
        Some(choose(node, &mut visit))
    }

    /// Goes where an outcome leads. False when the conversation has gone far enough.
    fn follow(&mut self, decision: Decision) -> bool {
        let Decision {
            outcome,
            mut reason,
            read,
        } = decision;
        let Some(from) = self.conversation.node.clone() else {
            return false;
        };
        let wired = self
            .flow
            .nodes
            .get(&from)
            .and_then(|node| node.outcomes.get(&outcome));
        let Some(mut to) = wired else { return false };
        // Nodes whose visits are used up lead on by `exhausted`; validation saw that this ends.
        for _ in 0..MAX_NODES {
            let Some(node) = self.flow.nodes.get(to) else {
                return false;
            };
            let visits = self.conversation.visits.get(to).copied().unwrap_or(0);
            if node.max_visits.is_none_or(|most| visits < most) {
                break;
            }
            let Some(next) = node.outcomes.get(EXHAUSTED) else {
                return false;
            };
            reason = Some(format!("exhausted:{to}"));
            to = next;
        }
        if self.conversation.visit >= MAX_VISITS {
            return false;
        }
        let to = to.clone();
        self.log(ConversationEvent::Moved {
            visit: self.conversation.visit,
            from,
            outcome: outcome.as_str().to_owned(),
            to: to.clone(),
            reason: reason.map(|reason| crate::flow::cut(&reason, crate::MAX_REASON_BYTES).to_owned()),
            read,
            at: self.now,
        });
        self.visit(to);
        true
    }

    fn visit(&mut self, node: NodeId) {
        let conversation = &mut self.conversation;
        *conversation.visits.entry(node.clone()).or_insert(0) += 1;
        conversation.visit += 1;
        conversation.node = Some(node);
        conversation.entered = self.now;
        conversation.wake = None;
    }

    fn end(&mut self, outcome: &str) {
        if !self.conversation.is_running() {
            return;
        }
        let open = self
            .conversation
            .messages
            .iter()
            .filter(|facts| facts.state.is_open());
        let open: Vec<_> = open.map(|facts| facts.activity.clone()).collect();
        self.effects
            .extend(open.into_iter().map(|activity| Effect::Cancel { activity }));
        let (at, node) = (self.now, self.conversation.node.clone());
        self.conversation.status = Status::Ended {
            outcome: outcome.to_owned(),
            at,
        };
        self.conversation.wake = None;
        self.log(ConversationEvent::Ended {
            outcome: outcome.to_owned(),
            node,
            at,
        });
        // Facts of what came in during a pause are kept; nothing is left that could move.
        for event in std::mem::take(&mut self.conversation.held) {
            let _ = self.note(&event);
        }
    }

    fn log(&mut self, event: ConversationEvent) {
        self.conversation.log.append(self.version, event);
    }
}
