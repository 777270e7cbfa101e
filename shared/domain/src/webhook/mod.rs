//! Webhooks by Standard Webhooks 1.0: which events an endpoint is told, how a call is signed, when it
//! is tried again, and when an endpoint is given up.

pub mod delivery;
pub mod filter;
pub mod health;
pub mod schedule;
pub mod signature;

use url::Url;

/// Longest URL of an endpoint, in bytes.
pub const MAX_URL: usize = 2048;

/// What is wrong with the URL of an endpoint, as far as the text shows it. Which addresses may be
/// reached is judged where the connection is made.
pub fn url_problem(url: &Url) -> Option<&'static str> {
    if url.as_str().len() > MAX_URL {
        return Some("may have at most 2048 characters");
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Some("must begin with https:// or http://");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Some("must name a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("may not hold a user name or password; calls are signed instead");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_judged_by_their_text() {
        let problem = |text: &str| url_problem(&Url::parse(text).unwrap());
        assert_eq!(problem("https://example.com/hook?key=1"), None);
        assert_eq!(problem("http://10.0.0.1:8080/"), None);
        assert!(problem("ftp://example.com/").unwrap().contains("https"));
        assert!(problem("mailto:ann@example.com").unwrap().contains("https"));
        assert!(problem("https://ann@example.com/").unwrap().contains("user name"));
        assert!(
            problem("https://:secret@example.com/")
                .unwrap()
                .contains("password")
        );
        assert!(
            problem(&format!("https://example.com/{}", "a".repeat(MAX_URL)))
                .unwrap()
                .contains("2048")
        );
    }
}
