//! Customers: profiles, consent, history.

use std::collections::BTreeMap;

use application::customers;
use application::error::{Error, FieldError};
use application::history::{self, HistoryEntry};
use application::store::Stored;
use axum::Json;
use axum::extract::State;
use compliance::TimeZone;
use compliance::consent::Consent;
use contacts::profile::{ConsentIn, CustomerProfile, ProfileIn};
use contacts::text::{Language, PersonName};
use domain::activity::event::ActivityEvent;
use domain::activity::state::State as ActivityState;
use domain::address::Address;
use domain::channel::Channel;
use domain::cim::Body;
use domain::id::{ActivityId, CampaignId, ConversationId, CustomerId};
use domain::time::Timestamp;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::checks::replaced;
use crate::auth::Caller;
use crate::etag::{Precondition, Resource};
use crate::extract::{Ids, Input, parse_value};
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;

/// A customer's profile.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "only its description is used")]
pub struct CustomerIn {
    #[schema(max_length = 100)]
    first_name: Option<String>,
    #[schema(max_length = 100)]
    last_name: Option<String>,
    /// Addresses by channel.
    #[schema(example = json!({"sms": "+442079460958", "email": "ann@example.org"}))]
    #[schema(required = false)]
    addresses: BTreeMap<String, schema::AnyAddress>,
    time_zone: Option<schema::Zone>,
    /// A language tag.
    #[schema(example = "de-AT", max_length = 35)]
    language: Option<String>,
    /// Further values (names 64 bytes, values 2,000).
    #[schema(required = false)]
    attributes: BTreeMap<String, schema::Attribute>,
    /// Consent records. They are added to those that stand: records are proof and stay.
    #[schema(max_items = 100, required = false)]
    consent: Vec<ConsentRecordIn>,
}

/// A consent record.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "only its description is used")]
pub struct ConsentRecordIn {
    /// The channels it is about; absent: all.
    channels: Option<schema::Channels>,
    status: schema::ConsentStatus,
    /// What for; absent: everything.
    #[schema(max_length = 100)]
    purpose: Option<String>,
    /// Where it was given; `api` if absent.
    #[schema(max_length = 100)]
    source: Option<String>,
    /// When; absent: now. Never in the future.
    at: Option<schema::Instant>,
}

/// A consent record as it stands.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "only its description is used")]
pub struct ConsentOut {
    channels: schema::Channels,
    status: schema::ConsentStatus,
    purpose: Option<String>,
    source: String,
    at: schema::Instant,
}

/// A customer as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerOut {
    #[schema(value_type = schema::Id)]
    id: CustomerId,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    first_name: Option<PersonName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    last_name: Option<PersonName>,
    #[schema(value_type = BTreeMap<String, String>)]
    addresses: BTreeMap<Channel, Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    time_zone: Option<TimeZone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    language: Option<Language>,
    attributes: BTreeMap<String, String>,
    #[schema(value_type = Vec<ConsentOut>)]
    consent: Vec<Consent>,
}

impl CustomerOut {
    fn of(id: CustomerId, Stored { value, version }: Stored<CustomerProfile>) -> Self {
        Self {
            id,
            version,
            first_name: value.first_name,
            last_name: value.last_name,
            addresses: value.addresses,
            time_zone: value.time_zone,
            language: value.language,
            attributes: value.attributes,
            consent: value.consent,
        }
    }

    fn resource(id: CustomerId, stored: Stored<CustomerProfile>) -> Resource<Self> {
        Resource::ok(stored.version, Self::of(id, stored))
    }
}

fn fields(errors: Vec<compliance::FieldError>) -> Vec<FieldError> {
    errors
        .into_iter()
        .map(|error| FieldError::new(error.pointer, error.message))
        .collect()
}

/// A profile with the consent records that stood, and those that it brings.
fn with_consent_of(mut profile: CustomerProfile, before: Vec<Consent>) -> CustomerProfile {
    for record in std::mem::replace(&mut profile.consent, before) {
        profile.record_consent(record);
    }
    profile
}

/// List the customers
#[utoipa::path(
    get, path = "/v1/customers", operation_id = "listCustomers", tag = "customers",
    params(PageParams), responses((status = 200, body = Page<CustomerOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    page: PageParams,
) -> Result<Json<Page<CustomerOut>>, Problem> {
    let found = customers::list(&state.context, &caller.tenant, page.cursor(), page.limit).await?;
    Ok(Page::of(found, |(id, stored)| CustomerOut::of(id, stored)))
}

/// Read a customer
#[utoipa::path(
    get, path = "/v1/customers/{id}", operation_id = "getCustomer", tag = "customers",
    params(("id" = schema::Id, Path)), responses((status = 200, body = CustomerOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<CustomerId>,
) -> Result<Resource<CustomerOut>, Problem> {
    let stored = customers::get(&state.context, &caller.tenant, &id).await?;
    Ok(CustomerOut::resource(id, stored))
}

/// Create a customer, or replace the profile
///
/// Consent records are kept; those given are added.
#[utoipa::path(
    put, path = "/v1/customers/{id}", operation_id = "putCustomer", tag = "customers",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body = CustomerIn, responses((status = 200, body = CustomerOut))
)]
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<CustomerId>,
    Precondition(expected): Precondition,
    Input(input): Input<ProfileIn>,
) -> Result<Resource<CustomerOut>, Problem> {
    let profile = input
        .parse(state.context.now())
        .map_err(|errors| Problem::invalid(fields(errors)))?;
    let change = |before: Option<CustomerProfile>| {
        Ok(with_consent_of(
            profile.clone(),
            before.map(|before| before.consent).unwrap_or_default(),
        ))
    };
    let stored = customers::change(&state.context, &caller.tenant, &id, expected, change).await?;
    Ok(CustomerOut::resource(id, stored))
}

/// Change a customer
///
/// Each member that is given replaces the whole of what stood under its name; null removes it.
/// Consent records are added.
#[utoipa::path(
    patch, path = "/v1/customers/{id}", operation_id = "changeCustomer", tag = "customers",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)),
    request_body(content = Object, description = "Members of the profile that change.",
        example = json!({"language": "de", "timeZone": null})),
    responses((status = 200, body = CustomerOut))
)]
pub(crate) async fn patch(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<CustomerId>,
    Precondition(expected): Precondition,
    Input(patch): Input<Map<String, Value>>,
) -> Result<Resource<CustomerOut>, Problem> {
    let now = state.context.now();
    let change = |before: Option<CustomerProfile>| {
        let mut before = before.ok_or_else(|| Error::not_found("customer", &id))?;
        let consent = std::mem::take(&mut before.consent);
        let document = serde_json::to_value(&before).map_err(|error| Error::Corrupt(error.to_string()))?;
        let input: ProfileIn = parse_value(replaced(document, &patch)).map_err(Problem::into_invalid)?;
        let profile = input
            .parse(now)
            .map_err(|errors| Error::Invalid(fields(errors)))?;
        Ok(with_consent_of(profile, consent))
    };
    let stored = customers::change(&state.context, &caller.tenant, &id, expected, change).await?;
    Ok(CustomerOut::resource(id, stored))
}

/// Delete a customer's profile
///
/// History, do-not-contact entries and the contact ledger stay: they protect the person.
#[utoipa::path(
    delete, path = "/v1/customers/{id}", operation_id = "deleteCustomer", tag = "customers",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)), responses((status = 204))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<CustomerId>,
    Precondition(expected): Precondition,
) -> Result<StatusCode, Problem> {
    customers::delete(&state.context, &caller.tenant, &id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Record what a customer allowed or refused
#[utoipa::path(
    post, path = "/v1/customers/{id}/consent", operation_id = "recordConsent", tag = "customers",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)),
    request_body = ConsentRecordIn, responses((status = 200, body = CustomerOut))
)]
pub(crate) async fn record_consent(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<CustomerId>,
    Precondition(expected): Precondition,
    Input(record): Input<ConsentIn>,
) -> Result<Resource<CustomerOut>, Problem> {
    let input = ProfileIn {
        consent: vec![record],
        ..ProfileIn::default()
    };
    let records = input.parse(state.context.now()).map_err(|errors| {
        let in_record = |mut error: FieldError| {
            error.pointer = error.pointer.trim_start_matches("/consent/0").to_owned();
            error
        };
        Problem::invalid(fields(errors).into_iter().map(in_record).collect())
    })?;
    let change = |before: Option<CustomerProfile>| {
        let mut profile = before.ok_or_else(|| Error::not_found("customer", &id))?;
        records
            .consent
            .iter()
            .cloned()
            .for_each(|record| profile.record_consent(record));
        Ok(profile)
    };
    let stored = customers::change(&state.context, &caller.tenant, &id, expected, change).await?;
    Ok(CustomerOut::resource(id, stored))
}

/// An entry of a customer's history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum HistoryOut {
    /// An activity, as it stands.
    #[serde(rename_all = "camelCase")]
    Activity {
        /// Which activity.
        #[schema(value_type = schema::Id)]
        activity_id: ActivityId,
        /// The version of the activity that is shown.
        activity_version: u64,
        /// How.
        #[schema(value_type = schema::Channel)]
        channel: Channel,
        /// Where it stands.
        #[schema(value_type = schema::ActivityState)]
        state: ActivityState,
        /// Its due time.
        #[schema(value_type = schema::Instant)]
        due_at: Timestamp,
        /// In which campaign.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<schema::Id>)]
        campaign_id: Option<CampaignId>,
        /// In which conversation.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<schema::Id>)]
        conversation_id: Option<ConversationId>,
        /// The caller's own data.
        metadata: BTreeMap<String, String>,
        /// What happened, oldest first.
        #[schema(value_type = Vec<Object>)]
        events: Vec<ActivityEvent>,
    },
    /// A message that the customer sent on their own.
    #[serde(rename_all = "camelCase")]
    Message {
        /// The id that it came with.
        message_id: String,
        /// From which address.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, max_length = 320)]
        from: Option<Address>,
        /// By which channel, if known.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<schema::Channel>)]
        channel: Option<Channel>,
        /// When.
        #[schema(value_type = schema::Instant)]
        at: Timestamp,
        /// What the customer wrote.
        #[schema(value_type = schema::CimBody)]
        body: Body,
    },
}

impl From<HistoryEntry> for HistoryOut {
    fn from(entry: HistoryEntry) -> Self {
        match entry {
            HistoryEntry::Activity(entry) => Self::Activity {
                activity_id: entry.activity_id,
                activity_version: entry.activity_version,
                channel: entry.channel,
                state: entry.state,
                due_at: entry.due_at,
                campaign_id: entry.campaign_id,
                conversation_id: entry.conversation_id,
                metadata: entry.metadata,
                events: entry.events,
            },
            HistoryEntry::Message(message) => Self::Message {
                message_id: message.id,
                from: message.from,
                channel: message.channel,
                at: message.at,
                body: message.body,
            },
        }
    }
}

/// Read a customer's history, newest first
///
/// It follows what happens by a moment, and outlives the profile.
#[utoipa::path(
    get, path = "/v1/customers/{id}/activities", operation_id = "getCustomerHistory", tag = "customers",
    params(("id" = schema::Id, Path), PageParams), responses((status = 200, body = Page<HistoryOut>))
)]
pub(crate) async fn history(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<CustomerId>,
    page: PageParams,
) -> Result<Json<Page<HistoryOut>>, Problem> {
    let (context, tenant) = (&state.context, &caller.tenant);
    let found = history::customer_history(context, tenant, &id, page.cursor(), page.limit).await?;
    Ok(Page::of(found, HistoryOut::from))
}
