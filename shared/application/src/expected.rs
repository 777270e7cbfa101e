//! What a request expects of the resource that it changes.

use crate::error::Error;

/// How a resource has to stand for a request to change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is there, in whatever version.
    Present,
    /// It is there in this version; 0: it is not there.
    Version(u64),
}

impl Expected {
    /// It is not there: it is to be created.
    pub const ABSENT: Self = Self::Version(0);
}

/// Refuses what expects another version than the present one, 0 of what is not there.
pub(crate) fn expect_version(expected: Option<Expected>, current: u64) -> Result<(), Error> {
    let holds = match expected {
        None => true,
        Some(Expected::Present) => current > 0,
        Some(Expected::Version(version)) => version == current,
    };
    if holds {
        Ok(())
    } else {
        Err(Error::PreconditionFailed { current })
    }
}
