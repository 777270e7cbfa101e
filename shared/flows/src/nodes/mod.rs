//! The node types. Each is one module here and one line in [`TYPES`].

use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::flow::{Label, Outcome};
use crate::step::Visit;
use crate::validate::Checking;

mod branch;
mod call;
mod dial;
mod end;
mod ivr;
mod message;
mod route;
mod set;
mod wait;

/// Lists node types.
macro_rules! types {
    ($($of:ty),+ $(,)?) => {
        /// All node types.
        pub(crate) const TYPES: &[Registration] = &[$(Registration::of::<$of>()),+];

        /// The schemas of their settings, in the same order; apart, so that programs that only run flows are made
        /// without them.
        pub(crate) const SCHEMAS: &[fn(&mut SchemaGenerator) -> Schema] =
            &[$(<<$of as NodeType>::Settings as JsonSchema>::json_schema),+];
    };
}

types![
    message::Message,
    call::Call,
    ivr::Ivr,
    route::Route,
    wait::Wait,
    branch::Branch,
    set::Set,
    end::End,
];

/// A type of node: how its settings are written and checked.
pub(crate) trait NodeType: Behaviour + Sized + 'static {
    /// The `type` in documents.
    const TYPE: &'static str;
    /// What it does, for the published schema.
    const DESCRIPTION: &'static str;
    /// Its outcomes, where they are the same for all nodes of the type.
    const OUTCOMES: Option<&'static [&'static str]>;
    /// Whether it always waits for time or for something outside before it is left again on its way
    /// round a loop.
    const WAITS: bool = false;
    /// Whether the flow ends here.
    const ENDS: bool = false;
    /// Whether expressions can read `messages.<node>`.
    const MESSAGES: bool = false;
    /// What documents say beside `type`, `outcomes` and `maxVisits`.
    type Settings: DeserializeOwned + JsonSchema;

    /// Checks settings. Problems are told to `checking`; with any, there is no node.
    fn check(settings: Self::Settings, checking: &mut Checking<'_>) -> Option<Self>;
}

/// What a checked node does.
pub(crate) trait Behaviour: fmt::Debug + Send + Sync {
    /// The outcomes that have to be wired.
    fn outcomes(&self) -> Vec<Outcome>;

    /// The conversation has entered the node.
    fn enter(&self, visit: &mut Visit<'_>) -> Turn;

    /// Something happened while the conversation stands at the node.
    fn react(&self, _visit: &mut Visit<'_>, _occasion: Occasion) -> Turn {
        Turn::Stay
    }
}

/// What makes a node think again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// A fact or the data changed.
    News,
    /// The time it asked for has come.
    Time,
}

/// What a node decides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Turn {
    /// Wait.
    Stay,
    /// Go where the outcome leads.
    Leave(Decision),
    /// End the conversation.
    End(Label),
    /// End it because it went through too much already.
    Exhausted,
}

/// An outcome and what explains it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<String>,
    pub(crate) read: Vec<(String, String)>,
}

impl Turn {
    pub(crate) fn leave(outcome: impl Into<Outcome>) -> Self {
        Self::Leave(Decision {
            outcome: outcome.into(),
            reason: None,
            read: Vec::new(),
        })
    }

    pub(crate) fn leave_because(outcome: impl Into<Outcome>, reason: Option<String>) -> Self {
        Self::Leave(Decision {
            outcome: outcome.into(),
            reason,
            read: Vec::new(),
        })
    }
}

/// A node type as validation and schema see it.
#[derive(Clone, Copy)]
pub(crate) struct Registration {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) outcomes: Option<&'static [&'static str]>,
    pub(crate) waits: bool,
    pub(crate) ends: bool,
    pub(crate) messages: bool,
    pub(crate) check: fn(Json, &mut Checking<'_>) -> Option<Arc<dyn Behaviour>>,
}

impl Registration {
    const fn of<T: NodeType>() -> Self {
        Self {
            name: T::TYPE,
            description: T::DESCRIPTION,
            outcomes: T::OUTCOMES,
            waits: T::WAITS,
            ends: T::ENDS,
            messages: T::MESSAGES,
            check: |json, checking| {
                let settings = checking.read::<T::Settings>(json)?;
                T::check(settings, checking).map(|node| Arc::new(node) as Arc<dyn Behaviour>)
            },
        }
    }

    /// The type with this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        TYPES.iter().find(|registration| registration.name == name)
    }
}
