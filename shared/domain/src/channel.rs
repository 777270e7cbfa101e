//! Channels, in the house's words and in Expertflow's.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// How a customer is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Text message to a phone number.
    Sms,
    /// WhatsApp message to a phone number.
    Whatsapp,
    /// E-mail.
    Email,
    /// Telephone call.
    Voice,
}

impl Channel {
    /// All channels, in the order in which reports list them.
    pub const ALL: [Self; 4] = [Self::Whatsapp, Self::Sms, Self::Email, Self::Voice];

    /// The name on the wire and in keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
            Self::Email => "email",
            Self::Voice => "voice",
        }
    }

    /// The channel type as Expertflow CX spells it.
    pub const fn expertflow_name(self) -> &'static str {
        match self {
            Self::Sms => "SMS",
            Self::Whatsapp => "WHATSAPP",
            Self::Email => "EMAIL",
            Self::Voice => "CX_VOICE",
        }
    }

    /// Reads [`Channel::name`] or [`Channel::expertflow_name`], ignoring case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| {
            text.eq_ignore_ascii_case(channel.name()) || text.eq_ignore_ascii_case(channel.expertflow_name())
        })
    }
}

impl<'de> Deserialize<'de> for Channel {
    /// As a text: where a variant names a member, serde does not tell which one an error lies under.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const NAMES: &[&str] = &["sms", "whatsapp", "email", "voice"];
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        let known = Self::ALL.into_iter().find(|channel| channel.name() == text);
        known.ok_or_else(|| de::Error::unknown_variant(&text, NAMES))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
