//! The change stream: one shard, read from the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use platform::changes::{Change, Changes, Consumer, Sequence, ShardId};
use platform::table::TableError;

use crate::table::readers::Readers;
use crate::table::select;
use crate::table::writer::Writer;

/// The only shard.
const SHARD: &str = "0";

/// The change stream. A checkpoint takes effect at once and is stored shortly after, with the next
/// batch of writes; a crash between the two repeats some changes.
#[derive(Debug)]
pub struct SqliteChanges {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    history: AtomicI64,
    webhooks: AtomicI64,
}

impl SqliteChanges {
    pub(crate) fn new(writer: Arc<Writer>, readers: Arc<Readers>, history: i64, webhooks: i64) -> Self {
        Self {
            writer,
            readers,
            history: AtomicI64::new(history),
            webhooks: AtomicI64::new(webhooks),
        }
    }

    fn place(&self, consumer: Consumer) -> &AtomicI64 {
        match consumer {
            Consumer::History => &self.history,
            Consumer::Webhooks => &self.webhooks,
        }
    }
}

fn check_shard(shard: &ShardId) -> Result<(), TableError> {
    if shard.0 == SHARD {
        Ok(())
    } else {
        Err(TableError::Invalid(format!("there is no shard {:?}", shard.0)))
    }
}

#[async_trait]
impl Changes for SqliteChanges {
    async fn shards(&self) -> Result<Vec<ShardId>, TableError> {
        Ok(vec![ShardId(SHARD.to_owned())])
    }

    async fn read(
        &self,
        consumer: Consumer,
        shard: &ShardId,
        limit: usize,
    ) -> Result<Vec<Change>, TableError> {
        check_shard(shard)?;
        let after = self.place(consumer).load(Ordering::Acquire);
        self.readers
            .aside(move |connection| select::changes(connection, after, limit))
            .await
    }

    async fn checkpoint(
        &self,
        consumer: Consumer,
        shard: &ShardId,
        sequence: &Sequence,
    ) -> Result<(), TableError> {
        check_shard(shard)?;
        let place: i64 = sequence
            .0
            .parse()
            .map_err(|_| TableError::Invalid(format!("{sequence} is no place in this shard")))?;
        self.writer.checkpoint(consumer, place)?;
        self.place(consumer).fetch_max(place, Ordering::AcqRel);
        Ok(())
    }
}
