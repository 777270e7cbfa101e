//! Imports of contacts: create one, put the CSV file to its address, watch it being read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use application::imports::{self, Import, ImportState, MAX_BYTES};
use application::store::Stored;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contacts::header::HeaderProblem;
use contacts::import::{Reject, RejectCode};
use domain::id::{ContactListId, ImportId};
use domain::time::Timestamp;
use futures::StreamExt;
use http::HeaderMap;
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::etag::Resource;
use crate::extract::{Ids, announced_length, plain_encoding};
use crate::idempotency::{KeptBody, WriteRequest};
use crate::paging::{Page, PageParams};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;

/// An import and how far it got.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportOut {
    #[schema(value_type = schema::Id)]
    id: ImportId,
    version: u64,
    #[schema(value_type = schema::Id)]
    contact_list_id: ContactListId,
    /// `awaitingUpload`, `running`, `done`, or `failed` when the header cannot be read.
    #[schema(value_type = String, example = "running")]
    state: ImportState,
    /// Where to PUT the file, while it is awaited. An address outside this API takes no API key, and
    /// nobody tells this API what came there: POST to `start` when the file is put.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    upload_url: Option<UploadUrl>,
    /// How large the file is.
    bytes: u64,
    /// How much of it has been read.
    bytes_read: u64,
    rows: RowsOut,
    /// What is wrong with the header.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    problems: Vec<HeaderProblem>,
    #[schema(value_type = schema::Instant)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    ended_at: Option<Timestamp>,
}

/// How many rows came out how.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RowsOut {
    /// New contacts.
    accepted: u64,
    /// Contacts that stood in the list already.
    duplicates: u64,
    /// Rows that were not taken; `rejects` tells why.
    rejected: u64,
}

impl ImportOut {
    async fn of(state: &ApiState, Stored { value, version }: Stored<Import>) -> Result<Self, Problem> {
        let upload_url = UploadUrl::of(state, &value).await?;
        Ok(Self {
            upload_url,
            id: value.id,
            version,
            contact_list_id: value.list,
            state: value.state,
            bytes: value.bytes,
            bytes_read: value.position.offset,
            rows: RowsOut {
                accepted: value.rows.accepted,
                duplicates: value.rows.duplicates,
                rejected: value.rows.rejected,
            },
            problems: value.problems,
            created_at: value.created_at,
            ended_at: value.ended_at,
        })
    }
}

/// Where the file of an import is put.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum UploadUrl {
    /// To this API.
    Here(String),
    /// Past it. Whoever has the address may write there.
    Outside(Url),
}

impl UploadUrl {
    async fn of(state: &ApiState, import: &Import) -> Result<Option<Self>, Problem> {
        if import.state != ImportState::AwaitingUpload {
            return Ok(None);
        }
        let path = || format!("/v1/contact-lists/{}/imports/{}/file", import.list, import.id);
        let outside = imports::upload_url(&state.context, import).await?;
        Ok(Some(outside.map_or_else(
            || Self::Here(state.address(&path())),
            Self::Outside,
        )))
    }
}

/// Begin an import
///
/// Then PUT the file to `uploadUrl`, and POST to `start`.
#[utoipa::path(
    post, path = "/v1/contact-lists/{id}/imports", operation_id = "createImport", tag = "contact lists",
    params(("id" = schema::Id, Path)), responses((status = 201, body = ImportOut))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    write: WriteRequest,
    Ids(list): Ids<ContactListId>,
) -> Result<Response, Problem> {
    let id = write.id(ImportId::derive, 0);
    let stored = imports::create(&state.context, &caller.tenant, &list, id).await?;
    let location = format!("/v1/contact-lists/{list}/imports/{}", stored.value.id);
    let version = stored.version;
    let out = ImportOut::of(&state, stored).await?;
    let kept = kept(&out)?;
    let mut response = Resource::created(location, version, out).into_response();
    if let Some(kept) = kept {
        response.extensions_mut().insert(kept);
    }
    Ok(response)
}

/// What is kept of an answer with an address that lets its holder write: all but the address. Reading
/// the import gives another.
fn kept(out: &ImportOut) -> Result<Option<KeptBody>, Problem> {
    if !matches!(out.upload_url, Some(UploadUrl::Outside(_))) {
        return Ok(None);
    }
    let rest = ImportOut {
        upload_url: None,
        ..out.clone()
    };
    serde_json::to_string(&rest)
        .map(|body| Some(KeptBody(body)))
        .map_err(Problem::internal)
}

/// Put the file of an import: CSV with a header, UTF-8, at most 200 MB
///
/// Separated by commas, semicolons or tabs. The file is read in the background.
#[utoipa::path(
    put, path = "/v1/contact-lists/{id}/imports/{importId}/file", operation_id = "uploadImport",
    tag = "contact lists", params(("id" = schema::Id, Path), ("importId" = schema::Id, Path)),
    request_body(content = String, content_type = "text/csv"), responses((status = 200, body = ImportOut))
)]
pub(crate) async fn upload(
    State(state): State<ApiState>,
    caller: Caller,
    Ids((list, id)): Ids<(ContactListId, ImportId)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Resource<ImportOut>, Problem> {
    let too_large = || Problem::too_large(format!("A file may have at most {MAX_BYTES} bytes."));
    plain_encoding(&headers)?;
    if announced_length(&headers).is_some_and(|length| length > MAX_BYTES) {
        return Err(too_large());
    }
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let bytes = body.into_data_stream().map(move |part| {
        let part = part.map_err(|error| error.to_string())?;
        counter.fetch_add(part.len() as u64, Ordering::Relaxed);
        Ok(part)
    });
    match imports::upload(&state.context, &caller.tenant, &list, &id, bytes.boxed()).await {
        Ok(stored) => Ok(Resource::ok(stored.version, ImportOut::of(&state, stored).await?)),
        Err(_) if count.load(Ordering::Relaxed) > MAX_BYTES => Err(too_large()),
        Err(error) => Err(error.into()),
    }
}

/// Start to read the file that was put to `uploadUrl`
///
/// Needed where that address lies outside this API; where the file came through this API, and when it
/// is done again, it changes nothing.
#[utoipa::path(
    post, path = "/v1/contact-lists/{id}/imports/{importId}/start", operation_id = "startImport",
    tag = "contact lists", params(("id" = schema::Id, Path), ("importId" = schema::Id, Path)),
    responses((status = 200, body = ImportOut))
)]
pub(crate) async fn start(
    State(state): State<ApiState>,
    caller: Caller,
    Ids((list, id)): Ids<(ContactListId, ImportId)>,
) -> Result<Resource<ImportOut>, Problem> {
    let stored = imports::start(&state.context, &caller.tenant, &list, &id).await?;
    Ok(Resource::ok(stored.version, ImportOut::of(&state, stored).await?))
}

/// List the imports of a contact list, newest first
#[utoipa::path(
    get, path = "/v1/contact-lists/{id}/imports", operation_id = "listImports", tag = "contact lists",
    params(("id" = schema::Id, Path), PageParams), responses((status = 200, body = Page<ImportOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(list): Ids<ContactListId>,
    page: PageParams,
) -> Result<Json<Page<ImportOut>>, Problem> {
    let found = imports::list(&state.context, &caller.tenant, &list, page.cursor(), page.limit).await?;
    let mut page = Vec::with_capacity(found.data.len());
    for stored in found.data {
        page.push(ImportOut::of(&state, stored).await?);
    }
    Ok(Json(Page {
        data: page,
        next: found.next,
    }))
}

/// Read the progress of an import
#[utoipa::path(
    get, path = "/v1/contact-lists/{id}/imports/{importId}", operation_id = "getImport", tag = "contact lists",
    params(("id" = schema::Id, Path), ("importId" = schema::Id, Path)),
    responses((status = 200, body = ImportOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids((list, id)): Ids<(ContactListId, ImportId)>,
) -> Result<Resource<ImportOut>, Problem> {
    let stored = imports::get(&state.context, &caller.tenant, &list, &id).await?;
    Ok(Resource::ok(stored.version, ImportOut::of(&state, stored).await?))
}

/// A row that was not taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectOut {
    /// The row's number, as a spreadsheet shows it: the header is 1.
    row: u64,
    /// The column, as the file names it; absent where the whole row is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    /// What kind of problem.
    #[schema(value_type = String, example = "phone")]
    code: RejectCode,
    /// What is wrong.
    reason: String,
}

impl From<Reject> for RejectOut {
    fn from(
        Reject {
            row,
            column,
            code,
            reason,
        }: Reject,
    ) -> Self {
        Self {
            row,
            column,
            code,
            reason,
        }
    }
}

/// List the rows that an import did not take, in the order of the file
#[utoipa::path(
    get, path = "/v1/contact-lists/{id}/imports/{importId}/rejects", operation_id = "listRejects",
    tag = "contact lists", params(("id" = schema::Id, Path), ("importId" = schema::Id, Path), PageParams),
    responses((status = 200, body = Page<RejectOut>))
)]
pub(crate) async fn rejects(
    State(state): State<ApiState>,
    caller: Caller,
    Ids((list, id)): Ids<(ContactListId, ImportId)>,
    page: PageParams,
) -> Result<Json<Page<RejectOut>>, Problem> {
    let (context, tenant) = (&state.context, &caller.tenant);
    let found = imports::rejects(context, tenant, &list, &id, page.cursor(), page.limit).await?;
    Ok(Page::of(found, RejectOut::from))
}
