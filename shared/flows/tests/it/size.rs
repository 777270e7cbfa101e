//! The largest conversation that the bounds allow still fits its item.

use std::collections::BTreeMap;

use domain::activity::state::State;
use domain::address::Address;
use domain::channel::Channel;
use domain::id::{ActivityId, CampaignId, ContactId, ConversationId, CustomerId, TenantId};
use domain::log::MAX_ENTRIES;
use domain::time::Timestamp;
use domain::zone::TimeZone;
use flows::conversation::facts::{MessageFacts, Occurrence, Receipts, Response, WrapUp};
use flows::conversation::log::ConversationEvent;
use flows::conversation::{Datum, Opening, Snapshot};
use flows::*;
use serde_json::json;

fn name(number: usize) -> String {
    format!("n{number:0>39}")
}

fn node(number: usize) -> NodeId {
    NodeId::parse(&name(number)).unwrap()
}

/// Parts of a map whose values take so many bytes altogether.
fn filled(bytes: usize) -> BTreeMap<String, serde_json::Value> {
    let part = 1_000;
    (0..bytes / part)
        .map(|number| (number.to_string(), json!("x".repeat(part - 2))))
        .collect()
}

#[test]
fn the_largest_conversation_has_less_than_100_kb() {
    let (at, id) = (Timestamp::MAX, "i".repeat(64));
    let address = Address::parse(Channel::Email, &format!("{}@example.org", "a".repeat(64))).unwrap();
    let mut conversation = Conversation::open(
        Opening {
            tenant: TenantId::parse(&id).unwrap(),
            id: ConversationId::parse(&id).unwrap(),
            campaign: CampaignId::parse(&id).unwrap(),
            campaign_version: u64::MAX,
            customer: CustomerId::parse(&id).unwrap(),
            contact: ContactId::parse(&id).unwrap(),
            addresses: Channel::ALL.map(|channel| (channel, address.clone())).into(),
            contact_zone: TimeZone::parse("America/Argentina/ComodRivadavia").ok(),
            snapshot: Snapshot {
                profile: filled(MAX_SNAPSHOT_BYTES / 2),
                contact: filled(MAX_SNAPSHOT_BYTES / 2),
                campaign_name: "x".repeat(200),
            },
        },
        at,
    );
    conversation.visits = (0..MAX_VISITS as usize).map(|number| (node(number), 1)).collect();
    conversation.data = (0..MAX_VARIABLES)
        .map(|number| {
            let name = VariableName::parse(&format!("v{number:0>31}")).unwrap();
            let value = json!("x".repeat(MAX_DATA_BYTES / MAX_VARIABLES));
            (
                name,
                Datum {
                    value,
                    version: 10_000,
                    by: Some(node(1)),
                    at,
                },
            )
        })
        .collect();
    let receipts = Receipts {
        sent: Some(at),
        failed: Some(at),
        delivered: Some(at),
        connected: None,
        read: Some(at),
        replied: Some(at),
    };
    conversation.messages = (0..MAX_MESSAGES)
        .map(|number| MessageFacts {
            visit: 100,
            node: node(number),
            activity: ActivityId::generate(at, u128::MAX),
            channel: Channel::Whatsapp,
            entered: at,
            state: State::Dispatching,
            reason: Some("r".repeat(MAX_REASON_BYTES)),
            receipts: receipts.clone(),
            reply_taken: true,
            wrap_up: Some(WrapUp {
                code: "w".repeat(MAX_REASON_BYTES),
                at,
            }),
        })
        .collect();
    conversation.response = Some(Response {
        message_id: "m".repeat(128),
        text: "x".repeat(MAX_RESPONSE_BYTES),
        body_type: "x".repeat(32),
        at,
        visit: Some(100),
        taken: true,
    });
    conversation.occurrences = (0..MAX_EVENTS)
        .map(|number| {
            let data = json!("x".repeat(MAX_EVENT_BYTES - 2));
            (
                EventName::parse(&name(number)).unwrap(),
                Occurrence {
                    data,
                    at,
                    taken: true,
                },
            )
        })
        .collect();
    // The larger of the two kinds of entries that a conversation can have many of.
    let moved = ConversationEvent::Moved {
        visit: 100,
        from: node(1),
        outcome: name(2),
        to: node(3),
        reason: Some("r".repeat(MAX_REASON_BYTES)),
        read: vec![("n".repeat(48), "v".repeat(24)); 2],
        at,
    };
    let changed = ConversationEvent::DataChanged {
        names: vec!["v".repeat(32); MAX_VALUES_PER_WRITE],
        by: Some(node(1)),
        at,
    };
    for version in 0..MAX_ENTRIES as u64 {
        let entry = if version % 2 == 0 { &moved } else { &changed };
        conversation.log.append(10_000 + version, entry.clone());
    }
    let bytes = serde_json::to_string(&conversation).unwrap().len() + MAX_HELD_BYTES;
    assert!(bytes < 100_000, "{bytes}");
}
