//! The sweep: hands over what comes due, and finds what was lost.
//!
//! It walks each shard of the due index up to two minutes ahead, from where it stopped the last
//! time, and sends a message for every entry, to arrive at its moment. What is created or moved
//! behind its back within that time is sent by whoever moved it. Messages may be lost all the same:
//! whatever is due for over a minute and still unclaimed is a *stray* and is handed over again.

use domain::time::{Millis, Timestamp};
use domain::timer::Timer;
use platform::table::{Condition, Consistency, DueEntry, Key, TableError, Write};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::Error;
use crate::store::{Put, load};
use crate::{keys, timers};

/// How far ahead the sweep hands over. Must exceed the time between sweeps and stay below
/// [`timers::SELF_SENT`].
pub const LOOK_AHEAD: Millis = Millis::minutes(2);
/// What is due for longer than this and unclaimed is a stray.
pub const STRAY_AFTER: Millis = Millis::seconds(60);
/// How far a stray's due key is moved: at most one more message in this time.
pub const STRAY_PAUSE: Millis = Millis::minutes(5);
/// Entries per page.
pub const PAGE: usize = 500;

/// How far the sweep over a shard came. The index is ordered, so what comes behind it has not been
/// handed over by the sweep.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Cursor {
    /// Everything due at or before this instant has been handed over.
    through: Timestamp,
}

/// What one sweep over a shard did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Entries handed over in time.
    pub handed_over: usize,
    /// Strays handed over again.
    pub strays: usize,
}

/// Whether to go on from the last sweep, or to hand over everything again, because every message
/// is known to be lost: the in-process queues of the embedded platform start empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Where the last sweep stopped.
    Cursor,
    /// The beginning.
    Start,
}

/// Sweeps one shard.
pub async fn sweep(context: &Context, shard: u16, from: From) -> Result<Swept, Error> {
    let mut progress = Progress::load(context, shard).await?;
    let begin = match from {
        From::Cursor => progress.through,
        From::Start => Timestamp::default(),
    };
    let now = context.now();
    let handed_over = hand_over_ahead(context, shard, begin, now, &mut progress).await?;
    let strays = hand_over_strays(context, shard, now).await?;
    Ok(Swept { handed_over, strays })
}

/// The cursor of a shard, as this sweep knows it.
struct Progress {
    key: Key,
    through: Timestamp,
    version: u64,
}

/// Who goes on with a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    /// This sweep.
    Ours,
    /// Another one, that began later and from where this one had come: two would send everything twice.
    Theirs,
}

impl Progress {
    async fn load(context: &Context, shard: u16) -> Result<Self, Error> {
        let key = keys::sweep(shard);
        let cursor = load::<Cursor>(context.table.as_ref(), &key).await?;
        let (through, version) = cursor.map_or((Timestamp::default(), 0), |c| (c.value.through, c.version));
        Ok(Self {
            key,
            through,
            version,
        })
    }

    /// Notes that everything due at or before an instant is handed over.
    async fn advance(&mut self, context: &Context, through: Timestamp) -> Result<Lead, Error> {
        if through <= self.through {
            return Ok(Lead::Ours);
        }
        let write = Put::over(self.key.clone(), &Cursor { through }, self.version).write()?;
        match context.table.transact(vec![write]).await {
            Ok(()) => {
                self.through = through;
                self.version += 1;
                Ok(Lead::Ours)
            }
            // Not noted: what comes next will be.
            Err(TableError::Conflict) => Ok(Lead::Ours),
            Err(TableError::ConditionFailed(_)) => Ok(Lead::Theirs),
            Err(error) => Err(error.into()),
        }
    }
}

/// Walks ahead, page by page. Each page is noted, so that a sweep that is ended in the middle is gone
/// on with, and not begun again, however much is due.
async fn hand_over_ahead(
    context: &Context,
    shard: u16,
    begin: Timestamp,
    now: Timestamp,
    progress: &mut Progress,
) -> Result<usize, Error> {
    let until = now + LOOK_AHEAD;
    let mut after = behind(begin);
    let mut count = 0;
    loop {
        let page = context.table.due(shard, after.as_ref(), until, PAGE).await?;
        let timers: Vec<(Key, Timer)> = page.iter().map(|e| (e.key.clone(), e.timer)).collect();
        // Delays count from when they are sent, which is long after the first page in a crowded minute.
        timers::hand_over(context, &timers, context.now()).await;
        count += page.len();
        let Some(last) = page.last().filter(|_| page.len() == PAGE) else {
            break;
        };
        // More may be due at the last one's instant.
        let whole = last.timer.at - Millis::new(1);
        if progress.advance(context, whole).await? == Lead::Theirs {
            return Ok(count);
        }
        after = Some(last.clone());
    }
    // Nothing was handed over: sweeping the same stretch again does no harm, and is cheaper than a write.
    let is_spared = count == 0 && progress.version > 0 && until.since(progress.through) < LOOK_AHEAD;
    if !is_spared {
        progress.advance(context, until).await?;
    }
    Ok(count)
}

/// The place in the index behind everything that is due at or before an instant.
fn behind(instant: Timestamp) -> Option<DueEntry> {
    (instant > Timestamp::default()).then(|| DueEntry {
        timer: Timer {
            at: instant,
            kind: domain::timer::TimerKind::WebhookDelivery,
            generation: u64::MAX,
        },
        key: Key::new("\u{10FFFF}", "\u{10FFFF}"),
    })
}

async fn hand_over_strays(context: &Context, shard: u16, now: Timestamp) -> Result<usize, Error> {
    let mut count = 0;
    loop {
        // Moved strays leave the range, so each page begins at the start.
        let page = context.table.due(shard, None, now - STRAY_AFTER, PAGE).await?;
        let moves = page.iter().map(|entry| move_stray(context, entry, now));
        let moved: Vec<_> = futures::future::join_all(moves)
            .await
            .into_iter()
            .flatten()
            .collect();
        timers::hand_over(context, &moved, now).await;
        count += moved.len();
        // A page without progress is an index that lags: the next sweep sees further.
        if page.len() < PAGE || moved.is_empty() {
            return Ok(count);
        }
    }
}

/// Moves a stray's due key, leaving its value alone. `None` when it was claimed meanwhile.
async fn move_stray(context: &Context, entry: &DueEntry, now: Timestamp) -> Option<(Key, Timer)> {
    let item = context.table.get(&entry.key, Consistency::Strong).await.ok()??;
    if item.due != Some(entry.timer) {
        return None;
    }
    let moved = Timer {
        at: now + STRAY_PAUSE,
        ..entry.timer
    };
    let condition = Condition::Version(item.version);
    let item = platform::table::Item {
        version: item.version + 1,
        due: Some(moved),
        announced: false,
        ..item
    };
    context
        .table
        .transact(vec![Write::Put { item, condition }])
        .await
        .ok()?;
    Some((entry.key.clone(), entry.timer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_falls_between_the_sweep_and_the_one_who_schedules() {
        assert!(LOOK_AHEAD < timers::SELF_SENT);
        assert!(LOOK_AHEAD > Millis::seconds(60));
    }
}
