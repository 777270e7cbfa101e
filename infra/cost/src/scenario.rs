//! What is counted: a tenant with a cap, a connector, an endpoint that wants `sent`, `delivered` and
//! `read`, and activities: created by API, or by a campaign.

use std::collections::BTreeMap;
use std::sync::Arc;

use application::api_keys::{self, Role};
use application::cache::Caches;
use application::campaigns::{self, Definition};
use application::context::Context;
use application::error::Error;
use application::settings::Settings;
use application::{connectors, contact_lists, imports, settings, webhooks};
use compliance::Channels;
use compliance::caps::Cap;
use compliance::consent::ConsentBasis;
use compliance::gate::{CampaignPolicy, TenantPolicy};
use compliance::zones::{TimeZone, ZonePolicy};
use domain::campaign::CampaignAction;
use domain::channel::Channel;
use domain::id::{CampaignId, ConnectorId, ContactListId, ImportId, TenantId, WebhookId};
use domain::time::{Millis, Timestamp};
use platform::connector::{ConnectorConfig, ConnectorKind};
use platform_memory::World;
use serde_json::{Value, json};

use crate::counted::Counted;
use crate::meter::Meter;
use crate::provider::{Endpoint, Provider};

/// How an activity comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// By `POST /v1/scheduled-activities`, with an `Idempotency-Key`.
    Api,
    /// As the message of a campaign's flow, which waits for its being read.
    Campaign,
}

fn wrong(error: impl std::fmt::Display) -> Error {
    Error::Corrupt(error.to_string())
}

/// The tenant.
pub(crate) fn tenant() -> Result<TenantId, Error> {
    TenantId::parse("acme").map_err(wrong)
}

/// The campaign.
pub(crate) fn campaign() -> Result<CampaignId, Error> {
    CampaignId::parse("cmp_spring-offer").map_err(wrong)
}

/// A Monday noon.
pub(crate) fn start() -> Timestamp {
    Timestamp::parse("2026-11-23T12:00:00Z").unwrap_or_default()
}

/// The ports of a world, with a meter.
pub(crate) fn context(world: &World, meter: &Meter, provider: &Provider) -> Context {
    let counted = Arc::new(Counted {
        world: world.clone(),
        meter: meter.clone(),
    });
    let port = Arc::new(world.clone());
    Context {
        table: counted.clone(),
        queues: counted.clone(),
        bus: counted,
        blobs: port.clone(),
        secrets: port.clone(),
        web: Arc::new(Endpoint { meter: meter.clone() }),
        connectors: Arc::new(provider.clone()),
        clock: port.clone(),
        entropy: port,
        caches: Arc::new(Caches::default()),
        trace: None,
    }
}

/// A request that schedules an activity.
pub(crate) fn request(number: usize, due_at: Timestamp) -> Value {
    json!({
        "channel": "sms",
        "to": phone(number),
        "customerId": format!("cus_{number:08}"),
        "dueAt": due_at,
        "message": {"type": "PLAIN", "markdownText":
            "Dear customer, your appointment at our office is tomorrow at nine. Answer NO if you cannot come."},
        "metadata": {"appointment": format!("{number:08}"), "office": "Berlin Mitte"},
    })
}

fn phone(number: usize) -> String {
    format!("+49151{number:08}")
}

/// Configures the tenant; the answer is the text of an API key.
pub(crate) async fn set_up(context: &Context) -> Result<String, Error> {
    let tenant = tenant()?;
    settings::change(context, &tenant, None, |_| policy()).await?;
    let connector = ConnectorConfig {
        id: ConnectorId::parse("main").map_err(wrong)?,
        kind: ConnectorKind::Ccm,
        channels: vec![Channel::Sms, Channel::Whatsapp],
        settings: BTreeMap::new(),
        // High enough that nobody waits: what waiting costs is no part of this account.
        rate_per_second: 1_000,
        concurrency: 100,
    };
    connectors::put(context, &tenant, "Main".into(), connector, BTreeMap::new(), None).await?;
    let wanted = ["activity.sent", "activity.delivered", "activity.read"].map(str::to_owned);
    let endpoint = webhooks::Definition {
        url: "https://hooks.example.com/events".parse().map_err(wrong)?,
        event_types: webhooks::event_filter(&wanted)?,
        campaign_id: None,
        description: String::new(),
    };
    let id = WebhookId::parse("whk_example").map_err(wrong)?;
    webhooks::create(context, &tenant, id, endpoint).await?;
    let (_, key) = api_keys::create(context, &tenant, "cost", Role::Admin).await?;
    Ok(key)
}

fn policy() -> Settings {
    let cap = Cap {
        max: 3,
        window: Millis::hours(24),
        channels: Channels::All,
    };
    Settings {
        policy: TenantPolicy {
            caps: vec![cap],
            ..TenantPolicy::default()
        },
        ..Settings::default()
    }
}

fn list() -> Result<ContactListId, Error> {
    ContactListId::parse("lst_customers").map_err(wrong)
}

/// Begins an import of this many contacts.
pub(crate) async fn import(context: &Context, contacts: usize) -> Result<ImportId, Error> {
    use futures::StreamExt as _;
    let (tenant, list) = (tenant()?, list()?);
    let import = ImportId::parse("imp_first").map_err(wrong)?;
    contact_lists::create(context, &tenant, list.clone(), "Customers").await?;
    imports::create(context, &tenant, &list, import.clone()).await?;
    let rows: String = (0..contacts)
        .map(|number| format!("{},Person{number},cus_{number:08}\n", phone(number)))
        .collect();
    let file = format!("phone,firstName,customerId\n{rows}");
    let bytes = futures::stream::iter([Ok(file.into_bytes().into())]).boxed();
    imports::upload(context, &tenant, &list, &import, bytes).await?;
    Ok(import)
}

/// Whether the import has ended.
pub(crate) async fn is_imported(context: &Context, import: &ImportId) -> Result<bool, Error> {
    let stored = imports::get(context, &tenant()?, &list()?, import).await?;
    Ok(stored.value.state == imports::ImportState::Done)
}

/// Publishes the campaign, which starts this many conversations a second.
pub(crate) async fn publish(context: &Context, per_second: u32) -> Result<(), Error> {
    let (tenant, id) = (tenant()?, campaign()?);
    campaigns::create(context, &tenant, id.clone(), definition(per_second)?).await?;
    campaigns::act(context, &tenant, &id, None, CampaignAction::Publish).await?;
    Ok(())
}

/// One message, and a day for reading it.
fn definition(per_second: u32) -> Result<Definition, Error> {
    let flow = json!({
        "schema": 1,
        "start": "invite",
        "nodes": {
            "invite": {"type": "message", "channels": [{"channel": "sms", "text":
                "Hello {{ profile.firstName }}, our spring offer is open for you until Sunday. Answer YES for a call back."}],
                "expiresAfter": "3h", "outcomes": {"sent": "waiting", "failed": "lost", "refused": "lost",
                "expired": "lost", "no_address": "lost", "unknown": "lost", "cancelled": "lost"}},
            "waiting": {"type": "wait", "for": [
                {"on": "reply", "to": "invite", "outcome": "replied"},
                {"on": "receipt", "receipt": "read", "of": "invite", "outcome": "read"},
                {"on": "receipt", "receipt": "failed", "of": "invite", "outcome": "failed"}], "timeout": "24h",
                "outcomes": {"replied": "answered", "read": "seen", "failed": "lost", "timeout": "silent"}},
            "answered": {"type": "end", "label": "replied"},
            "seen": {"type": "end", "label": "read"},
            "silent": {"type": "end", "label": "no_answer"},
            "lost": {"type": "end", "label": "not_reached"}
        }
    });
    Ok(Definition {
        name: "Spring".into(),
        contact_lists: vec![list()?],
        flow,
        contact_columns: BTreeMap::new(),
        profile_attributes: BTreeMap::new(),
        policy: CampaignPolicy {
            consent_basis: ConsentBasis::ExistingRelationship,
            purpose: None,
            time_zone: TimeZone::parse("Europe/Berlin").map_err(wrong)?,
            zone_policy: ZonePolicy::default(),
            windows: None,
            channel_windows: BTreeMap::new(),
            caps: Vec::new(),
        },
        pacing: None,
        start_rate_per_second: per_second,
        start_at: None,
        end_at: None,
    })
}
