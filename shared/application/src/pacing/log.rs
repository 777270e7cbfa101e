//! What an owner writes down: a log of its steps, and a snapshot now and then.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::id::{SkillGroupId, TenantId};
use domain::time::{Millis, Timestamp};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use pacing::group::{Decision, Group, Happening, View};
use platform::table::{Consistency, Item, Key, Order, Query, SortRange, TableError, Write};
use serde::{Deserialize, Serialize};

use crate::commit::MAX_TRIES;
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::store::{Put, decode};

/// How long steps are kept, and the states from which audits begin.
const KEPT: Millis = Millis::hours(24);
/// Time between two states from which audits begin.
const AUDITED_FROM: Millis = Millis::hours(1);
/// More states from which audits begin than are kept at any time.
const SNAPSHOTS: usize = 100;
/// Parts of the largest state from which audits begin: it is written with the latest, and a transaction has 4 MB.
const AUDITED_PARTS: usize = 6;
/// Steps read at once.
const PAGE: usize = 200;
/// Bytes of a packed state in one item, of which DynamoDB takes 400 KB.
const PART: usize = 300_000;
/// Bytes of what one entry takes in; what it decides comes on top.
const TAKEN_IN: usize = 150_000;
/// The largest state that is unpacked, in bytes.
const LARGEST: u64 = 64 << 20;

/// A step of a group's pacing: what was taken in, and what was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Whose ownership it belongs to.
    pub epoch: u64,
    /// What happened.
    #[serde(rename = "in", default, skip_serializing_if = "Vec::is_empty")]
    pub happenings: Vec<Happening>,
    /// What was decided.
    #[serde(rename = "out", default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
}

/// A part of the state in front of an entry of the log. The whole is packed: JSON, deflated, in base 64.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    /// The entry.
    #[serde(default)]
    entry: u64,
    /// How many parts there are. The first stands under the state's own key.
    #[serde(default = "one")]
    parts: usize,
    packed: String,
}

const fn one() -> usize {
    1
}

fn broken(error: &dyn std::fmt::Display) -> Error {
    Error::Corrupt(format!("a state of pacing does not read: {error}"))
}

fn pack(group: &Group) -> Result<String, Error> {
    let json = serde_json::to_vec(group).map_err(|error| broken(&error))?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&json).map_err(|error| broken(&error))?;
    let packed = encoder.finish().map_err(|error| broken(&error))?;
    Ok(STANDARD.encode(packed))
}

fn unpack(packed: &str) -> Result<Group, Error> {
    let packed = STANDARD.decode(packed).map_err(|error| broken(&error))?;
    let mut json = Vec::new();
    DeflateDecoder::new(packed.as_slice())
        .take(LARGEST)
        .read_to_end(&mut json)
        .map_err(|error| broken(&error))?;
    serde_json::from_slice(&json).map_err(|error| broken(&error))
}

/// Cuts a packed state, all of it ASCII, into parts.
fn parts(packed: &str, entry: u64) -> Vec<Part> {
    let cut: Vec<_> = packed.as_bytes().chunks(PART).collect();
    let parts = cut.len();
    let part = |bytes: &[u8]| Part {
        entry,
        parts,
        packed: String::from_utf8_lossy(bytes).into_owned(),
    };
    cut.into_iter().map(part).collect()
}

/// The writes of a state: the latest one, which stays, and now and then one from which audits begin.
pub(super) async fn snapshot(
    context: &Context,
    tenant: &TenantId,
    id: &SkillGroupId,
    group: &Group,
    entry: u64,
    audited: &mut Timestamp,
) -> Result<Vec<Write>, Error> {
    let parts = parts(&pack(group)?, entry);
    let latest = keys::pacing_state(tenant, id);
    let places: Vec<Key> = (0..parts.len()).map(|n| keys::pacing_part(&latest, n)).collect();
    let stand = context.table.get_many(&places, Consistency::Strong).await?;
    let mut writes = Vec::new();
    for ((part, place), stands) in parts.iter().zip(places).zip(stand) {
        writes.push(Put::over(place, part, stands.map_or(0, |item| item.version)).write()?);
    }
    let now = context.now();
    if now >= *audited + AUDITED_FROM && parts.len() <= AUDITED_PARTS {
        *audited = now;
        let key = keys::pacing_snapshot(tenant, id, entry);
        let stands = context.table.get(&key, Consistency::Strong).await?;
        if stands.is_none() {
            for (n, part) in parts.iter().enumerate() {
                let place = keys::pacing_part(&key, n);
                writes.push(Put::new(place, part).expires(now + KEPT).write()?);
            }
        }
    }
    Ok(writes)
}

/// Reads a state, and in front of which entry it stands; none if there is none.
async fn state(context: &Context, key: &Key) -> Result<Option<(Group, u64)>, Error> {
    // A newer one may be written meanwhile: then its parts are not all of one state.
    for _ in 0..MAX_TRIES {
        let Some(item) = context.table.get(key, Consistency::Strong).await? else {
            return Ok(None);
        };
        let first = decode::<Part>(&item)?.value;
        let places: Vec<Key> = (1..first.parts).map(|n| keys::pacing_part(key, n)).collect();
        let further = context.table.get_many(&places, Consistency::Strong).await?;
        let mut packed = first.packed;
        let mut is_whole = true;
        for item in further {
            let part = item.as_ref().map(decode::<Part>).transpose()?;
            match part.filter(|part| part.value.entry == first.entry) {
                Some(part) => packed.push_str(&part.value.packed),
                None => is_whole = false,
            }
        }
        if is_whole {
            return Ok(Some((unpack(&packed)?, first.entry)));
        }
    }
    Err(TableError::Conflict.into())
}

/// Takes from the front what one entry holds: a new owner, which has to see everybody, may have more to take in than an
/// item does.
pub(super) fn some_of(gathered: &mut Vec<Happening>) -> Result<Vec<Happening>, Error> {
    let (mut bytes, mut count) = (0, 0);
    for happening in gathered.iter() {
        bytes += serde_json::to_vec(happening)
            .map_err(|error| broken(&error))?
            .len();
        if count > 0 && bytes > TAKEN_IN {
            break;
        }
        count += 1;
    }
    Ok(gathered.drain(..count).collect())
}

/// The write of an entry.
pub(super) fn entry(
    tenant: &TenantId,
    group: &SkillGroupId,
    number: u64,
    entry: &Entry,
) -> Result<Write, Error> {
    Put::new(keys::pacing_entry(tenant, group, number), entry)
        .expires(entry.at + KEPT)
        .write()
}

/// The state as the log tells it: the latest snapshot, which stands in front of entry `snapshot`, and the
/// entries from there to `end`; and what was decided in these.
pub(super) async fn rebuild(
    context: &Context,
    tenant: &TenantId,
    group: &SkillGroupId,
    snapshot: u64,
    end: u64,
) -> Result<Option<(Group, Vec<Decision>)>, Error> {
    let Some((mut state, stands)) = state(context, &keys::pacing_state(tenant, group)).await? else {
        return Ok(None);
    };
    // A newer one may have been written since its place was read.
    let mut steps = Steps::between(tenant, group, snapshot.max(stands), end);
    let mut decided = Vec::new();
    while let Some(entries) = steps.next(context).await? {
        for entry in entries {
            decided.extend(state.step(entry.at, &entry.happenings));
        }
    }
    Ok(Some((state, decided)))
}

/// Walks the log, page by page.
struct Steps {
    query: Query,
    over: bool,
}

impl Steps {
    /// The entries from one number up to before another.
    fn between(tenant: &TenantId, group: &SkillGroupId, from: u64, to: u64) -> Self {
        let sort = |number| keys::pacing_entry(tenant, group, number).sort;
        Self {
            query: Query {
                partition: keys::pacing_log(tenant, group),
                range: SortRange::Between(sort(from), sort(to.saturating_sub(1))),
                after: None,
                order: Order::Ascending,
                limit: PAGE,
                consistency: Consistency::Strong,
            },
            over: to <= from,
        }
    }

    async fn next(&mut self, context: &Context) -> Result<Option<Vec<Entry>>, Error> {
        if self.over {
            return Ok(None);
        }
        let page = context.table.query(&self.query).await?;
        self.over = page.next.is_none();
        self.query.after = page.next;
        let entries = page.items.iter().map(|item| Ok(decode::<Entry>(item)?.value));
        entries.collect::<Result<_, _>>().map(Some)
    }
}

/// What a repetition of a group's recorded steps found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Steps that were repeated.
    pub steps: u64,
    /// Decisions among them.
    pub decisions: u64,
    /// When a step decided otherwise than it is recorded, the first of these.
    pub differs_at: Option<Timestamp>,
}

/// Repeats a group's recorded steps from the oldest snapshot that is kept, and compares the decisions.
pub async fn audit(context: &Context, tenant: &TenantId, group: &SkillGroupId) -> Result<Audit, Error> {
    let snapshots = Query {
        partition: keys::pacing_snapshots(tenant, group),
        range: SortRange::All,
        after: None,
        order: Order::Ascending,
        limit: SNAPSHOTS,
        consistency: Consistency::Strong,
    };
    let kept = context.table.query(&snapshots).await?.items;
    // What has expired may stand for a while, and the steps behind it no more.
    let now = context.now();
    let stands = |item: &Item| item.expires.is_none_or(|expires| expires > now);
    let Some(oldest) = kept.into_iter().find(stands) else {
        return Err(Error::not_found("recorded pacing of the skill group", group));
    };
    let from: u64 = oldest
        .key
        .sort
        .parse()
        .map_err(|_| Error::Corrupt(format!("{:?} is no snapshot's key", oldest.key)))?;
    let Some((mut state, _)) = state(context, &oldest.key).await? else {
        return Err(Error::not_found("recorded pacing of the skill group", group));
    };
    let mut steps = Steps::between(
        tenant,
        group,
        from,
        super::owner::end_of_log(context, tenant, group).await?,
    );
    let mut audit = Audit::default();
    while let Some(entries) = steps.next(context).await? {
        for entry in entries {
            let decisions = state.step(entry.at, &entry.happenings);
            audit.steps += 1;
            audit.decisions += u64::try_from(entry.decisions.len()).unwrap_or(u64::MAX);
            if decisions != entry.decisions {
                audit.differs_at.get_or_insert(entry.at);
            }
        }
    }
    Ok(audit)
}

/// What a supervisor sees of a group: as its owner last wrote it down, brought up to its latest step.
pub async fn view(context: &Context, tenant: &TenantId, group: &SkillGroupId) -> Result<Option<View>, Error> {
    let Some((snapshot, end)) = super::owner::written_down(context, tenant, group).await? else {
        return Ok(None);
    };
    let state = rebuild(context, tenant, group, snapshot, end).await?;
    Ok(state.map(|(state, _)| state.view()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_state_is_cut_into_parts() {
        let packed = "x".repeat(2 * PART + 1);
        let parts = parts(&packed, 7);
        let sizes: Vec<_> = parts.iter().map(|part| part.packed.len()).collect();
        assert_eq!(sizes, [PART, PART, 1]);
        assert!(parts.iter().all(|part| part.parts == 3 && part.entry == 7));
    }
}
