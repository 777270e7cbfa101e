//! Sets the campaign up, as an administrator would: everything over the API.

use std::collections::BTreeMap;

use compliance::TimeZone;
use compliance::consent::{Consent, ConsentStatus};
use compliance::zones::{ZoneInputs, ZonePolicy, candidates};
use connectors::simulator::Targets;
use contacts::sample;
use domain::address::Address;
use domain::channel::Channel;
use domain::time::Timestamp;
use domain::webhook::signature::SigningKey;
use platform::secrets::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::hours::{self, Choice, Groups};
use super::world::World;
use super::{CAP_MAX, CHANNELS, Options};
use crate::client::Client;
use crate::commands::import::{self, Rows};
use crate::failure::Failure;

/// The campaign's name: messages name it to the customer.
pub(super) const NAME: &str = "Spring offer";
/// What webhooks are told.
pub(super) const EVENT_TYPES: [&str; 4] = [
    "activity.*",
    "customer.response",
    "conversation.ended",
    "campaign.published",
];
/// The description by which a later demo on the same data finds the webhook of an earlier one.
const DESCRIPTION: &str = "receiver of the demo";
/// The flow. It is an example of the flow documents, too.
const FLOW: &str = include_str!("../../../../../shared/flows/examples/demo-flow.json");
/// The zone of people about whom nothing is known: those with an e-mail address only.
const HOME: &str = "Europe/Berlin";
/// The share of contacts that the calling hours are to be open for.
const OPEN_SHARE: f64 = 0.85;
/// Conversations started per second.
const START_RATE: u32 = 400;
/// Messages per second through each connector.
const CONNECTOR_RATE: u32 = 1_000;
/// Requests under way at once through each connector.
const CONCURRENCY: u32 = 64;
/// In larger files the numbers that are reserved for fiction come back, and so do persons.
const UNIQUE_ROWS: usize = 2_000;
/// The milliseconds of a day.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Every so many accepted contacts, one is put on the do-not-contact list.
const BARRED_EVERY: usize = 31;

/// A contact, as far as it is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Contact {
    pub(super) customer_id: String,
    addresses: BTreeMap<Channel, Address>,
    #[serde(default)]
    pub(super) time_zone: Option<TimeZone>,
    #[serde(default)]
    consent: Vec<Consent>,
}

impl Contact {
    /// The address of the first message: the phone's, where there is one.
    fn address(&self) -> Option<&Address> {
        CHANNELS.iter().find_map(|channel| self.addresses.get(channel))
    }

    /// Whether the person agreed to be contacted.
    pub(super) fn agreed(&self) -> bool {
        !self.consent.is_empty()
            && self
                .consent
                .iter()
                .all(|consent| consent.status == ConsentStatus::Granted)
    }
}

/// The zones in which a person at an address may be.
pub(super) fn zones(time_zone: Option<TimeZone>, address: &Address) -> Vec<TimeZone> {
    let inputs = ZoneInputs {
        profile: time_zone,
        contact: None,
    };
    let found = candidates(inputs, address, ZonePolicy::Explicit, home());
    found.into_iter().map(|candidate| candidate.zone).collect()
}

fn home() -> TimeZone {
    TimeZone::parse(HOME).unwrap_or(TimeZone::UTC)
}

/// What was imported.
pub(super) struct Imported {
    pub(super) list: String,
    pub(super) rows: Rows,
    /// Rejected rows by kind.
    pub(super) rejects: BTreeMap<String, usize>,
    /// The accepted.
    pub(super) contacts: Vec<Contact>,
}

/// A campaign that runs.
pub(super) struct Campaign {
    pub(super) id: String,
    pub(super) choice: Choice,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

/// What an earlier demo left on the same data would be in the way of this one.
pub(super) async fn clear(client: &Client) -> Result<(), Failure> {
    let text = |value: &Value, name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    for webhook in client.all::<Value>("/v1/webhooks").await? {
        if text(&webhook, "description") == DESCRIPTION {
            client
                .delete(&format!("/v1/webhooks/{}", text(&webhook, "id")))
                .await?;
        }
    }
    for campaign in client.all::<Value>("/v1/campaigns").await? {
        if text(&campaign, "name") == NAME
            && matches!(text(&campaign, "state").as_str(), "published" | "paused")
        {
            let _: Value = client
                .act(&format!("/v1/campaigns/{}/stop", text(&campaign, "id")))
                .await?;
        }
    }
    Ok(())
}

/// A connector for each channel, to the simulated providers, who report back under a key of their own.
pub(super) async fn connect(world: &World) -> Result<(), Failure> {
    let client = &world.client;
    let key: Value = client
        .post(
            "/v1/api-keys",
            &json!({"name": "demo providers", "role": "connector"}),
        )
        .await?;
    let cim_messages = Url::parse(&client.url("/v1/cim-messages")).ok();
    let api_key = key.get("key").and_then(Value::as_str).map(Secret::new);
    world.simulator.report_to(Targets {
        cim_messages,
        api_key,
        ..Targets::default()
    });
    for channel in CHANNELS {
        let connector = json!({
            "name": format!("{channel} of the simulated provider"),
            "kind": "ccm",
            "channels": [channel],
            "settings": {"webhookUrl": world.simulator.ccm_url(channel)},
            "ratePerSecond": CONNECTOR_RATE,
            "concurrency": CONCURRENCY,
        });
        let _: Value = client
            .put(&format!("/v1/connectors/demo-{channel}"), &connector)
            .await?;
    }
    Ok(())
}

/// Imports the example file, or contacts that are made up where the caller wants others.
pub(super) async fn import_contacts(client: &Client, options: Options) -> Result<Imported, Failure> {
    let csv = match options {
        Options {
            contacts: sample::EXAMPLE_ROWS,
            seed: sample::EXAMPLE_SEED,
        } => sample::EXAMPLE.to_owned(),
        Options { contacts, seed } => sample::contacts_csv(seed, contacts),
    };
    let list: Created = client
        .post("/v1/contact-lists", &json!({"name": "Demo contacts"}))
        .await?;
    let bytes = csv.len() as u64;
    let begun = import::begin(client, &list.id, csv.into(), bytes).await?;
    let done = import::follow(client, &list.id, begun, |_| {}).await?;
    let mut rejects = BTreeMap::new();
    for reject in import::rejects(client, &list.id, &done).await? {
        *rejects.entry(reject.code).or_default() += 1;
    }
    let contacts = client
        .all(&format!("/v1/contact-lists/{}/contacts", list.id))
        .await?;
    Ok(Imported {
        list: list.id,
        rows: done.rows,
        rejects,
        contacts,
    })
}

/// Puts some of the contacts on the do-not-contact list, by turns as person and by address. Tells how
/// many.
pub(super) async fn bar(client: &Client, contacts: &[Contact]) -> Result<usize, Failure> {
    let barred = contacts.iter().step_by(BARRED_EVERY).enumerate();
    let items: Vec<Value> = barred
        .map(|(turn, contact)| match contact.address() {
            Some(address) if turn % 2 == 1 => json!({"address": address, "source": "demo"}),
            _ => json!({"customerId": contact.customer_id, "source": "demo"}),
        })
        .collect();
    for items in items.chunks(1_000) {
        let answer: Value = client
            .post("/v1/do-not-contact/batch", &json!({"items": items}))
            .await?;
        let results = answer
            .get("results")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if let Some(refused) = results.iter().find(|result| result.get("problem").is_some()) {
            return Err(Failure::Told(format!(
                "an entry of the do-not-contact list was refused: {refused}"
            )));
        }
    }
    Ok(items.len())
}

/// Calling hours that are open for the stated share of the contacts now.
pub(super) fn choose_hours(contacts: &[Contact], now: Timestamp) -> Choice {
    let mut groups = Groups::new();
    for contact in contacts {
        if let Some(address) = contact.address() {
            *groups.entry(zones(contact.time_zone, address)).or_default() += 1;
        }
    }
    hours::choose(&groups, home(), now, OPEN_SHARE)
}

/// Creates the campaign and its webhook, and publishes it.
pub(super) async fn publish(world: &World, list: &str, choice: Choice) -> Result<Campaign, Failure> {
    let client = &world.client;
    let flow: Value = serde_json::from_str(FLOW)
        .map_err(|error| Failure::Told(format!("the flow is not JSON: {error}")))?;
    let definition = json!({
        "name": NAME,
        "contactLists": [list],
        "flow": flow,
        "policy": {
            "consentBasis": "explicitConsent",
            "timeZone": HOME,
            "windows": choice.hours.windows(),
            "caps": [{"max": CAP_MAX, "windowMs": DAY_MS}],
        },
        "startRatePerSecond": START_RATE,
    });
    let campaign: Created = client.post("/v1/campaigns", &definition).await?;
    let webhook = json!({
        "url": world.receiver.url(),
        "eventTypes": EVENT_TYPES,
        "campaignId": campaign.id,
        "description": DESCRIPTION,
    });
    let webhook: Value = client.post("/v1/webhooks", &webhook).await?;
    let secret = webhook.get("secret").and_then(Value::as_str).unwrap_or_default();
    let key =
        SigningKey::parse(secret).map_err(|error| Failure::Told(format!("the webhook's secret {error}")))?;
    world.receiver.trust(key);
    let _: Value = client
        .act(&format!("/v1/campaigns/{}/publish", campaign.id))
        .await?;
    Ok(Campaign {
        id: campaign.id,
        choice,
    })
}

/// Whether the import gave what the file was made to hold.
pub(super) fn as_made(imported: &Imported, rows: usize) -> bool {
    let expected = sample::expected(rows);
    let rejected: BTreeMap<String, usize> = expected
        .rejected
        .iter()
        .filter_map(|(code, count)| Some((serde_json::to_value(code).ok()?.as_str()?.to_owned(), *count)))
        .collect();
    let Rows {
        accepted, duplicates, ..
    } = imported.rows;
    let counted = if rows <= UNIQUE_ROWS {
        (accepted, duplicates) == (expected.contacts, expected.duplicates)
    } else {
        accepted + duplicates == expected.contacts + expected.duplicates
    };
    counted && imported.contacts.len() == accepted && imported.rejects == rejected
}
