//! What came back and names no activity that is known: kept, and matched again for a while.

use domain::channel::Channel;
use domain::id::TenantId;
use domain::time::{Millis, Timestamp};
use domain::timer::{Timer, TimerKind};
use platform::table::{Condition, Consistency, Write};
use serde::{Deserialize, Serialize};

use super::unsolicited::unquoted_message;
use super::{About, Arrival, Returned, match_up};
use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::listing::{Listing, Shards};
use crate::store::{Put, Stored, load};

/// For how long a receipt without activity is matched again.
pub const ORPHAN_MATCHED_FOR: Millis = Millis::hours(1);
/// For how long it is listed.
pub const ORPHAN_LISTED_FOR: Millis = Millis::hours(7 * 24);

/// A receipt or answer whose activity is not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// Its id.
    pub id: String,
    /// What came.
    pub arrival: Arrival,
    /// When it came.
    pub since: Timestamp,
    /// How often it was matched again.
    pub tries: u32,
}

impl Orphan {
    /// When it is matched next: after 2 s, then ever later, and at last when [`ORPHAN_MATCHED_FOR`] ends.
    fn timer(&self) -> Option<Timer> {
        let before = self.tries.checked_sub(1).map(tried_after);
        let over = before.is_some_and(|before| before >= ORPHAN_MATCHED_FOR);
        (!over).then(|| Timer {
            at: self.since + tried_after(self.tries).min(ORPHAN_MATCHED_FOR),
            kind: TimerKind::Job,
            generation: u64::from(self.tries),
        })
    }

    /// Whether it is due, and none comes after this try.
    fn is_at_its_last(&self, now: Timestamp) -> bool {
        self.timer().is_some_and(|timer| timer.at <= now) && tried_after(self.tries) >= ORPHAN_MATCHED_FOR
    }
}

/// When it is matched for the nth time, from 0, after it came.
fn tried_after(tries: u32) -> Millis {
    Millis::new(2_000_u64.saturating_mul(3_u64.saturating_pow(tries)))
}

fn put_orphan(tenant: &TenantId, orphan: &Orphan, version: u64) -> Result<Write, Error> {
    Put::over(keys::orphan(tenant, &orphan.id), orphan, version)
        .due(orphan.timer())
        .expires(orphan.since + ORPHAN_LISTED_FOR)
        .write()
}

/// Keeps what came until its activity turns up.
pub(super) async fn store_orphan(
    context: &Context,
    tenant: &TenantId,
    arrival: &Arrival,
) -> Result<(), Error> {
    let text = serde_json::to_string(arrival).map_err(|error| Error::Corrupt(error.to_string()))?;
    let id = format!("orp_{:032x}", domain::id::hash_bits(&[&text]));
    commit(context, || async {
        let key = keys::orphan(tenant, &id);
        if context.table.get(&key, Consistency::Strong).await?.is_some() {
            return Ok(Decision::nothing(()));
        }
        let since = context.now();
        let orphan = Orphan {
            id: id.clone(),
            arrival: arrival.clone(),
            since,
            tries: 0,
        };
        Ok(Decision::nothing(()).and(put_orphan(tenant, &orphan, 0)?))
    })
    .await
}

/// Matches an orphan again. A customer's message whose time runs out is the customer's own: what it quotes is somebody
/// else's, and they must not have written to nobody.
pub(crate) async fn orphan_due(context: &Context, tenant: &TenantId, id: &str) -> Result<(), Error> {
    let key = keys::orphan(tenant, id);
    let Some(stored) = load::<Orphan>(context.table.as_ref(), &key).await? else {
        return Ok(());
    };
    let matched = match_up(context, tenant, &stored.value.arrival).await?.is_some()
        || own_message(context, tenant, &stored.value).await?;
    commit(context, || async {
        let Some(Stored { value, version }) = load::<Orphan>(context.table.as_ref(), &key).await? else {
            return Ok(Decision::nothing(()));
        };
        if matched {
            let condition = Condition::Version(version);
            return Ok(Decision::one(
                Write::Delete {
                    key: key.clone(),
                    condition,
                },
                (),
            ));
        }
        if value.timer().is_none_or(|timer| timer.at > context.now()) {
            return Ok(Decision::nothing(()));
        }
        let tries = value.tries + 1;
        let again = Orphan { tries, ..value };
        Ok(Decision::nothing(()).and(put_orphan(tenant, &again, version)?))
    })
    .await
}

/// Takes in as a message of the customer's own what quotes something unknown, at the last try.
async fn own_message(context: &Context, tenant: &TenantId, orphan: &Orphan) -> Result<bool, Error> {
    let Returned::Message {
        from: Some(_),
        channel,
        ..
    } = &orphan.arrival.returned
    else {
        return Ok(false);
    };
    if !orphan.is_at_its_last(context.now()) {
        return Ok(false);
    }
    // No SMS quotes: what it answers is the provider's guess.
    let about = match channel {
        Some(Channel::Sms) => About::Nothing,
        _ => About::Another,
    };
    let arrival = Arrival {
        about,
        ..orphan.arrival.clone()
    };
    unquoted_message(context, tenant, &arrival).await?;
    Ok(true)
}

/// One page of the receipts and answers whose activity is not known.
pub async fn orphans(
    context: &Context,
    tenant: &TenantId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listing<Orphan>, Error> {
    let page = Shards::one(keys::orphans(tenant))
        .values::<Orphan>(context, cursor, limit)
        .await?;
    Ok(page.map(|stored| stored.value))
}
