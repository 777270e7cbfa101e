//! Reads a connector's settings and says exactly which one is wrong.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use domain::channel::Channel;
use domain::time::Millis;
use platform::connector::{ConnectorConfig, SettingError};
use platform::secrets::Secret;
use url::Url;

/// The longest `timeoutMs`. With the waits for a turn and for credentials it must fit into the lease of an
/// attempt (`domain::activity::claim::LEASE`, 60 s), or nothing would ever be sent.
const LONGEST_TIMEOUT: u64 = 45_000;
/// Highest number of requests under way at once.
const MAX_CONCURRENCY: u32 = 1_000;

/// A configuration and its secrets.
pub(crate) struct Settings<'a> {
    config: &'a ConnectorConfig,
    secrets: &'a BTreeMap<String, Secret>,
}

fn error(setting: &str, problem: impl Into<String>) -> SettingError {
    SettingError {
        setting: setting.into(),
        problem: problem.into(),
    }
}

impl<'a> Settings<'a> {
    /// Checks what all kinds share: the channels, the concurrency, and that every setting is known,
    /// so that a misspelt one is not silently without effect.
    pub(crate) fn new(
        config: &'a ConnectorConfig,
        secrets: &'a BTreeMap<String, Secret>,
        channels: &[Channel],
        known: &[&str],
    ) -> Result<Self, SettingError> {
        if config.channels.is_empty() {
            return Err(error("channels", "must name at least one channel"));
        }
        if let Some(channel) = config.channels.iter().find(|channel| !channels.contains(channel)) {
            return Err(error(
                "channels",
                format!("names {channel}, which this kind of connector does not serve"),
            ));
        }
        if !(1..=MAX_CONCURRENCY).contains(&config.concurrency) {
            return Err(error(
                "concurrency",
                format!("must be between 1 and {MAX_CONCURRENCY}"),
            ));
        }
        if let Some(name) = config
            .settings
            .keys()
            .find(|name| !known.contains(&name.as_str()))
        {
            return Err(error(
                name,
                format!("is unknown; this kind takes {}", known.join(", ")),
            ));
        }
        Ok(Self { config, secrets })
    }

    /// How many requests may be under way at once.
    pub(crate) fn concurrency(&self) -> u32 {
        self.config.concurrency
    }

    /// A setting, if it is there and not blank.
    pub(crate) fn optional(&self, name: &str) -> Option<&'a str> {
        self.config
            .settings
            .get(name)
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
    }

    /// A setting that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&'a str, SettingError> {
        self.optional(name).ok_or_else(|| error(name, "is missing"))
    }

    /// A setting that must be made of letters, digits, `_`, `-` and `.` only, because it becomes a
    /// part of a URL path.
    pub(crate) fn path_part(&self, name: &str) -> Result<&'a str, SettingError> {
        let text = self.required(name)?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if text.bytes().all(fits) && text.bytes().any(|b| b != b'.') {
            Ok(text)
        } else {
            Err(error(
                name,
                "may contain only the letters A-Z and a-z, digits, '_', '-' and '.'",
            ))
        }
    }

    /// An http or https address, or a default one.
    pub(crate) fn url_or(&self, name: &str, default: &str) -> Result<Url, SettingError> {
        parse_url(name, self.optional(name).unwrap_or(default))
    }

    /// A path below an address, each part escaped as needed.
    pub(crate) fn under(name: &str, base: &Url, parts: &[&str]) -> Result<Url, SettingError> {
        let mut url = base.clone();
        url.path_segments_mut()
            .map_err(|()| error(name, "cannot be a base address"))?
            .pop_if_empty()
            .extend(parts);
        Ok(url)
    }

    /// An http or https address.
    pub(crate) fn url(&self, name: &str) -> Result<Url, SettingError> {
        parse_url(name, self.required(name)?)
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, SettingError> {
        match self.optional(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(error(name, "must be `true` or `false`")),
        }
    }

    /// A whole number.
    pub(crate) fn number<T>(
        &self,
        name: &str,
        bounds: RangeInclusive<T>,
        default: T,
    ) -> Result<T, SettingError>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(text) = self.optional(name) else {
            return Ok(default);
        };
        text.parse()
            .ok()
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| {
                error(
                    name,
                    format!(
                        "must be a whole number between {} and {}",
                        bounds.start(),
                        bounds.end()
                    ),
                )
            })
    }

    /// `timeoutMs`: how long one request may take, connecting included.
    pub(crate) fn timeout(&self) -> Result<Millis, SettingError> {
        self.number("timeoutMs", 100..=LONGEST_TIMEOUT, 15_000)
            .map(Millis::new)
    }

    /// A secret, if it is there.
    pub(crate) fn optional_secret(&self, name: &str) -> Option<Secret> {
        self.secrets
            .get(name)
            .filter(|secret| !secret.expose().is_empty())
            .cloned()
    }

    /// A secret that must be there.
    pub(crate) fn secret(&self, name: &str) -> Result<Secret, SettingError> {
        self.optional_secret(name)
            .ok_or_else(|| error(name, "is missing; it is a secret"))
    }

    /// For problems that only the kind knows.
    pub(crate) fn problem(name: &str, problem: impl Into<String>) -> SettingError {
        error(name, problem)
    }
}

fn parse_url(name: &str, text: &str) -> Result<Url, SettingError> {
    let url = Url::parse(text).map_err(|_| error(name, "is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(error(name, "must start with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(error(
            name,
            "must not hold a user name or password; use the kind's secrets",
        ));
    }
    Ok(url)
}
