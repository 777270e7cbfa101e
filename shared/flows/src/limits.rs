//! Bounds on flows and conversations. A conversation is one item of the table: the bounds on its
//! parts add up to less than 100 KB.

use domain::time::Millis;

/// Largest flow document, in bytes of JSON.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// Deepest nesting of a flow document.
pub const MAX_DOCUMENT_DEPTH: usize = 16;
/// Nodes of a flow.
pub const MAX_NODES: usize = 200;
/// Variables of a flow.
pub const MAX_VARIABLES: usize = 50;
/// Cases of a branch, awaited things of a wait, channels and parameters of a message.
pub const MAX_ENTRIES: usize = 32;
/// Values that one `set` node, or one write from outside, may set.
pub const MAX_VALUES_PER_WRITE: usize = 8;
/// Longest name of a node, an outcome, an event or an end's label, in characters.
pub const MAX_NAME: usize = 40;
/// Longest name of a variable, in characters.
pub const MAX_VARIABLE_NAME: usize = 32;
/// Longest source of a template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 10_000;
/// Highest `maxVisits` of a node.
pub const MAX_VISITS_PER_NODE: u32 = 100;
/// Visits of all nodes in one conversation; beyond, it ends as `exhausted`.
pub const MAX_VISITS: u32 = 100;
/// Visits of message nodes in one conversation; beyond, it ends as `exhausted`.
pub const MAX_MESSAGES: usize = 32;
/// Longest wait.
pub const MAX_WAIT: Millis = Millis::hours(366 * 24);
/// Conversation data altogether, in bytes of JSON values.
pub const MAX_DATA_BYTES: usize = 10 * 1024;
/// One value of the conversation data, in bytes of JSON.
pub const MAX_VALUE_BYTES: usize = 4 * 1024;
/// What is kept of profile and contact, in bytes of JSON.
pub const MAX_SNAPSHOT_BYTES: usize = 12 * 1024;
/// Events held for a paused campaign, in bytes of JSON. Further ones are kept as facts at once.
pub const MAX_HELD_BYTES: usize = 8 * 1024;
/// What is kept of a customer's response, in bytes of text.
pub const MAX_RESPONSE_BYTES: usize = 1_400;
/// The data of an external event, in bytes of JSON.
pub const MAX_EVENT_BYTES: usize = 800;
/// External events that a flow may wait for.
pub const MAX_EVENTS: usize = 8;
/// Longest reason code that is kept, in bytes.
pub const MAX_REASON_BYTES: usize = 64;
/// Largest part of profile or contact that is kept, in bytes of JSON; larger ones count as absent.
pub const MAX_FIELD_BYTES: usize = 2 * 1024;
/// Entries of a message's metadata, and the longest key and value in bytes.
pub const MAX_METADATA: (usize, usize, usize) = (16, 64, 256);
