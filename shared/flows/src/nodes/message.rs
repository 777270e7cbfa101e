//! `message`: sends one message on the first of its channels for which the contact has an address.

use std::collections::BTreeMap;

use domain::activity::state::State;
use domain::channel::Channel;
use domain::cim::Body;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Behaviour, NodeType, Occasion, Turn};
use crate::effect::Priority;
use crate::flow::Outcome;
use crate::limits::MAX_ENTRIES;
use crate::span::Span;
use crate::step::{Draft, Visit};
use crate::template::{NotRendered, Template};
use crate::validate::Checking;

/// Settings of a `message` node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    /// What is sent on which channel, in order of preference. The first channel for which the contact
    /// has an address is used, and no other: if it fails or is refused, the flow decides what next.
    channels: Vec<ChannelSettings>,
    /// How long after it was scheduled it may still be sent.
    #[serde(default)]
    expires_after: Option<Span>,
    /// How urgent it is.
    #[serde(default)]
    priority: Priority,
    /// Kept with the activity and handed back with everything that tells about it.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// A message for one channel. Texts are templates over profile, contact, data, campaign, response.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    tag = "channel",
    rename_all = "lowercase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
enum ChannelSettings {
    /// A text message.
    Sms {
        /// From which of the company's addresses.
        #[serde(default)]
        service_identifier: Option<String>,
        /// What it says.
        #[schemars(length(min = 1))]
        text: String,
    },
    /// A WhatsApp message: a text or an approved template.
    Whatsapp {
        /// From which of the company's addresses.
        #[serde(default)]
        service_identifier: Option<String>,
        /// What it says.
        #[serde(default)]
        #[schemars(length(min = 1))]
        text: Option<String>,
        /// The approved template that it uses.
        #[serde(default)]
        template: Option<ApprovedTemplate>,
    },
    /// An e-mail.
    Email {
        /// From which of the company's addresses.
        #[serde(default)]
        service_identifier: Option<String>,
        /// Its subject.
        #[schemars(length(min = 1))]
        subject: String,
        /// What it says.
        #[schemars(length(min = 1))]
        text: String,
    },
}

/// A message template that the provider has approved.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ApprovedTemplate {
    /// Its name at the provider; at Twilio the content SID (`HX…`).
    name: String,
    /// Its language at the provider, such as `en` or `pt_BR`; Twilio knows it by the SID.
    language: String,
    /// What fills its places, in order.
    #[serde(default)]
    parameters: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Message {
    channels: Vec<Letter>,
    expires_after: Option<Span>,
    priority: Priority,
    metadata: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Letter {
    channel: Channel,
    service_identifier: Option<String>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Plain(Template),
    Approved {
        name: String,
        language: String,
        parameters: Vec<Template>,
    },
    Email {
        subject: Template,
        text: Template,
    },
}

impl NodeType for Message {
    const TYPE: &'static str = "message";
    const DESCRIPTION: &'static str =
        "Sends a message on the first of its channels for which the contact has an address.";
    const OUTCOMES: Option<&'static [&'static str]> = Some(&[
        "sent",
        "failed",
        "refused",
        "expired",
        "no_address",
        "unknown",
        "cancelled",
    ]);
    const MESSAGES: bool = true;
    type Settings = Settings;

    fn check(settings: Settings, checking: &mut Checking<'_>) -> Option<Self> {
        let count = settings.channels.len();
        if !(1..=Channel::ALL.len()).contains(&count) {
            checking.problem("channels", "must have 1 to 4 entries");
        }
        checking.metadata(&settings.metadata);
        let mut channels: Vec<Letter> = Vec::new();
        for (place, letter) in settings.channels.into_iter().enumerate() {
            let Some(letter) = check(letter, &format!("channels/{place}"), checking) else {
                continue;
            };
            if channels.iter().any(|other| other.channel == letter.channel) {
                checking.problem(&format!("channels/{place}/channel"), "stands in the list twice");
            }
            channels.push(letter);
        }
        let Settings {
            expires_after,
            priority,
            metadata,
            ..
        } = settings;
        (!checking.has_problems()).then_some(Self {
            channels,
            expires_after,
            priority,
            metadata,
        })
    }
}

fn check(settings: ChannelSettings, field: &str, checking: &mut Checking<'_>) -> Option<Letter> {
    let mut template = |name: &str, source: &str| checking.template(&format!("{field}/{name}"), source);
    let (channel, service_identifier, content) = match settings {
        ChannelSettings::Sms {
            service_identifier,
            text,
        } => (
            Channel::Sms,
            service_identifier,
            Content::Plain(template("text", &text)?),
        ),
        ChannelSettings::Email {
            service_identifier,
            subject,
            text,
        } => {
            let (subject, text) = (template("subject", &subject), template("text", &text));
            let content = Content::Email {
                subject: subject?,
                text: text?,
            };
            (Channel::Email, service_identifier, content)
        }
        ChannelSettings::Whatsapp {
            service_identifier,
            text,
            template: approved,
        } => {
            let content = match (text, approved) {
                (Some(text), None) => Content::Plain(template("text", &text)?),
                (None, Some(approved)) => check_approved(approved, &format!("{field}/template"), checking)?,
                _ => {
                    checking.problem(field, "needs either `text` or `template`");
                    return None;
                }
            };
            (Channel::Whatsapp, service_identifier, content)
        }
    };
    if let Some(service) = &service_identifier {
        checking.length(&format!("{field}/serviceIdentifier"), service, 256)?;
    }
    Some(Letter {
        channel,
        service_identifier,
        content,
    })
}

fn check_approved(approved: ApprovedTemplate, field: &str, checking: &mut Checking<'_>) -> Option<Content> {
    let ApprovedTemplate {
        name,
        language,
        parameters,
    } = approved;
    for (part, value, most) in [("name", &name, 512), ("language", &language, 16)] {
        checking.length(&format!("{field}/{part}"), value, most);
    }
    if parameters.len() > MAX_ENTRIES {
        checking.problem(
            &format!("{field}/parameters"),
            format!("may have at most {MAX_ENTRIES} entries"),
        );
        return None;
    }
    let parameters: Vec<_> = parameters
        .iter()
        .enumerate()
        .map(|(place, source)| checking.template(&format!("{field}/parameters/{place}"), source))
        .collect();
    let parameters = parameters.into_iter().collect::<Option<_>>()?;
    Some(Content::Approved {
        name,
        language,
        parameters,
    })
}

impl Content {
    /// The CIM body.
    fn render(&self, context: &minijinja::Value) -> Result<Body, NotRendered> {
        let body = match self {
            Self::Plain(text) => json!({"type": "PLAIN", "markdownText": text.render(context)?}),
            Self::Email { subject, text } => {
                // A subject is one line: a line end in it could start another header.
                let subject = subject.render(context)?.replace(['\r', '\n'], " ");
                let text = text.render(context)?;
                if text.is_empty() {
                    return Err(NotRendered::empty());
                }
                json!({"type": "EMAIL", "subject": subject.trim(), "markdownText": text})
            }
            Self::Approved {
                name,
                language,
                parameters,
            } => {
                let text = |parameter: &Template| {
                    let text = parameter.render(context)?;
                    Ok(json!({"type": "text", "text": text}))
                };
                let components = match parameters.iter().map(text).collect::<Result<Vec<_>, _>>()? {
                    texts if texts.is_empty() => json!([]),
                    texts => json!([{"type": "body", "parameters": texts}]),
                };
                json!({"type": "TEMPLATE", "name": name, "language": language, "components": components})
            }
        };
        Body::parse(body).map_err(NotRendered::unfit)
    }
}

impl Behaviour for Message {
    fn outcomes(&self) -> Vec<Outcome> {
        Self::OUTCOMES
            .unwrap_or_default()
            .iter()
            .map(|name| (*name).into())
            .collect()
    }

    fn enter(&self, visit: &mut Visit<'_>) -> Turn {
        if visit.has_sent_enough() {
            return Turn::Exhausted;
        }
        let addresses = &visit.conversation.addresses;
        let found = self
            .channels
            .iter()
            .find_map(|letter| addresses.get(&letter.channel).map(|to| (letter, to.clone())));
        let Some((letter, to)) = found else {
            return Turn::leave("no_address");
        };
        let body = match letter.content.render(&visit.template_context()) {
            Ok(body) => body,
            Err(problem) => return Turn::leave_because("failed", Some(problem.to_string())),
        };
        visit.schedule(Draft {
            channel: letter.channel,
            to,
            service_identifier: letter.service_identifier.clone(),
            body,
            dialing: None,
            due_at: visit.now,
            expires_at: self.expires_after.map(|span| visit.now + span.millis()),
            priority: self.priority,
            metadata: self.metadata.clone(),
        });
        Turn::Stay
    }

    fn react(&self, visit: &mut Visit<'_>, _occasion: Occasion) -> Turn {
        let Some(facts) = visit.conversation.message(visit.number) else {
            return Turn::Stay;
        };
        let outcome = match facts.state {
            State::Scheduled | State::Dispatching => return Turn::Stay,
            State::Unknown => "unknown",
            State::Failed => "failed",
            State::Expired => "expired",
            State::Refused => "refused",
            State::Cancelled => "cancelled",
            State::Sent | State::Delivered | State::Connected | State::Read | State::Replied => "sent",
        };
        Turn::leave_because(outcome, facts.reason.clone())
    }
}
