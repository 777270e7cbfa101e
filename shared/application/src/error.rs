//! Why a use case did not do what it was asked. Chosen by what the caller can do about it.

use domain::time::Millis;
use platform::blobs::BlobError;
use platform::queues::QueueError;
use platform::secrets::SecretError;
use platform::table::TableError;

/// A problem with one field of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong, as the end of a sentence that begins with the field's name.
    pub detail: String,
}

impl FieldError {
    /// A problem at a pointer.
    pub fn new(pointer: impl Into<String>, detail: impl ToString) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.to_string(),
        }
    }
}

/// Why a use case failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The input is wrong; it always will be. Say what, field by field.
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such thing.
    #[error("there is no {what} with id {id}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Which.
        id: String,
    },
    /// The present state does not allow it.
    #[error("{detail}")]
    Conflict {
        /// A stable code.
        code: &'static str,
        /// For people.
        detail: String,
    },
    /// The resource does not stand as the request expects.
    #[error("the version of the resource is {current} now, where 0 is none")]
    PreconditionFailed {
        /// The present version; 0 where there is no such resource.
        current: u64,
    },
    /// Too many others were changing the same thing, or the platform is too busy: try again.
    #[error("the service is busy; try again")]
    Busy {
        /// After how long.
        retry_after: Millis,
    },
    /// The platform failed; it may or may not have been done. Repeating is safe.
    #[error("the platform failed: {0}")]
    Platform(String),
    /// Something stored does not read, or cannot be: a defect.
    #[error("inconsistent data: {0}")]
    Corrupt(String),
}

impl Error {
    /// One wrong field.
    pub fn field(pointer: impl Into<String>, detail: impl ToString) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, detail)])
    }

    /// No such thing.
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }

    /// Whether it may pass by itself. Everything else is decided by what stands, and comes out the same again.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Platform(_))
    }

    /// The present state does not allow it.
    pub fn conflict(code: &'static str, detail: impl ToString) -> Self {
        Self::Conflict {
            code,
            detail: detail.to_string(),
        }
    }
}

impl From<TableError> for Error {
    fn from(error: TableError) -> Self {
        match error {
            TableError::ConditionFailed(_) | TableError::Conflict | TableError::Throttled => Self::Busy {
                retry_after: Millis::seconds(1),
            },
            TableError::TooLarge { bytes, .. } => Self::field(
                "",
                format!("would need {bytes} bytes; at most 400 KB fit into one record"),
            ),
            TableError::Unavailable(detail) => Self::Platform(detail),
            TableError::Invalid(detail) => Self::Corrupt(detail),
        }
    }
}

impl From<QueueError> for Error {
    fn from(error: QueueError) -> Self {
        Self::Platform(error.to_string())
    }
}

impl From<SecretError> for Error {
    fn from(error: SecretError) -> Self {
        Self::Platform(error.to_string())
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Missing => Self::not_found("upload", ""),
            BlobError::TooLarge(_) | BlobError::Interrupted(_) => Self::field("", error),
            BlobError::Unavailable(detail) => Self::Platform(detail),
        }
    }
}
