//! A part of the change stream: changes that are handled together, and one by one where that fails.
//!
//! A change that fails whenever it comes (what stands in the table does not read, or its handling panics) is
//! passed over, counted and logged: held, it would hold up all that comes behind it in its shard, of all tenants.
//! Trouble that passes (the table is busy or away) stops the part at the first change that meets it.
//!
//! To handle changes again, alone or together, does no harm: see the consumers' own words.

use std::fmt::Display;
use std::future::Future;

use application::error::Error;
use application::measures;
use platform::changes::{Change, Consumer, ShardId};

use crate::record::{Attempt, attempt};

/// Changes that a function handles together: what is done of a batch stays done where the rest fails. For history it is
/// all of a batch: versions of an activity that come together are one write.
pub const fn together(consumer: Consumer) -> usize {
    match consumer {
        Consumer::History => 500,
        Consumer::Webhooks => 100,
    }
}
/// Where every one of so many changes panics, the fault is the program's and not theirs: they are held until it
/// is mended.
const MANY: usize = 10;

/// Handles changes of a shard, in order. The answer is the place of the first that is to come again, if there is
/// one. `has_time` says whether there is time to begin with a change.
pub(crate) async fn take_in<H, F>(
    consumer: Consumer,
    shard: &ShardId,
    changes: &[Change],
    has_time: impl Fn() -> bool,
    handler: &H,
) -> Option<usize>
where
    H: Fn(ShardId, Vec<Change>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    let (consumer_name, count) = (consumer.name(), changes.len());
    match attempt(handler(shard.clone(), changes.to_vec())).await {
        Attempt::Done => return None,
        // Expected under load: no reason to wake anybody.
        Attempt::Failed(error @ Error::Busy { .. }) => {
            tracing::debug!(%error, consumer = consumer_name, count, "not done together; handled one by one");
        }
        Attempt::Failed(error) => {
            tracing::warn!(%error, consumer = consumer_name, count, "failed together; handled one by one");
        }
        Attempt::Panicked => {
            tracing::error!(
                consumer = consumer_name,
                count,
                "panicked together; handled one by one"
            );
        }
    }
    let mut panicked = Vec::new();
    let stopped_at = one_by_one(consumer, shard, changes, has_time, handler, &mut panicked).await;
    if panicked.len() == count && count >= MANY {
        tracing::error!(
            consumer = consumer_name,
            count,
            "every change panicked; held until the program is mended"
        );
        return Some(0);
    }
    for change in panicked {
        pass_over(consumer, change, "its handling panics");
    }
    stopped_at
}

async fn one_by_one<'a, H, F>(
    consumer: Consumer,
    shard: &ShardId,
    changes: &'a [Change],
    has_time: impl Fn() -> bool,
    handler: &H,
    panicked: &mut Vec<&'a Change>,
) -> Option<usize>
where
    H: Fn(ShardId, Vec<Change>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    for (place, change) in changes.iter().enumerate() {
        if !has_time() {
            return Some(place);
        }
        match alone(shard, change, handler).await {
            Attempt::Done => {}
            Attempt::Failed(error) if error.is_passing() => {
                tracing::warn!(%error, consumer = consumer.name(), sequence = %change.sequence, "comes again");
                return Some(place);
            }
            Attempt::Failed(error) => pass_over(consumer, change, error),
            Attempt::Panicked => panicked.push(change),
        }
    }
    None
}

/// Handles one change; again, if that panics: what panics twice always does.
async fn alone<H, F>(shard: &ShardId, change: &Change, handler: &H) -> Attempt
where
    H: Fn(ShardId, Vec<Change>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    match attempt(handler(shard.clone(), vec![change.clone()])).await {
        Attempt::Panicked => attempt(handler(shard.clone(), vec![change.clone()])).await,
        once => once,
    }
}

fn pass_over(consumer: Consumer, change: &Change, why: impl Display) {
    measures::stream_skipped(consumer);
    tracing::error!(
        %why,
        consumer = consumer.name(),
        key = ?change.key,
        version = change.version,
        sequence = %change.sequence,
        "a change cannot be handled; passed over"
    );
}
