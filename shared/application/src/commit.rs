//! The one shape of a use case: load, decide, commit in one conditional write, then send.
//!
//! A lost race reloads and decides again, a bounded number of times. So does a commit whose answer
//! was lost: the decision then sees what it wrote itself, and must recognise it.

use std::future::Future;

use domain::timer::Timer;
use platform::table::{Key, TableError, Write};

use crate::context::Context;
use crate::error::Error;
use crate::store::Stored;
use crate::timers;

/// How often a lost race is tried again before the caller is told that the service is busy.
pub(crate) const MAX_TRIES: u32 = 12;

/// What a use case decided.
pub(crate) struct Decision<T> {
    /// To be written, all or none. Nothing to write: the decision stands as it is.
    pub(crate) writes: Vec<Write>,
    /// Timers that the writes set: handed over after the commit if they are near.
    pub(crate) timers: Vec<(Key, Timer)>,
    /// The use case's answer, once the writes are done.
    pub(crate) output: T,
}

impl<T> Decision<T> {
    /// A decision that changes nothing.
    pub(crate) fn nothing(output: T) -> Self {
        Self {
            writes: Vec::new(),
            timers: Vec::new(),
            output,
        }
    }

    /// A decision with one write.
    pub(crate) fn one(write: Write, output: T) -> Self {
        Self {
            writes: vec![write],
            timers: Vec::new(),
            output,
        }
    }

    /// Adds a write; its timer is taken from it.
    pub(crate) fn and(mut self, write: Write) -> Self {
        self.push(write);
        self
    }

    /// Adds a write; its timer is taken from it.
    pub(crate) fn push(&mut self, write: Write) {
        if let Write::Put { item, .. } = &write
            && let Some(timer) = item.due
        {
            self.timers.push((item.key.clone(), timer));
        }
        self.writes.push(write);
    }

    /// The same writes with another answer.
    pub(crate) fn map<U>(self, output: impl FnOnce(T) -> U) -> Decision<U> {
        Decision {
            writes: self.writes,
            timers: self.timers,
            output: output(self.output),
        }
    }
}

impl<T: PartialEq> Decision<Stored<T>> {
    /// A value in place of the one that was read in `version`, if there was one. Where it is the same nothing is
    /// written: who has seen this version has seen what stands.
    pub(crate) fn replace(
        before: Option<&T>,
        value: T,
        version: u64,
        write: impl FnOnce(&T) -> Result<Write, Error>,
    ) -> Result<Self, Error> {
        if before == Some(&value) {
            return Ok(Self::nothing(Stored { value, version }));
        }
        let write = write(&value)?;
        let version = version + 1;
        Ok(Self::nothing(Stored { value, version }).and(write))
    }
}

/// Decides and commits, again while races are lost.
pub(crate) async fn commit<T, F, Fut>(context: &Context, mut decide: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Decision<T>, Error>>,
{
    let mut last = TableError::Conflict;
    for _ in 0..MAX_TRIES {
        let Decision {
            writes,
            timers,
            output,
        } = decide().await?;
        if writes.is_empty() {
            return Ok(output);
        }
        match context.table.transact(writes).await {
            Ok(()) => {
                timers::hand_over_near(context, timers).await;
                return Ok(output);
            }
            Err(
                error @ (TableError::ConditionFailed(_) | TableError::Conflict | TableError::Unavailable(_)),
            ) => last = error,
            Err(error) => return Err(error.into()),
        }
    }
    Err(last.into())
}

/// Commits what was decided about each of many, each for itself. Those whose race was lost, or whose answer was, come
/// back: what stands now decides about them anew.
pub(crate) async fn commit_each<T>(
    context: &Context,
    decided: Vec<(T, Vec<Write>)>,
) -> Result<Vec<T>, Error> {
    if decided.is_empty() {
        return Ok(Vec::new());
    }
    let (each, transactions): (Vec<T>, Vec<Vec<Write>>) = decided.into_iter().unzip();
    let results = context.table.transact_each(transactions).await;
    let mut again = Vec::new();
    for (one, result) in each.into_iter().zip(results) {
        match result {
            Ok(()) => {}
            Err(TableError::ConditionFailed(_) | TableError::Conflict | TableError::Unavailable(_)) => {
                again.push(one);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(again)
}
