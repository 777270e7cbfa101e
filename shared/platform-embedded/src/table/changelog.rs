//! The change log as the writer keeps it: appending, checkpoints, trimming.
//!
//! Sequence numbers rise and are never given twice: rows are deleted only at or before both
//! consumers' checkpoints, so the highest number given is always at hand, in a row or in a checkpoint.

use platform::changes::Consumer;
use platform::table::Key;
use rusqlite::{Connection, OptionalExtension, params};

pub(crate) const APPEND: &str = "INSERT INTO changes (sequence, pk, sk, version) VALUES (?1, ?2, ?3, ?4)";
pub(crate) const TRIM: &str = "DELETE FROM changes WHERE sequence <= ?1";
pub(crate) const CHECKPOINT: &str = "INSERT INTO checkpoints (consumer, sequence) VALUES (?1, ?2) \
     ON CONFLICT (consumer) DO UPDATE SET sequence = excluded.sequence";

/// Most change rows deleted within one batch, so that no batch waits long for it.
const TRIM_STEP: i64 = 2_000;

/// How far a consumer is.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// What it has told us.
    told: i64,
    /// What is stored.
    stored: i64,
}

/// The writer's view of the log.
#[derive(Debug)]
pub(crate) struct ChangeLog {
    last: i64,
    trimmed: i64,
    history: Place,
    webhooks: Place,
}

/// What a batch stored; it counts only once the batch is committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upkeep {
    trimmed: i64,
    history: i64,
    webhooks: i64,
}

/// The stored checkpoint of a consumer.
pub(crate) fn stored_checkpoint(connection: &Connection, consumer: Consumer) -> rusqlite::Result<i64> {
    connection
        .query_row(
            "SELECT sequence FROM checkpoints WHERE consumer = ?1",
            [consumer.name()],
            |row| row.get(0),
        )
        .optional()
        .map(|sequence| sequence.unwrap_or(0))
}

impl ChangeLog {
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let place = |consumer| {
            stored_checkpoint(connection, consumer).map(|sequence| Place {
                told: sequence,
                stored: sequence,
            })
        };
        let (history, webhooks) = (place(Consumer::History)?, place(Consumer::Webhooks)?);
        let number = |sql| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        let highest = number("SELECT max(sequence) FROM changes")?.unwrap_or(0);
        let lowest = number("SELECT min(sequence) FROM changes")?;
        let last = highest.max(history.stored).max(webhooks.stored);
        Ok(Self {
            last,
            trimmed: lowest.map_or(last, |lowest| lowest - 1),
            history,
            webhooks,
        })
    }

    pub(crate) fn append(
        &mut self,
        connection: &Connection,
        key: &Key,
        version: u64,
    ) -> rusqlite::Result<()> {
        // A batch that fails leaves a gap, nothing else.
        self.last += 1;
        connection.prepare_cached(APPEND)?.execute(params![
            self.last,
            key.partition,
            key.sort,
            super::row::signed(version)
        ])?;
        Ok(())
    }

    /// Takes note of a checkpoint. Never beyond what was appended, never back.
    pub(crate) fn tell(&mut self, consumer: Consumer, sequence: i64) {
        let last = self.last;
        let place = match consumer {
            Consumer::History => &mut self.history,
            Consumer::Webhooks => &mut self.webhooks,
        };
        place.told = sequence.min(last).max(place.told);
    }

    /// Whether there is something to store or to delete.
    pub(crate) fn needs_upkeep(&self) -> bool {
        self.history.told > self.history.stored
            || self.webhooks.told > self.webhooks.stored
            || self.trimmed < self.floor()
    }

    /// Both consumers are past this, in the file.
    fn floor(&self) -> i64 {
        self.history.stored.min(self.webhooks.stored)
    }

    /// Stores checkpoints and deletes some rows that both consumers have passed.
    pub(crate) fn upkeep(&self, connection: &Connection) -> rusqlite::Result<Upkeep> {
        for (consumer, place) in [
            (Consumer::History, self.history),
            (Consumer::Webhooks, self.webhooks),
        ] {
            if place.told > place.stored {
                connection
                    .prepare_cached(CHECKPOINT)?
                    .execute(params![consumer.name(), place.told])?;
            }
        }
        let trimmed = self.floor().min(self.trimmed + TRIM_STEP).max(self.trimmed);
        if trimmed > self.trimmed {
            connection.prepare_cached(TRIM)?.execute([trimmed])?;
        }
        Ok(Upkeep {
            trimmed,
            history: self.history.told,
            webhooks: self.webhooks.told,
        })
    }

    /// The batch is committed.
    pub(crate) fn committed(&mut self, upkeep: Upkeep) {
        self.trimmed = upkeep.trimmed;
        self.history.stored = upkeep.history;
        self.webhooks.stored = upkeep.webhooks;
    }
}
