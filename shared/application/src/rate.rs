//! The rate of a connector, over all workers: moments to send at are leased in blocks from a table
//! item, and each activity gets one moment of its own.
//!
//! The item holds the next free moment. The moments of a block are all the same instant, the block's
//! beginning, so that nobody waits within a block; blocks lie so far apart that never more than `rate`
//! moments lie in any second. An activity whose moment is not yet there is
//! deferred to it, once, and keeps it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use domain::id::{ConnectorId, TenantId};
use domain::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::store::{Put, load};

/// Blocks hold what the rate allows in this time.
const BLOCK: Millis = Millis::new(50);
/// A leased moment that was not used by then is given up: late ones must not pile up to a burst.
const STALE_AFTER: Millis = Millis::new(250);

/// The next free moment, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct NextFree {
    micros: i64,
}

/// Moments that this process has leased, by connector.
#[derive(Default)]
pub struct Leased {
    blocks: Mutex<BTreeMap<(TenantId, ConnectorId), VecDeque<Timestamp>>>,
    /// Held while a block is leased: a process does not compete with itself for the table item.
    leasing: futures::lock::Mutex<()>,
}

impl Leased {
    fn take(&self, of: &(TenantId, ConnectorId), now: Timestamp) -> Option<Timestamp> {
        let mut leased = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let block = leased.get_mut(of)?;
        while block.front().is_some_and(|moment| *moment + STALE_AFTER < now) {
            block.pop_front();
        }
        block.pop_front()
    }

    fn put(&self, of: (TenantId, ConnectorId), block: Vec<Timestamp>) {
        let mut leased = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        leased.entry(of).or_default().extend(block);
    }
}

/// How many moments a block holds.
fn block_size(rate_per_second: u32) -> u32 {
    let per_block = u64::from(rate_per_second) * BLOCK.get() / 1_000;
    u32::try_from(per_block).unwrap_or(u32::MAX).max(1)
}

/// The moments of the next block, and the next free moment behind it.
fn next_block(next_free: NextFree, rate_per_second: u32, now: Timestamp) -> (Vec<Timestamp>, NextFree) {
    let count = block_size(rate_per_second);
    // Whole blocks in a second: where they do not come out even, the rate is not quite used.
    let blocks = i64::from((rate_per_second / count).max(1));
    let start = next_free.micros.max(now.millis().saturating_mul(1_000));
    // Rounded up: never before its moment.
    let moment = Timestamp::from_millis(start.saturating_add(999) / 1_000);
    let block = (0..count).map(|_| moment).collect();
    let step = 1_000_000_i64.saturating_add(blocks - 1) / blocks;
    (
        block,
        NextFree {
            micros: start.saturating_add(step),
        },
    )
}

/// A moment at which one message may go out through a connector.
pub async fn moment(
    context: &Context,
    tenant: &TenantId,
    connector: &ConnectorId,
    rate_per_second: u32,
) -> Result<Timestamp, Error> {
    let of = (tenant.clone(), connector.clone());
    let leased = &context.caches.leased;
    if let Some(moment) = leased.take(&of, context.now()) {
        return Ok(moment);
    }
    let _leasing = leased.leasing.lock().await;
    // Whoever held the lock has leased for us, too.
    if let Some(moment) = leased.take(&of, context.now()) {
        return Ok(moment);
    }
    let block = commit(context, || async {
        let key = keys::rate(tenant, connector);
        let stored = load::<NextFree>(context.table.as_ref(), &key).await?;
        let (next_free, version) = stored.map_or((NextFree::default(), 0), |s| (s.value, s.version));
        let (block, next_free) = next_block(next_free, rate_per_second, context.now());
        Ok(Decision::one(Put::over(key, &next_free, version).write()?, block))
    })
    .await?;
    let mut block = block.into_iter();
    let first = block.next().unwrap_or_else(|| context.now());
    leased.put(of, block.collect());
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_holds_more_than_the_rate() {
        for rate in [1, 7, 45, 80, 997, 3_000] {
            let start = Timestamp::from_millis(1_800_000_000_000);
            let (mut next, mut moments) = (NextFree::default(), Vec::new());
            while moments.len() < 3 * rate as usize {
                let (block, after) = next_block(next, rate, start);
                next = after;
                moments.extend(block);
            }
            for first in 0..moments.len() - rate as usize {
                let span = moments[first + rate as usize].since(moments[first]);
                assert!(span >= Millis::new(999), "{rate}/s: {span}");
            }
        }
    }
}
