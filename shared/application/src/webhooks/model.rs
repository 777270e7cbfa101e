//! What a registered endpoint is.

use domain::activity::Writing;
use domain::id::{CampaignId, TenantId, WebhookId};
use domain::log::Log;
use domain::time::Timestamp;
use domain::webhook::filter::{EventFilter, FilterError};
use domain::webhook::health::{Course, DisabledReason, Health, Sign};
use domain::webhook::url_problem;
use serde::{Deserialize, Serialize};
use url::Url;

use super::signing::Signing;
use crate::error::{Error, FieldError};
use crate::events::{DomainEvent, EVENT_TYPES};

/// Most endpoints of a tenant.
pub const MAX_WEBHOOKS: usize = 50;
/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 500;

/// What an administrator sets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// Where it is.
    pub url: Url,
    /// What it is told.
    pub event_types: EventFilter,
    /// Of which campaign only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    /// What people say about it.
    #[serde(default)]
    pub description: String,
}

impl Definition {
    /// Names every wrong field.
    pub(super) fn check(&self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        if let Some(problem) = url_problem(&self.url) {
            wrong.push(FieldError::new("/url", problem));
        }
        let is_text = !self.description.chars().any(char::is_control);
        if !is_text || self.description.chars().count() > MAX_DESCRIPTION {
            let detail =
                format!("may have at most {MAX_DESCRIPTION} characters, none of them a control character");
            wrong.push(FieldError::new("/description", detail));
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(wrong))
        }
    }
}

/// Reads the event types that an endpoint asks for; each wrong one is named.
pub fn event_filter(patterns: &[String]) -> Result<EventFilter, Error> {
    EventFilter::parse(patterns, &EVENT_TYPES).map_err(|wrong| {
        let field = |error: FilterError| match &error {
            FilterError::Count => FieldError::new("/eventTypes", error),
            FilterError::Unknown { place, .. } => FieldError::new(format!("/eventTypes/{place}"), error),
        };
        Error::Invalid(wrong.into_iter().map(field).collect())
    })
}

/// Whether an endpoint is told anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum WebhookState {
    /// It is.
    Enabled,
    /// It is not.
    Disabled {
        /// Why.
        reason: DisabledReason,
        /// Since when.
        since: Timestamp,
    },
}

/// What happened to an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEvent {
    /// `webhook.disabled` or `webhook.recovered`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// Why it was disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DisabledReason>,
}

/// A registered endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose.
    pub tenant: TenantId,
    /// What is set.
    #[serde(flatten)]
    pub definition: Definition,
    /// Whether it is told anything.
    #[serde(flatten)]
    pub state: WebhookState,
    /// When it was created.
    pub created_at: Timestamp,
    /// Which secrets sign.
    pub signing: Signing,
    /// How it fares.
    #[serde(default)]
    pub health: Health,
    /// What happened.
    pub log: Log<WebhookEvent>,
}

impl Webhook {
    /// Whether it is called at all.
    pub fn is_enabled(&self) -> bool {
        self.state == WebhookState::Enabled
    }

    /// Whether it is told an event.
    pub(super) fn wants(&self, event: &DomainEvent) -> bool {
        self.wants_of(&event.kind, event.campaign_id.as_ref())
    }

    /// Whether it is told events of a type, of a campaign.
    pub(super) fn wants_of(&self, kind: &str, of: Option<&CampaignId>) -> bool {
        let campaign = self.definition.campaign_id.as_ref();
        self.is_enabled()
            && (campaign.is_none() || campaign == of)
            && self.definition.event_types.admits(kind)
    }

    /// Takes in what a call says about it. `None` when nothing is to be written.
    pub(super) fn after(mut self, sign: Sign, writing: Writing) -> Option<Self> {
        if !self.is_enabled() {
            return None;
        }
        match self.health.after(sign, writing.now) {
            Course::Unchanged => return None,
            Course::Changed(health) => self.health = health,
            Course::Recovered(health) => {
                self.health = health;
                self.note("webhook.recovered", None, writing);
            }
            Course::Disabled(reason) => self.disable(reason, writing),
        }
        Some(self)
    }

    /// Is told nothing any more.
    pub(super) fn disable(&mut self, reason: DisabledReason, writing: Writing) {
        self.state = WebhookState::Disabled {
            reason,
            since: writing.now,
        };
        self.note("webhook.disabled", Some(reason), writing);
    }

    /// Is told again, with its past forgotten.
    pub(super) fn enable(&mut self) {
        self.state = WebhookState::Enabled;
        self.health = Health::default();
    }

    fn note(&mut self, kind: &str, reason: Option<DisabledReason>, writing: Writing) {
        self.log.append(
            writing.version,
            WebhookEvent {
                kind: kind.into(),
                at: writing.now,
                reason,
            },
        );
    }
}
