//! The rate of a connector, over all workers: what its lane gives is leased in blocks from a table item, and
//! each activity gets a moment of its own, or a place in the queue.
//!
//! The moments of a block are all the same instant, the block's beginning, so that nobody waits within a block; blocks
//! lie so far apart that never more than `rate` moments lie in any second.

mod lane;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use domain::activity::Turn;
use domain::id::{ConnectorId, TenantId};
use domain::time::{Millis, Timestamp};

use crate::commit::{Decision, commit};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::store::{Put, load};

pub(crate) use lane::Asker;
use lane::{Given, Lane, Rank};

/// A leased moment that was not used by then is given up: late ones must not pile up to a burst.
const STALE_AFTER: Millis = Millis::new(250);
/// A shorter pause is the message's own affair: a provider that is busy now and then does not stop a connector.
const SHORTEST_REST: Millis = Millis::seconds(5);
/// A connector rests at most so long at once, whatever its provider wishes: then it is tried again.
const LONGEST_REST: Millis = Millis::minutes(1);
/// For so long leased places are given away before the lane is asked again whether there is room.
const PLACES_KEPT: Millis = Millis::seconds(1);

/// What this process has leased of one connector's lane.
#[derive(Default)]
struct Blocks {
    slots: VecDeque<Timestamp>,
    /// Places by rank, and since when.
    places: BTreeMap<Rank, (Timestamp, VecDeque<Timestamp>)>,
}

impl Blocks {
    fn take(&mut self, asker: Asker, now: Timestamp) -> Option<Turn> {
        while self
            .slots
            .front()
            .is_some_and(|moment| *moment + STALE_AFTER < now)
        {
            self.slots.pop_front();
        }
        if let Some(moment) = self.slots.pop_front() {
            return Some(Turn::Slot(moment));
        }
        let (_, places) = self
            .places
            .get_mut(&asker.rank)
            .filter(|(since, _)| now < *since + PLACES_KEPT)?;
        while places.front().is_some_and(|place| *place <= now) {
            places.pop_front();
        }
        let better = |place: &Timestamp| asker.place.is_none_or(|own| *place < own);
        if !places.front().is_some_and(better) {
            return None;
        }
        places.pop_front().map(Turn::Place)
    }

    /// Keeps what was given; the first is the asker's.
    fn keep(&mut self, asker: Asker, given: Given, now: Timestamp) -> Option<Turn> {
        match given {
            Given::Stay(place) => Some(Turn::Place(place)),
            Given::Slots(moments) => {
                self.slots.extend(moments);
                self.slots.pop_front().map(Turn::Slot)
            }
            Given::Places(places) => {
                let mut places = VecDeque::from(places);
                let first = places.pop_front();
                self.places.insert(asker.rank, (now, places));
                first.map(Turn::Place)
            }
        }
    }
}

/// What this process has leased, by connector.
#[derive(Default)]
pub struct Leased {
    blocks: Mutex<BTreeMap<(TenantId, ConnectorId), Blocks>>,
    /// Held while a block is leased: a process does not compete with itself for the table item.
    leasing: futures::lock::Mutex<()>,
}

impl Leased {
    fn with<T>(&self, of: &(TenantId, ConnectorId), change: impl FnOnce(&mut Blocks) -> T) -> T {
        let mut leased = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        change(leased.entry(of.clone()).or_default())
    }
}

/// When one message may go out through a connector, or ask again.
pub(crate) async fn turn(
    context: &Context,
    tenant: &TenantId,
    connector: &ConnectorId,
    rate_per_second: u32,
    asker: Asker,
) -> Result<Turn, Error> {
    let of = (tenant.clone(), connector.clone());
    let leased = &context.caches.leased;
    let take = || leased.with(&of, |blocks| blocks.take(asker, context.now()));
    if let Some(turn) = take() {
        return Ok(turn);
    }
    let _leasing = leased.leasing.lock().await;
    // Whoever held the lock has leased for us, too.
    if let Some(turn) = take() {
        return Ok(turn);
    }
    let given = commit(context, || async {
        let key = keys::rate(tenant, connector);
        let stored = load::<Lane>(context.table.as_ref(), &key).await?;
        let (lane, version) = stored.map_or((Lane::default(), 0), |s| (s.value, s.version));
        let (lane, given) = lane.ask(rate_per_second, asker, context.now());
        Ok(match given {
            Given::Stay(_) => Decision::nothing(given),
            _ => Decision::one(Put::over(key, &lane, version).write()?, given),
        })
    })
    .await?;
    let now = context.now();
    let turn = leased.with(&of, |blocks| blocks.keep(asker, given, now));
    Ok(turn.unwrap_or(Turn::Slot(now)))
}

/// Gives no moments away for a while, if the provider asked for a long pause.
pub(crate) async fn rest(
    context: &Context,
    tenant: &TenantId,
    connector: &ConnectorId,
    pause: Millis,
) -> Result<(), Error> {
    if pause < SHORTEST_REST {
        return Ok(());
    }
    let until = context.now() + pause.min(LONGEST_REST);
    commit(context, || async {
        let key = keys::rate(tenant, connector);
        let stored = load::<Lane>(context.table.as_ref(), &key).await?;
        let (lane, version) = stored.map_or((Lane::default(), 0), |s| (s.value, s.version));
        Ok(match lane.closed_until(until) {
            Some(lane) => Decision::one(Put::over(key, &lane, version).write()?, ()),
            None => Decision::nothing(()),
        })
    })
    .await?;
    let of = (tenant.clone(), connector.clone());
    context.caches.leased.with(&of, |blocks| blocks.slots.clear());
    Ok(())
}
