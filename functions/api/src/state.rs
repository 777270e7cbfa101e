//! What the handlers work with.

use std::sync::Arc;

use application::context::Context;
use authorizer::Tokens;
use url::Url;

/// The use cases' context, and where this API is reached from outside.
#[derive(Clone)]
pub struct ApiState {
    /// Ports and caches.
    pub context: Context,
    /// The address under which callers reach this API; upload and callback addresses begin with it.
    /// Without one, upload addresses are relative, and callbacks are taken to have been called at the
    /// host that they name.
    pub public_url: Option<Url>,
    /// The tokens that are taken besides API keys.
    pub tokens: Option<Arc<Tokens>>,
}

impl ApiState {
    /// The address of a path of this API, absolute if that is known.
    pub(crate) fn address(&self, path: &str) -> String {
        match &self.public_url {
            Some(base) => format!("{}{path}", base.as_str().trim_end_matches('/')),
            None => path.to_owned(),
        }
    }
}
