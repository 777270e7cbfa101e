//! Prose about what a conversation did, made on request from its log.

use std::fmt::Write;

use domain::log::Log;

use crate::conversation::log::ConversationEvent;

/// Tells what happened, one line an entry.
pub fn explain(log: &Log<ConversationEvent>) -> String {
    let mut text = String::new();
    for entry in log.entries() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}: {}", entry.event.at(), sentence(&entry.event));
    }
    text
}

fn sentence(event: &ConversationEvent) -> String {
    match event {
        ConversationEvent::Started { node, .. } => format!("began at `{node}`."),
        ConversationEvent::Moved {
            visit,
            from,
            outcome,
            to,
            reason,
            read,
            ..
        } => {
            let mut because = Vec::new();
            because.extend(reason.iter().cloned());
            because.extend(read.iter().map(|(name, value)| format!("{name} was {value}")));
            let because = if because.is_empty() {
                String::new()
            } else {
                format!(" ({})", because.join(", "))
            };
            format!("visit {visit} of `{from}` came out as `{outcome}`{because}; went on to `{to}`.")
        }
        ConversationEvent::RouteRequested {
            node,
            agent,
            queue,
            until,
            ..
        } => {
            let to = match (agent, queue) {
                (Some(agent), _) => format!("agent `{agent}`"),
                (None, queue) => format!("queue `{}`", queue.as_deref().unwrap_or_default()),
            };
            format!("`{node}` asked for {to} until {until}.")
        }
        ConversationEvent::DataChanged { names, by, .. } => {
            let by = by
                .as_ref()
                .map_or_else(|| "from outside".to_owned(), |node| format!("by `{node}`"));
            format!("{} set {by}.", names.join(", "))
        }
        ConversationEvent::Ended { outcome, node, .. } => match node {
            Some(node) => format!("ended at `{node}` as `{outcome}`."),
            None => format!("ended as `{outcome}` before it began."),
        },
    }
}
