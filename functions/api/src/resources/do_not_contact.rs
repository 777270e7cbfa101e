//! The do-not-contact list: persons and addresses that are not to be contacted.

use application::do_not_contact;
use application::error::FieldError;
use application::listing::Listing;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use compliance::Channels;
use compliance::do_not_contact::{Entry, Subject};
use domain::address::Address;
use domain::id::{CustomerId, TenantId};
use domain::time::Timestamp;
use futures::StreamExt;
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::extract::{Input, Parameters, parse};
use crate::paging::{Page, PageParams};
use crate::problem::{Problem, ProblemBody};
use crate::schema;
use crate::state::ApiState;
use crate::text::Text;

/// Most entries of one request.
const MAX_BATCH: usize = 1_000;
/// Entries that are written at once.
const AT_ONCE: usize = 16;

/// An entry: of an address or of a customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntryIn {
    /// A phone number in international form, or an e-mail address: whoever answers there.
    #[serde(default)]
    #[schema(max_length = 320, example = "+442079460958")]
    address: Option<String>,
    /// A person, at every address.
    #[serde(default)]
    #[schema(value_type = Option<schema::Id>)]
    customer_id: Option<CustomerId>,
    /// The channels that are closed; absent: all.
    #[serde(default)]
    #[schema(value_type = schema::Channels)]
    channels: Channels,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    reason: Option<Text<200>>,
    /// Who entered it; `api` if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    source: Option<Text<200>>,
    /// From when it no longer binds; absent: for ever.
    #[serde(default)]
    #[schema(value_type = Option<schema::Instant>)]
    expires_at: Option<Timestamp>,
}

impl EntryIn {
    fn entry(self, now: Timestamp) -> Result<Entry, Problem> {
        let wrong = |pointer: &str, detail: String| Problem::invalid(vec![FieldError::new(pointer, detail)]);
        let subject = match (self.address, self.customer_id) {
            (Some(text), None) => {
                Subject::parse_address(&text).map_err(|error| wrong("/address", error.to_string()))?
            }
            (None, Some(customer)) => Subject::CustomerId(customer),
            _ => {
                return Err(wrong(
                    "/address",
                    "or `customerId` must be given, one of the two".to_owned(),
                ));
            }
        };
        if self.expires_at.is_some_and(|expires| expires <= now) {
            return Err(wrong("/expiresAt", "has passed already".to_owned()));
        }
        Ok(Entry {
            subject,
            channels: self.channels,
            reason: self.reason.map(String::from).unwrap_or_default(),
            source: self.source.map_or_else(|| "api".to_owned(), String::from),
            at: now,
            expires: self.expires_at,
        })
    }
}

/// An entry as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    customer_id: Option<CustomerId>,
    #[schema(value_type = schema::Channels)]
    channels: Channels,
    reason: String,
    source: String,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    expires_at: Option<Timestamp>,
}

impl From<Entry> for EntryOut {
    fn from(entry: Entry) -> Self {
        let (address, customer_id) = match entry.subject {
            Subject::Address(address) => (Some(address), None),
            Subject::CustomerId(customer) => (None, Some(customer)),
        };
        Self {
            address,
            customer_id,
            channels: entry.channels,
            reason: entry.reason,
            source: entry.source,
            created_at: entry.at,
            expires_at: entry.expires,
        }
    }
}

/// Enter an address or a person
///
/// An entry for the same channels is replaced, unless it binds for longer: remove it first to shorten it.
#[utoipa::path(
    post, path = "/v1/do-not-contact", operation_id = "enterDoNotContact", tag = "do not contact",
    request_body = EntryIn, responses((status = 201, body = EntryOut))
)]
pub(crate) async fn enter(
    State(state): State<ApiState>,
    caller: Caller,
    Input(input): Input<EntryIn>,
) -> Result<(StatusCode, Json<EntryOut>), Problem> {
    let entry = input.entry(state.context.now())?;
    let entry = do_not_contact::enter(&state.context, &caller.tenant, entry).await?;
    Ok((StatusCode::CREATED, Json(entry.into())))
}

/// Many entries.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntriesIn {
    #[schema(value_type = Vec<EntryIn>, min_items = 1, max_items = 1_000)]
    items: Vec<Box<RawValue>>,
}

/// What became of the entries.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntriesOut {
    /// In the order of the items.
    #[schema(max_items = 1_000)]
    results: Vec<EntryResult>,
}

/// What became of one entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryResult {
    /// The item's place, from 0.
    index: usize,
    /// The HTTP status that it would have had by itself.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<EntryOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemBody>,
}

/// Enter up to 1,000 addresses and persons, each for itself
#[utoipa::path(
    post, path = "/v1/do-not-contact/batch", operation_id = "enterDoNotContactBatch", tag = "do not contact",
    request_body = EntriesIn, responses((status = 200, body = EntriesOut))
)]
pub(crate) async fn enter_batch(
    State(state): State<ApiState>,
    caller: Caller,
    Input(EntriesIn { items }): Input<EntriesIn>,
) -> Result<Json<EntriesOut>, Problem> {
    if !(1..=MAX_BATCH).contains(&items.len()) {
        let detail = format!("must have 1 to {MAX_BATCH} entries");
        return Err(Problem::invalid(vec![FieldError::new("/items", detail)]));
    }
    let entering = items
        .iter()
        .enumerate()
        .map(|(index, item)| enter_one(&state, &caller.tenant, index, item));
    let entering: Vec<_> = entering.collect();
    let results = futures::stream::iter(entering).buffered(AT_ONCE).collect().await;
    Ok(Json(EntriesOut { results }))
}

async fn enter_one(state: &ApiState, tenant: &TenantId, index: usize, item: &RawValue) -> EntryResult {
    let work = async {
        let entry = parse::<EntryIn>(item.get().as_bytes())?.entry(state.context.now())?;
        Ok::<_, Problem>(do_not_contact::enter(&state.context, tenant, entry).await?)
    };
    match work.await {
        Ok(entry) => EntryResult {
            index,
            status: StatusCode::CREATED.as_u16(),
            entry: Some(entry.into()),
            problem: None,
        },
        Err(problem) => {
            problem.log();
            let problem = problem.under(&format!("/items/{index}"));
            EntryResult {
                index,
                status: problem.status().as_u16(),
                entry: None,
                problem: Some(problem.body()),
            }
        }
    }
}

/// Whose entries.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "described here, read below")]
pub struct SubjectParams {
    /// Those of an address; a `+` is written `%2B`.
    address: Option<String>,
    /// Those of a person.
    #[param(value_type = Option<schema::Id>)]
    customer_id: Option<String>,
}

/// Whose entries are meant, and which page of them.
#[derive(Debug)]
pub(crate) struct Wanted {
    subject: Option<Subject>,
    page: PageParams,
}

impl<S: Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(parts);
        let page = PageParams::take(&mut parameters);
        let address = parameters.take("address", Subject::parse_address);
        let customer = parameters.take("customerId", CustomerId::parse);
        if address.is_some() && customer.is_some() {
            parameters.wrong("customerId", "cannot be given together with `address`");
        }
        parameters.end()?;
        Ok(Self {
            subject: address.or_else(|| customer.map(Subject::CustomerId)),
            page,
        })
    }
}

/// List the entries, all or those of an address or person
#[utoipa::path(
    get, path = "/v1/do-not-contact", operation_id = "listDoNotContact", tag = "do not contact",
    params(SubjectParams, PageParams), responses((status = 200, body = Page<EntryOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Wanted { subject, page }: Wanted,
) -> Result<Json<Page<EntryOut>>, Problem> {
    let (context, tenant) = (&state.context, &caller.tenant);
    let found = match subject {
        Some(subject) => Listing {
            data: do_not_contact::of(context, tenant, &subject).await?,
            next: None,
        },
        None => do_not_contact::list(context, tenant, page.cursor(), page.limit).await?,
    };
    Ok(Page::of(found, EntryOut::from))
}

/// Remove all entries of an address or person
#[utoipa::path(
    delete, path = "/v1/do-not-contact", operation_id = "removeDoNotContact", tag = "do not contact",
    params(SubjectParams), responses((status = 204))
)]
pub(crate) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Wanted { subject, .. }: Wanted,
) -> Result<StatusCode, Problem> {
    let subject = subject.ok_or_else(|| Problem::parameter("address", "or `customerId` must be given"))?;
    do_not_contact::remove(&state.context, &caller.tenant, &subject).await?;
    Ok(StatusCode::NO_CONTENT)
}
