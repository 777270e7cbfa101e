//! What a run is about: a tenant with three connectors, contacts, and a campaign.

use std::collections::BTreeMap;
use std::sync::Arc;

use application::cache::Caches;
use application::campaigns::Definition;
use application::context::Context;
use application::pacing::GroupPacing;
use application::settings::Settings;
use compliance::Channels;
use compliance::caps::Cap;
use compliance::consent::ConsentBasis;
use compliance::gate::{CampaignPolicy, TenantPolicy};
use compliance::windows::WeeklyWindows;
use compliance::zones::{TimeZone, ZonePolicy};
use domain::channel::Channel;
use domain::id::{CampaignId, ConnectorId, ContactListId, SkillGroupId, TenantId};
use domain::time::{Millis, Timestamp};
use domain::webhook::filter::EventFilter;
use platform::bus::EventBus;
use platform::connector::{ConnectorConfig, ConnectorKind};
use platform::queues::Queues;
use platform::table::Table;
use platform_memory::World;
use serde_json::json;

use crate::plants::{Plant, Planted};
use crate::provider::Providers;

/// Contacts of the campaign.
pub const CONTACTS: usize = 12;
/// At most this many contacts of one person in [`CAP_WINDOW`], over everything.
pub const CAP: u32 = 3;
/// See [`CAP`].
pub const CAP_WINDOW: Millis = Millis::hours(1);

/// The tenant.
pub fn tenant() -> TenantId {
    TenantId::parse("t").expect("a valid id")
}

/// The campaign.
pub fn campaign() -> CampaignId {
    CampaignId::parse("spring").expect("a valid id")
}

/// The contact list.
pub fn contact_list() -> ContactListId {
    ContactListId::parse("customers").expect("a valid id")
}

/// When a run begins: half an hour before the clocks change in Berlin, shortly before a window
/// closes in some zones and opens in others.
pub fn start() -> Timestamp {
    Timestamp::parse("2027-03-28T00:30:00Z").expect("a valid instant")
}

/// The phone number of a person.
pub fn number(person: usize) -> String {
    format!("+4915123456{person:03}")
}

/// What a process works with: the world as it is, or with a planted fault, and caches of its own.
pub fn context(
    world: &World,
    providers: &Providers,
    plant: Option<Plant>,
    web: Arc<dyn platform::web::WebClient>,
) -> Context {
    let planted = Arc::new(Planted::new(world.clone(), plant));
    let (table, queues): (Arc<dyn Table>, Arc<dyn Queues>) = (planted.clone(), planted.clone());
    let world = Arc::new(world.clone());
    let bus: Arc<dyn EventBus> = world.clone();
    Context {
        table,
        queues,
        bus,
        blobs: world.clone(),
        secrets: world.clone(),
        web,
        connectors: Arc::new(providers.clone()),
        clock: planted,
        entropy: world,
        caches: Arc::new(Caches::default()),
        trace: None,
    }
}

/// The skill group that calls.
pub fn skill_group() -> SkillGroupId {
    SkillGroupId::parse("sales").expect("a valid id")
}

/// Its calls are paced here.
pub fn pacing() -> GroupPacing {
    GroupPacing {
        settings: pacing::group::Settings::default(),
        time_zone: TimeZone::UTC,
    }
}

/// A connector per channel.
pub fn connectors() -> Vec<ConnectorConfig> {
    [Channel::Sms, Channel::Whatsapp, Channel::Email, Channel::Voice]
        .into_iter()
        .map(|channel| ConnectorConfig {
            id: ConnectorId::parse(channel.name()).expect("a valid id"),
            kind: ConnectorKind::Ccm,
            channels: vec![channel],
            settings: BTreeMap::new(),
            // Low enough that some have to wait for their moment.
            rate_per_second: 5,
            concurrency: 10,
        })
        .collect()
}

/// The contacts as a CSV file, two of them twice and one broken.
pub fn csv() -> String {
    let mut text = String::from("phone,email,firstName,timeZone\n");
    for person in 0..CONTACTS {
        let email = if person % 3 == 0 {
            String::new()
        } else {
            format!("p{person}@example.org")
        };
        let zone = if person % 4 == 0 { "America/New_York" } else { "" };
        text.push_str(&format!("{},{email},Person{person},{zone}\n", number(person)));
    }
    text.push_str(&format!("{},,Again,\n", number(1)));
    text.push_str("nonsense,,Broken,\n");
    text
}

/// The tenant's settings: a cap over everything.
pub fn settings() -> Settings {
    let caps = vec![Cap {
        max: CAP,
        window: CAP_WINDOW,
        channels: Channels::All,
    }];
    Settings {
        policy: TenantPolicy {
            caps,
            ..TenantPolicy::default()
        },
        ..Settings::default()
    }
}

/// The endpoint that is told everything.
pub fn webhook() -> application::webhooks::Definition {
    let types = application::events::EVENT_TYPES;
    application::webhooks::Definition {
        url: url::Url::parse("https://hooks.example.com/everything").expect("a URL"),
        event_types: EventFilter::parse(&["*".to_owned()], &types).expect("a filter"),
        campaign_id: None,
        description: String::new(),
    }
}

/// The campaign: WhatsApp; unread after two minutes, SMS; where that fails, e-mail.
pub fn definition() -> Definition {
    let open = |from: &str, to: &str| {
        let day = json!([format!("{from}-{to}")]);
        let days: serde_json::Map<_, _> = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
            .into_iter()
            .map(|name| (name.to_owned(), day.clone()))
            .collect();
        WeeklyWindows::parse(&json!({"days": days})).expect("valid windows")
    };
    let after = |next: &str| {
        json!({"sent": next, "failed": "email", "refused": "refused", "expired": "expired", "no_address": "email",
               "unknown": "unclear", "cancelled": "expired"})
    };
    let flow = json!({
        "schema": 1,
        "start": "invite",
        "nodes": {
            "invite": {"type": "message", "channels": [{"channel": "whatsapp", "text": "Hello {{ profile.firstName }}"}],
                       "expiresAfter": "3h", "outcomes": after("waitInvite")},
            "waitInvite": {"type": "wait", "for": [
                {"on": "reply", "to": "invite", "outcome": "replied"},
                {"on": "receipt", "receipt": "read", "of": "invite", "outcome": "read"},
                {"on": "receipt", "receipt": "failed", "of": "invite", "outcome": "failed"}], "timeout": "2m",
                "outcomes": {"replied": "answered", "read": "seen", "failed": "email", "timeout": "text"}},
            "text": {"type": "message", "channels": [{"channel": "sms", "text": "Still open"}],
                     "expiresAfter": "3h", "outcomes": after("waitText")},
            "waitText": {"type": "wait", "for": [
                {"on": "reply", "outcome": "replied"},
                {"on": "receipt", "receipt": "failed", "of": "text", "outcome": "failed"}], "timeout": "2m",
                "outcomes": {"replied": "answered", "failed": "email", "timeout": "silent"}},
            "email": {"type": "message", "channels": [{"channel": "email", "subject": "Hello", "text": "By e-mail"}],
                      "expiresAfter": "3h", "outcomes": {"sent": "waitEmail", "failed": "lost", "refused": "refused",
                      "expired": "expired", "no_address": "lost", "unknown": "unclear", "cancelled": "expired"}},
            "waitEmail": {"type": "wait", "for": [
                {"on": "reply", "outcome": "replied"},
                {"on": "receipt", "receipt": "failed", "of": "email", "outcome": "failed"}], "timeout": "2m",
                "outcomes": {"replied": "answered", "failed": "lost", "timeout": "silent"}},
            "answered": {"type": "end", "label": "replied"},
            "seen": {"type": "end", "label": "read"},
            "silent": {"type": "end", "label": "no_answer"},
            "lost": {"type": "end", "label": "not_reached"},
            "refused": {"type": "end", "label": "refused"},
            "expired": {"type": "end", "label": "expired"},
            "unclear": {"type": "end", "label": "unclear"}
        }
    });
    Definition {
        name: "Spring".into(),
        contact_lists: vec![contact_list()],
        flow,
        contact_columns: BTreeMap::new(),
        profile_attributes: BTreeMap::new(),
        policy: CampaignPolicy {
            consent_basis: ConsentBasis::ExistingRelationship,
            purpose: None,
            time_zone: TimeZone::parse("Europe/Berlin").expect("a zone"),
            zone_policy: ZonePolicy::default(),
            // At the start it is 01:30 in Berlin, and 20:30 the day before in New York.
            windows: Some(open("00:00", "20:40")),
            channel_windows: BTreeMap::from([(Channel::Sms, open("00:00", "24:00"))]),
            caps: Vec::new(),
        },
        pacing: None,
        start_rate_per_second: 2,
        start_at: None,
        end_at: None,
    }
}
