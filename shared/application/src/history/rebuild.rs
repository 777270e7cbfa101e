//! Rebuilding: history and counters are views, made again from the activities and conversations when
//! there is doubt. Nothing else may run meanwhile.

use std::collections::BTreeMap;

use domain::activity::Activity;
use platform::changes::{Changes, Consumer};
use platform::table::{Condition, Item, Key, Scan, TableError, Write};

use super::progress::{Counts, partition, recounted};
use super::record;
use crate::context::Context;
use crate::error::Error;
use crate::events::{self, Told};
use crate::keys;

/// Items read at once.
const PAGE: usize = 200;
/// Changes passed over at once.
const CHANGES: usize = 1_000;

/// What a rebuild did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Items read.
    pub read: u64,
    /// View items removed.
    pub removed: u64,
    /// Activities entered into history.
    pub activities: u64,
    /// Campaigns counted, and what belongs to none.
    pub counted: u64,
}

/// Makes history and counters again. `progress` is told the number of items read, now and then.
pub async fn rebuild(
    context: &Context,
    scan: &dyn Scan,
    changes: &dyn Changes,
    progress: impl Fn(u64),
) -> Result<Rebuilt, Error> {
    // What the history consumer had yet to see is found in the items themselves.
    pass_over_changes(changes).await?;
    let mut rebuilt = Rebuilt {
        removed: remove_views(context, scan).await?,
        ..Rebuilt::default()
    };
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut after: Option<Key> = None;
    loop {
        let page = scan.scan(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        rebuilt.read += page.len() as u64;
        let (mut entries, mut pointers) = (Vec::new(), Vec::new());
        for item in &page {
            let Some(told) = events::read(item)? else { continue };
            let partition = partition(told.tenant(), told.campaign());
            counts.entry(partition).or_default().take_in_whole(&told);
            if let Told::Activity(activity) = &told {
                entries.push(history_of(item, activity)?);
                pointers.extend(record::pointer(activity)?.map(|write| vec![write]));
            }
        }
        rebuilt.activities += entries.len() as u64;
        write(context, pointers).await?;
        write(context, entries).await?;
        progress(rebuilt.read);
    }
    rebuilt.counted = counts.len() as u64;
    let counters = counts
        .into_iter()
        .map(|(partition, counts)| Ok(vec![recounted(&partition, counts)?]))
        .collect::<Result<_, Error>>()?;
    write(context, counters).await?;
    Ok(rebuilt)
}

fn history_of(item: &Item, activity: &Activity) -> Result<Vec<Write>, Error> {
    let key = keys::history_entry(&activity.tenant, &activity.plan.customer, activity.id.as_str());
    record::entry_write(&key, activity, item.version, 0).map(|write| vec![write])
}

async fn pass_over_changes(changes: &dyn Changes) -> Result<(), Error> {
    for shard in changes.shards().await? {
        loop {
            let batch = changes.read(Consumer::History, &shard, CHANGES).await?;
            let Some(last) = batch.last() else { break };
            changes
                .checkpoint(Consumer::History, &shard, &last.sequence)
                .await?;
        }
    }
    Ok(())
}

/// Whether an item is part of a view that is made again. What customers wrote on their own stands in
/// their history only, and stays.
fn is_view(key: &Key) -> bool {
    match key.partition.split('#').nth(1) {
        Some("G" | "CA") => true,
        Some("H") => !keys::is_message(&key.sort),
        _ => false,
    }
}

async fn remove_views(context: &Context, scan: &dyn Scan) -> Result<u64, Error> {
    let mut removed = 0;
    let mut after: Option<Key> = None;
    loop {
        let page = scan.scan(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(removed);
        };
        after = Some(last.key.clone());
        let deletes: Vec<Vec<Write>> = page
            .into_iter()
            .filter(|item| is_view(&item.key))
            .map(|item| {
                vec![Write::Delete {
                    key: item.key,
                    condition: Condition::None,
                }]
            })
            .collect();
        removed += deletes.len() as u64;
        write(context, deletes).await?;
    }
}

async fn write(context: &Context, mut transactions: Vec<Vec<Write>>) -> Result<(), Error> {
    for _ in 0..crate::commit::MAX_TRIES {
        if transactions.is_empty() {
            return Ok(());
        }
        let results = context.table.transact_each(transactions.clone()).await;
        let mut again = Vec::new();
        for (writes, result) in transactions.into_iter().zip(results) {
            match result {
                // It stands already: the answer of an earlier try was lost.
                Ok(()) | Err(TableError::ConditionFailed(_)) => {}
                Err(TableError::Conflict | TableError::Throttled | TableError::Unavailable(_)) => {
                    again.push(writes);
                }
                Err(error) => return Err(error.into()),
            }
        }
        transactions = again;
    }
    Err(TableError::Conflict.into())
}
