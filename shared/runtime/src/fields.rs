//! The names of fields in logs. One name means one thing in every line, so that a search for
//! `activity = "act_..."` finds all that happened to it, in every function.

/// A constant for each name, and all of them for the test that they are apart.
macro_rules! fields {
    ($($(#[doc = $text:literal])* $name:ident = $value:literal;)*) => {
        $($(#[doc = $text])* pub const $name: &str = $value;)*

        /// All names.
        pub const ALL: &[&str] = &[$($value),*];
    };
}

fields! {
    /// The function's name, as AWS knows it.
    FUNCTION = "function";
    /// Names one invocation of a function, or one request to the API.
    REQUEST_ID = "request_id";
    /// Whether the invocation is the first of its process.
    COLD_START = "cold_start";
    /// The trace of what is done now: `1-<8 hex>-<24 hex>`, as X-Ray shows it.
    TRACE = "trace";
    /// The queue's id of a message.
    MESSAGE_ID = "message_id";
    /// How often a message was received.
    RECEIVES = "receives";
    /// Which queue.
    QUEUE = "queue";
    /// Whose data.
    TENANT = "tenant";
    /// Which scheduled activity.
    ACTIVITY = "activity";
    /// The trace of the request that created the activity.
    ACTIVITY_TRACE = "activity_trace";
    /// Which conversation.
    CONVERSATION = "conversation";
    /// Which webhook.
    WEBHOOK = "webhook";
    /// Which event.
    EVENT = "event";
    /// What came of it.
    OUTCOME = "outcome";
    /// Why not.
    ERROR = "error";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_apart_and_fit_for_queries() {
        for (place, name) in ALL.iter().enumerate() {
            assert!(!ALL[..place].contains(name), "{name} stands twice");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
        }
    }
}
