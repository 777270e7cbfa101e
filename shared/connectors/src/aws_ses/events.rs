//! What comes back by the topic: what became of our e-mails.

use domain::activity::receipt::DeliveryStatus;
use domain::address::Address;
use domain::channel::Channel;
use domain::time::Timestamp;
use platform::connector::{Echo, Inbound, ReplyTarget};
use serde::Deserialize;
use serde_json::json;

use crate::refusal;

/// The reason of what was not sent to somebody who had complained before.
const SUPPRESSED: &str = "Complaint/OnAccountSuppressionList";

/// An event record. An identity's own feedback notifications have `notificationType`, and no tags.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(alias = "notificationType")]
    event_type: String,
    mail: Mail,
    #[serde(default)]
    bounce: Option<Bounce>,
    #[serde(default)]
    complaint: Option<Complaint>,
    #[serde(default)]
    delivery: Option<Moment>,
    #[serde(default)]
    open: Option<Moment>,
    #[serde(default)]
    click: Option<Moment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    message_id: String,
    #[serde(default)]
    tags: Tags,
}

/// Every tag has a list of values.
#[derive(Default, Deserialize)]
struct Tags {
    #[serde(default)]
    tenant: Vec<String>,
    #[serde(default)]
    activity: Vec<String>,
    #[serde(default)]
    attempt: Vec<String>,
}

impl Tags {
    fn echo(&self) -> Option<Echo> {
        let parts = [&self.tenant, &self.activity, &self.attempt];
        let firsts: Option<Vec<_>> = parts
            .into_iter()
            .map(|values| values.first().map(String::as_str))
            .collect();
        Echo::parse(&firsts?.join("."))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    bounce_sub_type: String,
    #[serde(default)]
    bounced_recipients: Vec<Bounced>,
    #[serde(default)]
    timestamp: Option<String>,
}

/// What the mail server says of a recipient, where it says so: in a delivery status notification.
#[derive(Deserialize)]
struct Bounced {
    #[serde(default)]
    action: Option<String>,
}

impl Bounce {
    /// Whether somebody's machine has answered: the e-mail arrived. SES takes an out-of-office reply for a passing
    /// bounce, which names no failure.
    fn is_auto_reply(&self) -> bool {
        let is_general = self.bounce_type == "Transient" && self.bounce_sub_type == "General";
        is_general
            && self
                .bounced_recipients
                .iter()
                .all(|recipient| recipient.action.is_none())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complained_recipients: Vec<Recipient>,
    feedback_id: String,
    #[serde(default)]
    complaint_sub_type: Option<String>,
    #[serde(default)]
    complaint_feedback_type: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
}

#[derive(Deserialize)]
struct Moment {
    #[serde(default)]
    timestamp: Option<String>,
}

/// What a message of the topic says; `None` when it is no event record.
pub(super) fn read(message: &str) -> Option<Vec<Inbound>> {
    let record: Record = serde_json::from_str(message).ok()?;
    let moment = |moment: &Option<Moment>| moment.as_ref().and_then(|moment| moment.timestamp.clone());
    Some(match record.event_type.as_str() {
        "Delivery" => vec![record.receipt(DeliveryStatus::Delivered, None, moment(&record.delivery))],
        "Open" => vec![record.receipt(DeliveryStatus::Read, None, moment(&record.open))],
        "Click" => vec![record.receipt(DeliveryStatus::Read, None, moment(&record.click))],
        "Bounce" => record.bounced(),
        "Complaint" => record.complained(),
        "Reject" => vec![record.receipt(DeliveryStatus::Failed, Some("Reject".into()), None)],
        "Rendering Failure" | "RenderingFailure" => {
            vec![record.receipt(DeliveryStatus::Failed, Some("RenderingFailure".into()), None)]
        }
        // `Send`, `DeliveryDelay`, `Subscription` and what may come later tell nothing new.
        _ => Vec::new(),
    })
}

impl Record {
    fn receipt(&self, status: DeliveryStatus, reason: Option<String>, at: Option<String>) -> Inbound {
        Inbound::Receipt {
            echo: self.mail.tags.echo(),
            provider_message_id: Some(self.mail.message_id.clone()),
            status,
            opted_out: reason.as_deref() == Some(SUPPRESSED),
            reason_code: reason,
            at: at.and_then(|text| Timestamp::parse(&text).ok()),
        }
    }

    /// Soft bounces come only when SES has given up, so every bounce is the end, but for one that is none.
    fn bounced(&self) -> Vec<Inbound> {
        if self.bounce.as_ref().is_some_and(Bounce::is_auto_reply) {
            return Vec::new();
        }
        let reason = self
            .bounce
            .as_ref()
            .map(|bounce| format!("Bounce/{}/{}", bounce.bounce_type, bounce.bounce_sub_type));
        let at = self.bounce.as_ref().and_then(|bounce| bounce.timestamp.clone());
        vec![self.receipt(DeliveryStatus::Failed, reason.or(Some("Bounce".into())), at)]
    }

    /// Who complains has got the e-mail and wants no more: a delivery, and an answer that opts out. On
    /// SES's suppression list are those who complained before: SES did not send it to them.
    fn complained(&self) -> Vec<Inbound> {
        let Some(complaint) = &self.complaint else {
            return Vec::new();
        };
        let at = complaint.timestamp.clone();
        if complaint.complaint_sub_type.as_deref() == Some("OnAccountSuppressionList") {
            return vec![self.receipt(DeliveryStatus::Failed, Some(SUPPRESSED.into()), at)];
        }
        let delivered = self.receipt(DeliveryStatus::Delivered, None, at);
        if complaint.complaint_feedback_type.as_deref() == Some("not-spam") {
            return vec![delivered];
        }
        std::iter::once(delivered)
            .chain(self.opt_out(complaint))
            .collect()
    }

    /// Nobody complains who wants more. An e-mail of ours has one recipient.
    fn opt_out(&self, complaint: &Complaint) -> Option<Inbound> {
        let recipient = complaint.complained_recipients.first()?;
        let said = json!({
            "eventType": "Complaint",
            "feedbackId": complaint.feedback_id,
            "complaintFeedbackType": complaint.complaint_feedback_type,
        });
        let target = match self.mail.tags.echo() {
            Some(echo) => ReplyTarget::Echo(echo),
            None => ReplyTarget::ProviderMessage(self.mail.message_id.clone()),
        };
        Some(Inbound::Reply {
            id: complaint.feedback_id.clone(),
            in_reply_to: Some(target),
            channel: Channel::Email,
            from: Address::heard(Channel::Email, &recipient.email_address).ok(),
            body: refusal::body("ses", &said)?,
            at: complaint
                .timestamp
                .as_deref()
                .and_then(|text| Timestamp::parse(text).ok()),
        })
    }
}
