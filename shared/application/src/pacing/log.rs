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
use platform::table::{Consistency, Order, Query, SortRange, Write};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::store::{Put, decode};

/// How long steps are kept, and the states from which audits begin.
const KEPT: Millis = Millis::hours(24);
/// Time between two states from which audits begin.
const AUDITED_FROM: Millis = Millis::hours(1);
/// Steps read at once.
const PAGE: usize = 200;
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

/// The state in front of an entry of the log, packed: JSON, deflated, in base 64.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    packed: String,
}

impl Snapshot {
    fn of(group: &Group) -> Result<Self, Error> {
        let broken = |error: &dyn std::fmt::Display| Error::Corrupt(format!("a state of pacing: {error}"));
        let json = serde_json::to_vec(group).map_err(|error| broken(&error))?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&json).map_err(|error| broken(&error))?;
        let packed = encoder.finish().map_err(|error| broken(&error))?;
        Ok(Self {
            packed: STANDARD.encode(packed),
        })
    }

    fn read(&self) -> Result<Group, Error> {
        let broken = |error: &dyn std::fmt::Display| {
            Error::Corrupt(format!("a state of pacing does not read: {error}"))
        };
        let packed = STANDARD.decode(&self.packed).map_err(|error| broken(&error))?;
        let mut json = Vec::new();
        DeflateDecoder::new(packed.as_slice())
            .take(LARGEST)
            .read_to_end(&mut json)
            .map_err(|error| broken(&error))?;
        serde_json::from_slice(&json).map_err(|error| broken(&error))
    }
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
    let snapshot = Snapshot::of(group)?;
    let latest = keys::pacing_state(tenant, id);
    let stands = context.table.get(&latest, Consistency::Strong).await?;
    let mut writes = vec![Put::over(latest, &snapshot, stands.map_or(0, |item| item.version)).write()?];
    let now = context.now();
    if now >= *audited + AUDITED_FROM {
        *audited = now;
        let key = keys::pacing_snapshot(tenant, id, entry);
        let stands = context.table.get(&key, Consistency::Strong).await?;
        if stands.is_none() {
            writes.push(Put::new(key, &snapshot).expires(now + KEPT).write()?);
        }
    }
    Ok(writes)
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
    let key = keys::pacing_state(tenant, group);
    let Some(item) = context.table.get(&key, Consistency::Strong).await? else {
        return Ok(None);
    };
    let mut state = decode::<Snapshot>(&item)?.value.read()?;
    let mut steps = Steps::between(tenant, group, snapshot, end);
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
        limit: 1,
        consistency: Consistency::Strong,
    };
    let oldest = context.table.query(&snapshots).await?.items.into_iter().next();
    let Some(oldest) = oldest else {
        return Err(Error::not_found("recorded pacing of the skill group", group));
    };
    let from: u64 = oldest
        .key
        .sort
        .parse()
        .map_err(|_| Error::Corrupt(format!("{:?} is no snapshot's key", oldest.key)))?;
    let mut state = decode::<Snapshot>(&oldest)?.value.read()?;
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
