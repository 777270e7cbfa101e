//! What a provider tells when a customer has opted out with it, as if the customer had answered so: the rules for answers
//! know whom to bar and what ends.

use domain::cim::Body;
use serde_json::{Value, json};

/// An opt-out word.
const WORD: &str = "unsubscribe";

/// The answer that the customer gave to the provider; under the provider's name stands what it said.
pub(crate) fn body(provider: &str, said: &Value) -> Option<Body> {
    Body::parse(json!({ "type": "CUSTOM", "markdownText": WORD, provider: said })).ok()
}
