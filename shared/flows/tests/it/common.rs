//! What the tests share.

use std::collections::BTreeMap;

use domain::activity::state::State;
use domain::address::Address;
use domain::channel::Channel;
use domain::id::{ActivityId, CampaignId, ContactId, ConversationId, CustomerId, TenantId};
use domain::time::Timestamp;
use flows::conversation::event::Reply;
use flows::conversation::{Opening, Status};
use flows::expression::Type;
use flows::{Conversation, Declarations, Effect, Event, Flow, Schedule, Step};
use serde_json::{Value as Json, json};

pub(crate) fn demo() -> Json {
    serde_json::from_str(include_str!("../../examples/demo-flow.json")).unwrap()
}

pub(crate) fn reminder() -> Json {
    serde_json::from_str(include_str!("../../examples/payment-reminder.json")).unwrap()
}

pub(crate) fn collection() -> Json {
    serde_json::from_str(include_str!("../../examples/collection-call.json")).unwrap()
}

pub(crate) fn declarations() -> Declarations {
    let types = |names: &[(&str, Type)]| {
        names
            .iter()
            .map(|(name, of)| ((*name).to_owned(), of.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    Declarations {
        profile: types(&[
            ("firstName", Type::String),
            ("language", Type::String),
            ("advisor", Type::String),
        ]),
        contact: types(&[
            ("amount", Type::Number),
            ("discount", Type::Number),
            ("invoice", Type::String),
            ("Customer class", Type::String),
        ]),
    }
}

pub(crate) fn flow(document: &Json) -> Flow {
    flows::validate(document, &declarations()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// Puts a value at a JSON pointer; its parent must be there.
pub(crate) fn put(document: &mut Json, pointer: &str, value: Json) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let field = field.replace("~1", "/").replace("~0", "~");
    match document
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("no {parent}"))
    {
        Json::Object(fields) => drop(fields.insert(field, value)),
        Json::Array(items) => items[field.parse::<usize>().unwrap()] = value,
        _ => panic!("{parent} holds nothing"),
    }
}

/// Removes what stands at a JSON pointer.
pub(crate) fn remove(document: &mut Json, pointer: &str) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    document
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(field)
        .unwrap();
}

pub(crate) fn second(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_772_000_000_000 + seconds * 1_000)
}

pub(crate) fn conversation(flow: &Flow, channels: &[Channel], contact: Json) -> Conversation {
    let addresses = channels.iter().map(|channel| {
        let text = if *channel == Channel::Email {
            "ann@example.org"
        } else {
            "+442079460958"
        };
        (*channel, Address::parse(*channel, text).unwrap())
    });
    let profile = BTreeMap::from([
        ("firstName".to_owned(), json!("Ann")),
        ("unread".to_owned(), json!(1)),
    ]);
    let contact: BTreeMap<String, Json> = serde_json::from_value(contact).unwrap();
    Conversation::open(
        Opening {
            tenant: TenantId::parse("ten_1").unwrap(),
            id: ConversationId::parse("cnv_1").unwrap(),
            campaign: CampaignId::parse("cmp_1").unwrap(),
            campaign_version: 3,
            customer: CustomerId::parse("cus_1").unwrap(),
            contact: ContactId::parse("con_1").unwrap(),
            addresses: addresses.collect(),
            contact_zone: None,
            snapshot: flow.snapshot(&profile, &contact, "Spring offer"),
        },
        second(0),
    )
}

/// A conversation with its flow, its clock and what it asked for.
pub(crate) struct Walk {
    pub(crate) flow: Flow,
    pub(crate) conversation: Conversation,
    pub(crate) effects: Vec<Effect>,
    pub(crate) now: i64,
    pub(crate) version: u64,
}

impl Walk {
    /// Begins to walk the flow.
    pub(crate) fn start(document: &Json, channels: &[Channel], contact: Json) -> Self {
        let flow = flow(document);
        let conversation = conversation(&flow, channels, contact);
        let mut walk = Self {
            flow,
            conversation,
            effects: Vec::new(),
            now: 0,
            version: 0,
        };
        walk.apply(&Event::Started);
        walk
    }

    fn take(&mut self, step: Step) {
        self.conversation = step.conversation;
        self.effects.extend(step.effects);
    }

    pub(crate) fn apply(&mut self, event: &Event) -> &mut Self {
        self.version += 1;
        let step = flows::step(
            &self.flow,
            self.conversation.clone(),
            event,
            second(self.now),
            self.version,
        )
        .unwrap();
        self.take(step);
        self
    }

    pub(crate) fn hold(&mut self, event: &Event) -> &mut Self {
        self.version += 1;
        let step = flows::hold(
            &self.flow,
            self.conversation.clone(),
            event,
            second(self.now),
            self.version,
        )
        .unwrap();
        self.take(step);
        self
    }

    pub(crate) fn release(&mut self) -> &mut Self {
        self.version += 1;
        let step = flows::release(
            &self.flow,
            self.conversation.clone(),
            second(self.now),
            self.version,
        )
        .unwrap();
        self.take(step);
        self
    }

    /// Lets time pass and the current visit's timer come.
    pub(crate) fn after(&mut self, seconds: i64) -> &mut Self {
        self.now += seconds;
        let visit = self.conversation.visit;
        self.apply(&Event::Timer { visit })
    }

    /// Tells that the latest message came to a state.
    pub(crate) fn message(&mut self, state: State) -> &mut Self {
        let event = self.changed(state);
        self.apply(&event)
    }

    /// Tells how the latest call came out.
    pub(crate) fn call(&mut self, state: State, reason: &str) -> &mut Self {
        let mut event = self.changed(state);
        if let Event::ActivityChanged { reason: code, .. } = &mut event {
            *code = Some(reason.to_owned());
        }
        self.apply(&event)
    }

    pub(crate) fn changed(&self, state: State) -> Event {
        let facts = self.conversation.messages.last().unwrap();
        let (activity, visit) = (facts.activity.clone(), facts.visit);
        Event::ActivityChanged {
            activity,
            visit,
            state,
            reason: None,
            at: second(self.now),
        }
    }

    pub(crate) fn says(&mut self, text: &str) -> &mut Self {
        let event = self.reply(text);
        self.apply(&event)
    }

    pub(crate) fn reply(&self, text: &str) -> Event {
        Event::Reply(Reply {
            activity: None,
            visit: None,
            message_id: format!("in-{}", self.now),
            text: text.to_owned(),
            body_type: "PLAIN".to_owned(),
            at: second(self.now),
        })
    }

    pub(crate) fn node(&self) -> &str {
        self.conversation.node.as_ref().unwrap().as_str()
    }

    pub(crate) fn outcome(&self) -> Option<&str> {
        match &self.conversation.status {
            Status::Running => None,
            Status::Ended { outcome, .. } => Some(outcome),
        }
    }

    pub(crate) fn scheduled(&self) -> Vec<&Schedule> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Schedule(schedule) => Some(schedule),
                Effect::Cancel { .. } => None,
            })
            .collect()
    }

    pub(crate) fn cancelled(&self) -> Vec<&ActivityId> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Cancel { activity } => Some(activity),
                Effect::Schedule(_) => None,
            })
            .collect()
    }
}
