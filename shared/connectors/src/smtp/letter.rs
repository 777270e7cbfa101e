//! A CIM message as an e-mail.

use domain::cim::Body;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use platform::connector::{SendFailure, SendRequest};
use serde_json::Value;

use crate::http::failure;

/// An e-mail, and its id without brackets.
pub(crate) struct Letter {
    pub(crate) id: String,
    pub(crate) message: Message,
}

/// `X-Campaign-Activity`: which activity the e-mail belongs to, for people who look into a mailbox.
#[derive(Clone)]
struct CampaignActivity(String);

impl Header for CampaignActivity {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Campaign-Activity")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.into()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

/// Writes the e-mail of a request.
pub(crate) fn write(
    request: &SendRequest,
    from: &Mailbox,
    reply_to: Option<&Mailbox>,
    default_subject: Option<&str>,
) -> Result<Letter, SendFailure> {
    let body = &request.message.body;
    let (subject, text, html) = contents(body)?;
    let subject = subject
        .or(default_subject)
        .ok_or_else(|| failure("no-subject", "the body has no subject, and there is no default"))?;
    let to: Address = request
        .to
        .as_str()
        .parse()
        .map_err(|_| failure("recipient", "the recipient's address cannot be used for e-mail"))?;
    let from = match &request.service_identifier {
        None => from.clone(),
        Some(text) => text.parse().map_err(|_| {
            failure(
                "service-identifier",
                "the service identifier is no e-mail address",
            )
        })?,
    };
    let id = format!("{}@{}", request.echo.text(), from.email.domain());
    let mut message = Message::builder()
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(one_line(subject))
        .message_id(Some(format!("<{id}>")))
        .header(CampaignActivity(request.activity.to_string()));
    if let Some(reply_to) = reply_to {
        message = message.reply_to(reply_to.clone());
    }
    let message = match (text, html) {
        (Some(text), Some(html)) => message.multipart(MultiPart::alternative_plain_html(
            text.to_owned(),
            html.to_owned(),
        )),
        (Some(text), None) => message.singlepart(SinglePart::plain(text.to_owned())),
        (None, Some(html)) => message.singlepart(SinglePart::html(html.to_owned())),
        (None, None) => {
            return Err(failure(
                "no-text",
                "the body has neither `markdownText` nor `htmlBody`",
            ));
        }
    };
    let message = message.map_err(|_| failure("malformed", "the e-mail could not be written"))?;
    Ok(Letter { id, message })
}

type Contents<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

/// Subject, plain text and HTML of a body.
fn contents(body: &Body) -> Result<Contents<'_>, SendFailure> {
    let field = |name| body.text(name).filter(|text: &&str| !text.trim().is_empty());
    match body.kind() {
        "PLAIN" => Ok((None, field("markdownText"), None)),
        "EMAIL" => {
            for name in ["recipientsCc", "recipientsBcc", "attachments"] {
                if !is_empty(body.field(name)) {
                    return Err(failure(
                        "unsupported-body",
                        format!("this connector does not send `{name}`"),
                    ));
                }
            }
            Ok((field("subject"), field("markdownText"), field("htmlBody")))
        }
        kind => Err(failure(
            "unsupported-body",
            format!("this connector does not send {kind} bodies"),
        )),
    }
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

/// A subject is one line: what could start another header becomes a space.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
