//! Why the program stops: told to a person, with what to do.

use platform_embedded::OpenError;

/// Why the program stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The data directory cannot be used.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}; choose another with --listen")]
    Listen { address: String, error: std::io::Error },
    /// A use case failed.
    #[error("{}", explained(.0))]
    UseCase(#[from] application::error::Error),
    /// A call of the API brought nothing.
    #[error("{0}")]
    Api(#[from] crate::client::ApiError),
    /// Anything that a person can mend.
    #[error("{0}")]
    Told(String),
}

/// A use case's error with its fields.
fn explained(error: &application::error::Error) -> String {
    match error {
        application::error::Error::Invalid(fields) => {
            let lines: Vec<String> = fields
                .iter()
                .map(|field| format!("{} {}", field.pointer, field.detail))
                .collect();
            format!("{error}: {}", lines.join("; "))
        }
        _ => error.to_string(),
    }
}
