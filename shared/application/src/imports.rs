//! Imports of contacts: an uploaded CSV file is read page by page, in the background. A crash repeats
//! at most one page, and a row that comes again is known by its number.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use compliance::consent::{Consent, MAX_RECORDS};
use contacts::contact::Contact;
use contacts::header::{Header, HeaderCode, HeaderProblem};
use contacts::import::{Reject, Row, Target};
use contacts::profile::CustomerProfile;
use contacts::records::{MAX_RECORD, Position};
use domain::id::{ContactListId, ImportId, TenantId};
use domain::time::{Millis, Timestamp};
use futures::stream::BoxStream;
use platform::blobs::BlobError;
use platform::table::{Condition, Consistency, Item, Key, TableError, Write};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::commit::{Decision, MAX_TRIES, commit, commit_each};
use crate::contact_lists::{self, ListedContact};
use crate::context::Context;
use crate::error::Error;
use crate::jobs::{self, Job, Next, Work};
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::persons;
use crate::store::{Put, Stored, decode, load};

/// Largest file, in bytes.
pub const MAX_BYTES: u64 = 200 * 1024 * 1024;
/// Rejected rows that are listed; all are counted.
pub const MAX_LISTED_REJECTS: u64 = 10_000;
/// Bytes read per page.
const PAGE_BYTES: usize = 4 * MAX_RECORD;
/// Rows per page.
const PAGE_ROWS: usize = 500;
/// For how long rejects are listed.
const REJECTS_KEPT: Millis = Millis::hours(30 * 24);

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImportState {
    /// The file has not come yet.
    AwaitingUpload,
    /// It is being read.
    Running,
    /// It has been read to its end.
    Done,
    /// Its header cannot be read, and nothing was taken; or its file was lost while it was read.
    Failed,
}

/// How many rows came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowCounts {
    /// New contacts.
    pub accepted: u64,
    /// Contacts that stood in the list already.
    pub duplicates: u64,
    /// Rows that were not taken; see their reasons.
    pub rejected: u64,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// Into which list.
    pub list: ContactListId,
    /// Where it stands.
    pub state: ImportState,
    /// How large the file is.
    pub bytes: u64,
    /// How far it was read.
    pub position: Position,
    /// What its columns mean.
    pub header: Option<Header>,
    /// What is wrong with its header.
    #[serde(default)]
    pub problems: Vec<HeaderProblem>,
    /// How many rows came out how.
    pub rows: RowCounts,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Creates an import, which then awaits its file.
pub async fn create(
    context: &Context,
    tenant: &TenantId,
    list: &ContactListId,
    id: ImportId,
) -> Result<Stored<Import>, Error> {
    contact_lists::get(context, tenant, list).await?;
    commit(context, || async {
        let key = keys::import(tenant, list, &id);
        if let Some(stored) = load(context.table.as_ref(), &key).await? {
            return Ok(Decision::nothing(stored));
        }
        let import = Import {
            id: id.clone(),
            list: list.clone(),
            state: ImportState::AwaitingUpload,
            bytes: 0,
            position: Position::default(),
            header: None,
            problems: Vec::new(),
            rows: RowCounts::default(),
            created_at: context.now(),
            ended_at: None,
        };
        Ok(Decision::one(
            Put::new(key, &import).write()?,
            Stored {
                value: import,
                version: 1,
            },
        ))
    })
    .await
}

/// Takes the file and begins to read it.
pub async fn upload(
    context: &Context,
    tenant: &TenantId,
    list: &ContactListId,
    id: &ImportId,
    bytes: BoxStream<'static, Result<Bytes, String>>,
) -> Result<Stored<Import>, Error> {
    let stored = get(context, tenant, list, id).await?;
    if stored.value.state != ImportState::AwaitingUpload {
        return Err(Error::conflict(
            "already-uploaded",
            "this import has its file; create another one",
        ));
    }
    let length = context.blobs.write(id.as_str(), bytes, MAX_BYTES).await?;
    begin(context, tenant, list, id, length).await
}

/// Begins to read a file that was put to the address that [`Blobs::upload_url`] gave. Doing it again
/// changes nothing.
///
/// [`Blobs::upload_url`]: platform::blobs::Blobs::upload_url
pub async fn start(
    context: &Context,
    tenant: &TenantId,
    list: &ContactListId,
    id: &ImportId,
) -> Result<Stored<Import>, Error> {
    let stored = get(context, tenant, list, id).await?;
    if stored.value.state != ImportState::AwaitingUpload {
        return Ok(stored);
    }
    let length = match context.blobs.length(id.as_str()).await {
        Err(BlobError::Missing) => {
            return Err(Error::conflict(
                "not-uploaded",
                "this import has no file yet; put it to its uploadUrl first",
            ));
        }
        length => length?,
    };
    if length > MAX_BYTES {
        context.blobs.delete(id.as_str()).await?;
        return Err(BlobError::TooLarge(MAX_BYTES).into());
    }
    begin(context, tenant, list, id, length).await
}

/// Begins to read the file of an import, unless that has begun.
async fn begin(
    context: &Context,
    tenant: &TenantId,
    list: &ContactListId,
    id: &ImportId,
    length: u64,
) -> Result<Stored<Import>, Error> {
    commit(context, || async {
        let stored = get(context, tenant, list, id).await?;
        if stored.value.state != ImportState::AwaitingUpload {
            return Ok(Decision::nothing(stored));
        }
        let Stored { value, version } = stored;
        let import = Import {
            state: ImportState::Running,
            bytes: length,
            ..value
        };
        let work = Work::Import {
            list: list.clone(),
            import: id.clone(),
        };
        let job = jobs::put(tenant, &format!("import-{id}"), &Job::new(work, context.now()), 0)?;
        let write = Put::over(keys::import(tenant, list, id), &import, version).write()?;
        let output = Stored {
            value: import,
            version: version + 1,
        };
        Ok(Decision::nothing(output).and(write).and(job))
    })
    .await
}

/// Where the file of an import may be put past this program; see [`Blobs::upload_url`].
///
/// [`Blobs::upload_url`]: platform::blobs::Blobs::upload_url
pub async fn upload_url(context: &Context, import: &Import) -> Result<Option<Url>, Error> {
    if import.state != ImportState::AwaitingUpload {
        return Ok(None);
    }
    Ok(context.blobs.upload_url(import.id.as_str()).await?)
}

/// Reads one import.
pub async fn get(
    context: &Context,
    tenant: &TenantId,
    list: &ContactListId,
    id: &ImportId,
) -> Result<Stored<Import>, Error> {
    load(context.table.as_ref(), &keys::import(tenant, list, id))
        .await?
        .ok_or_else(|| Error::not_found("import", id))
}

/// One page of a list's imports, newest first.
pub async fn list(
    context: &Context,
    tenant: &TenantId,
    list: &ContactListId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Stored<Import>>, Error> {
    contact_lists::get(context, tenant, list).await?;
    Shards::one(keys::imports(tenant, list))
        .values(context, cursor, limit)
        .await
}

/// One page of the rows that an import did not take, in the order of the file.
pub async fn rejects(
    context: &Context,
    tenant: &TenantId,
    list: &ContactListId,
    id: &ImportId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Reject>, Error> {
    get(context, tenant, list, id).await?;
    let page = Shards::one(keys::rejects(tenant, id))
        .ascending()
        .values::<Reject>(context, cursor, limit)
        .await?;
    Ok(page.map(|stored| stored.value))
}

/// Reads one page of a file.
pub(crate) async fn page(
    context: &Context,
    tenant: &TenantId,
    list: &ContactListId,
    id: &ImportId,
) -> Result<Next, Error> {
    let Stored {
        value: import,
        version,
    } = get(context, tenant, list, id).await?;
    match import.state {
        ImportState::Running => {}
        ImportState::AwaitingUpload => return Ok(Next::Done),
        // Whoever ended it may not have come to delete the file.
        ImportState::Done | ImportState::Failed => {
            context.blobs.delete(id.as_str()).await?;
            return Ok(Next::Done);
        }
    }
    let after = next(context, tenant, import).await?;
    let running = after.state == ImportState::Running;
    let now = context.now();
    commit(context, || async {
        // Whoever repeats a page finds the position moved, and goes on from there.
        let stands = get(context, tenant, list, id).await?;
        if stands.version != version {
            return Ok(Decision::nothing(()));
        }
        let ended_at = (!running).then_some(now);
        let import = Import {
            ended_at,
            ..after.clone()
        };
        Ok(Decision::one(
            Put::over(keys::import(tenant, list, id), &import, version).write()?,
            (),
        ))
    })
    .await?;
    if running {
        let work = Work::Import {
            list: list.clone(),
            import: id.clone(),
        };
        return Ok(Next::Page(work, now));
    }
    context.blobs.delete(id.as_str()).await?;
    Ok(Next::Done)
}

/// The import after the next piece of its file. A file that is gone, or no more the one that was begun, ends it.
async fn next(context: &Context, tenant: &TenantId, import: Import) -> Result<Import, Error> {
    let offset = import.position.offset;
    let bytes = match context.blobs.read(import.id.as_str(), offset, PAGE_BYTES).await {
        Err(BlobError::Missing) => return Ok(lost(import)),
        bytes => bytes?,
    };
    let left = import.bytes.saturating_sub(offset);
    if (bytes.len() as u64) < left.min(PAGE_BYTES as u64) {
        return Ok(lost(import));
    }
    let last = bytes.len() as u64 >= left;
    read(context, tenant, import, &bytes, last).await
}

fn lost(import: Import) -> Import {
    let problem = HeaderProblem {
        column: None,
        name: String::new(),
        code: HeaderCode::Lost,
        message: "the file is gone, or was changed while it was read: begin another import".to_owned(),
    };
    Import {
        state: ImportState::Failed,
        problems: vec![problem],
        ..import
    }
}

/// The import after a piece of its file.
async fn read(
    context: &Context,
    tenant: &TenantId,
    import: Import,
    bytes: &[u8],
    last: bool,
) -> Result<Import, Error> {
    let Some(header) = &import.header else {
        return Ok(match Header::read(bytes, last) {
            Err(problems) => Import {
                state: ImportState::Failed,
                problems,
                ..import
            },
            Ok(None) => lost(import),
            Ok(Some((header, position))) => Import {
                header: Some(header),
                position,
                ..import
            },
        });
    };
    let target = Target {
        tenant,
        list: &import.list,
        at: import.created_at,
    };
    let piece = contacts::import::read(&target, header, import.position, bytes, last, PAGE_ROWS);
    let moved = piece.position != import.position;
    let counts = take(context, tenant, &import, piece.rows).await?;
    let rows = RowCounts {
        accepted: import.rows.accepted + counts.accepted,
        duplicates: import.rows.duplicates + counts.duplicates,
        rejected: import.rows.rejected + counts.rejected,
    };
    let ended = piece.position.offset >= import.bytes;
    if !moved && !ended {
        return Ok(lost(import));
    }
    let state = if ended {
        ImportState::Done
    } else {
        ImportState::Running
    };
    Ok(Import {
        state,
        rows,
        position: piece.position,
        ..import
    })
}

async fn take(
    context: &Context,
    tenant: &TenantId,
    import: &Import,
    rows: Vec<Row>,
) -> Result<RowCounts, Error> {
    let (mut taken, mut rejects) = (Vec::new(), Vec::new());
    for Row { number, outcome } in rows {
        match outcome {
            Ok(contact) => {
                let origin = format!("{}:{number}", import.id);
                taken.push(ListedContact { contact, origin });
            }
            Err(reject) => rejects.push(reject),
        }
    }
    let rejected = rejects.len() as u64;
    list_rejects(context, tenant, import, rejects).await?;
    let (accepted, duplicates) = take_contacts(context, tenant, &import.list, taken).await?;
    Ok(RowCounts {
        accepted,
        duplicates,
        rejected,
    })
}

async fn list_rejects(
    context: &Context,
    tenant: &TenantId,
    import: &Import,
    rejects: Vec<Reject>,
) -> Result<(), Error> {
    let room = MAX_LISTED_REJECTS.saturating_sub(import.rows.rejected);
    let mut transactions = Vec::new();
    for reject in rejects.iter().take(usize::try_from(room).unwrap_or(usize::MAX)) {
        let write = Put::new(keys::reject(tenant, &import.id, reject.row), reject)
            .expires(import.created_at + REJECTS_KEPT)
            .write()?;
        // The same row gives the same reject, however often it comes.
        transactions.push(match write {
            Write::Put { item, .. } => vec![Write::Put {
                item,
                condition: Condition::None,
            }],
            other => vec![other],
        });
    }
    for result in context.table.transact_each(transactions).await {
        result?;
    }
    Ok(())
}

/// Writes contacts and the profiles of their customers; tells how many are new and how many stood in
/// the list already.
async fn take_contacts(
    context: &Context,
    tenant: &TenantId,
    list: &ContactListId,
    taken: Vec<ListedContact>,
) -> Result<(u64, u64), Error> {
    let (mut accepted, mut duplicates) = (0, 0);
    // Of one person's rows the first is taken, and of all of them what they say of consent.
    let mut open: BTreeMap<Key, ListedContact> = BTreeMap::new();
    for listed in taken {
        let key = keys::contact(tenant, list, &listed.contact.id);
        match open.entry(key) {
            Entry::Vacant(place) => {
                place.insert(listed);
            }
            Entry::Occupied(place) => {
                duplicates += 1;
                agree_with(&mut place.into_mut().contact, listed.contact.consent);
            }
        }
    }
    let named = |listed: &ListedContact| {
        let person = listed.contact.customer_id.clone();
        let addresses = listed.contact.addresses.values().cloned();
        addresses
            .map(move |address| (address, person.clone()))
            .collect::<Vec<_>>()
    };
    let addresses = open.values().flat_map(named).collect();
    persons::learn(context, tenant, addresses).await?;
    for _ in 0..MAX_TRIES {
        if open.is_empty() {
            return Ok((accepted, duplicates));
        }
        let (new, known, again) = take_once(context, tenant, open).await?;
        accepted += new;
        duplicates += known;
        open = again;
    }
    Err(TableError::Conflict.into())
}

/// Adds what a further row of a contact says of consent.
fn agree_with(contact: &mut Contact, said: Vec<Consent>) {
    for record in said {
        if contact.consent.len() < MAX_RECORDS && !contact.consent.contains(&record) {
            contact.consent.push(record);
        }
    }
}

/// What becomes of a row's contact.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Accepted,
    /// It stands in the list already.
    Duplicate,
}

async fn take_once(
    context: &Context,
    tenant: &TenantId,
    open: BTreeMap<Key, ListedContact>,
) -> Result<(u64, u64, BTreeMap<Key, ListedContact>), Error> {
    let contact_keys: Vec<Key> = open.keys().cloned().collect();
    let profile_keys: Vec<Key> = open
        .values()
        .map(|listed| keys::customer(tenant, &listed.contact.customer_id))
        .collect();
    let present = context.table.get_many(&contact_keys, Consistency::Strong).await?;
    let profiles = context.table.get_many(&profile_keys, Consistency::Strong).await?;
    let mut fates = Vec::new();
    let mut decided = Vec::new();
    for (((key, listed), item), profile) in open.into_iter().zip(present).zip(profiles) {
        let stands = item.as_ref().map(decode::<ListedContact>).transpose()?;
        let (fate, writes) = match stands {
            Some(stands) if stands.value.origin == listed.origin => (Fate::Accepted, Vec::new()),
            Some(_) => (
                Fate::Duplicate,
                consent_writes(tenant, &listed.contact, profile.as_ref())?,
            ),
            None => (Fate::Accepted, writes(tenant, &key, &listed, profile.as_ref())?),
        };
        if writes.is_empty() {
            fates.push(fate);
        } else {
            decided.push(((key, listed, fate), writes));
        }
    }
    let all: Vec<Fate> = decided.iter().map(|((_, _, fate), _)| *fate).collect();
    let again = commit_each(context, decided).await?;
    fates.extend(all);
    let count = |fate: Fate| {
        let decided = fates.iter().filter(|other| **other == fate).count();
        let open = again.iter().filter(|(_, _, other)| *other == fate).count();
        decided.saturating_sub(open) as u64
    };
    let (accepted, duplicates) = (count(Fate::Accepted), count(Fate::Duplicate));
    let again = again.into_iter().map(|(key, listed, _)| (key, listed)).collect();
    Ok((accepted, duplicates, again))
}

/// The writes of a new contact: itself, and what its row tells about the customer.
fn writes(
    tenant: &TenantId,
    key: &Key,
    listed: &ListedContact,
    profile: Option<&Item>,
) -> Result<Vec<Write>, Error> {
    let contact: &Contact = &listed.contact;
    let write = Put::new(key.clone(), listed).write()?;
    let told = profile_write(tenant, contact, profile, |before| before.with_contact(contact))?;
    Ok([write].into_iter().chain(told).collect())
}

/// What the row of a contact that stands in the list already tells of consent: whoever has refused since may not be
/// contacted, though all else that the row says is passed over.
fn consent_writes(tenant: &TenantId, contact: &Contact, profile: Option<&Item>) -> Result<Vec<Write>, Error> {
    let told = profile_write(tenant, contact, profile, |mut before| {
        for record in &contact.consent {
            before.record_consent(record.clone());
        }
        before
    })?;
    Ok(told.into_iter().collect())
}

/// The write of a contact's profile, if it changes.
fn profile_write(
    tenant: &TenantId,
    contact: &Contact,
    profile: Option<&Item>,
    change: impl FnOnce(CustomerProfile) -> CustomerProfile,
) -> Result<Option<Write>, Error> {
    let stored = profile.map(decode::<CustomerProfile>).transpose()?;
    let (before, version) = stored.map_or((None, 0), |stored| (Some(stored.value), stored.version));
    let after = change(before.clone().unwrap_or_default());
    let key = keys::customer(tenant, &contact.customer_id);
    let is_changed = before.as_ref() != Some(&after);
    is_changed
        .then(|| Put::over(key, &after, version).write())
        .transpose()
}
