//! How an activity is read. It is written flat, its plan's members beside its own; serde's `flatten` reads
//! such a form by way of a copy of every member, and activities are read more often than anything else.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::event::ActivityEvent;
use super::state::State;
use super::{Activity, AssignTo, FlowStep, Lease, Parked, Plan, Priority, Released, Turn};
use crate::address::Address;
use crate::channel::Channel;
use crate::cim::Body;
use crate::id::{ActivityId, CampaignId, ConnectorId, CustomerId, TenantId};
use crate::log::Log;
use crate::time::Timestamp;
use crate::trace::TraceId;
use crate::voice::Dialing;

/// The members of an activity and of its plan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Flat {
    id: ActivityId,
    tenant: TenantId,
    channel: Channel,
    to: Address,
    #[serde(default)]
    service_identifier: Option<String>,
    customer: CustomerId,
    #[serde(default)]
    campaign: Option<CampaignId>,
    #[serde(default)]
    step: Option<FlowStep>,
    due_at: Timestamp,
    #[serde(default)]
    expires_at: Option<Timestamp>,
    message: Body,
    #[serde(default)]
    dialing: Option<Dialing>,
    #[serde(default)]
    assign_to: Option<AssignTo>,
    #[serde(default)]
    priority: Priority,
    #[serde(default)]
    callback_url: Option<Url>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    state: State,
    generation: u64,
    next_at: Timestamp,
    attempt: u32,
    #[serde(default)]
    lease: Option<Lease>,
    #[serde(default)]
    excused: u32,
    #[serde(default)]
    takeovers: u32,
    #[serde(default)]
    stopping: bool,
    #[serde(default)]
    parked: Option<Parked>,
    #[serde(default)]
    released: Option<Released>,
    #[serde(default)]
    turn: Option<Turn>,
    #[serde(default)]
    connector: Option<ConnectorId>,
    #[serde(default)]
    way: u32,
    #[serde(default)]
    provider_message_id: Option<String>,
    #[serde(default)]
    verdict: Option<serde_json::Value>,
    created_at: Timestamp,
    #[serde(default)]
    origin: Option<String>,
    #[serde(default)]
    trace: Option<TraceId>,
    log: Log<ActivityEvent>,
}

impl From<Flat> for Activity {
    fn from(flat: Flat) -> Self {
        Self {
            id: flat.id,
            tenant: flat.tenant,
            plan: Plan {
                channel: flat.channel,
                to: flat.to,
                service_identifier: flat.service_identifier,
                customer: flat.customer,
                campaign: flat.campaign,
                step: flat.step,
                due_at: flat.due_at,
                expires_at: flat.expires_at,
                message: flat.message,
                dialing: flat.dialing,
                assign_to: flat.assign_to,
                priority: flat.priority,
                callback_url: flat.callback_url,
                metadata: flat.metadata,
            },
            state: flat.state,
            generation: flat.generation,
            next_at: flat.next_at,
            attempt: flat.attempt,
            lease: flat.lease,
            excused: flat.excused,
            takeovers: flat.takeovers,
            stopping: flat.stopping,
            parked: flat.parked,
            released: flat.released,
            turn: flat.turn,
            connector: flat.connector,
            way: flat.way,
            provider_message_id: flat.provider_message_id,
            verdict: flat.verdict,
            created_at: flat.created_at,
            origin: flat.origin,
            trace: flat.trace,
            log: flat.log,
        }
    }
}
