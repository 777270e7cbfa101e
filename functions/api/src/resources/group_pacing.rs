//! The pacing of a skill group's calls: how it is set, how it stands, and what it is told of inbound calls.

use std::collections::BTreeMap;

use ::pacing::group::{Gateway, InboundSeen, Settings, View};
use application::error::{Error, FieldError};
use application::pacing::{self, GroupPacing, InboundReport};
use application::skill_groups;
use axum::Json;
use axum::extract::State;
use compliance::zones::TimeZone;
use domain::id::{ConnectorId, SkillGroupId};
use domain::time::Millis;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Ids, Input};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;
use crate::text::Text;

/// Most inbound calls told at once.
const MAX_REPORTS: usize = 500;

/// How a skill group's outbound calls are paced. What is absent is as in the defaults.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct GroupPacingBody {
    /// Whether its agents serve inbound calls, too.
    blended: bool,
    /// Most calls on their way at once; unbounded if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    lines: Option<u32>,
    /// Most calls started in any second; unbounded if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000)]
    calls_per_second: Option<u32>,
    /// What gateways bear of it, by the ids of their connectors: `lines` on their way at once, and `callsPerSecond`.
    /// Those that are not named bear any number of calls.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, schema::Gateway>)]
    gateways: BTreeMap<ConnectorId, Gateway>,
    /// Most calls on their way for each agent at work.
    #[schema(minimum = 1, maximum = 50, default = 12)]
    lines_per_agent: f64,
    /// After how many seconds without an agent a live call is abandoned.
    #[schema(minimum = 0, maximum = 60, default = 2)]
    abandon_after_seconds: f64,
    /// After how many seconds a ringing call is given up.
    #[schema(minimum = 15, maximum = 180, default = 22)]
    ring_limit_seconds: f64,
    /// Within how many seconds an inbound call should be answered.
    #[schema(minimum = 1, maximum = 3600, default = 20)]
    inbound_target_seconds: f64,
    /// How many seconds an agent may look at a preview.
    #[schema(minimum = 5, maximum = 3600, default = 60)]
    preview_seconds: f64,
    /// After how many seconds a skipped contact is shown again.
    #[schema(minimum = 0, maximum = 86400, default = 600)]
    skipped_for_seconds: f64,
    /// How many seconds before a commitment an agent gets no conversation any more.
    #[schema(minimum = 0, maximum = 3600, default = 180)]
    commitment_lead_seconds: f64,
    /// Where the clock hangs that formulas read.
    #[schema(value_type = String, max_length = 64, example = "Europe/London", default = "UTC")]
    time_zone: TimeZone,
}

impl Default for GroupPacingBody {
    fn default() -> Self {
        Self::from(GroupPacing {
            settings: Settings::default(),
            time_zone: TimeZone::UTC,
        })
    }
}

fn seconds(millis: Millis) -> f64 {
    millis.duration().as_secs_f64()
}

/// Milliseconds; what is no time at all comes out beyond every bound.
fn millis(seconds: f64) -> Millis {
    let span = std::time::Duration::try_from_secs_f64(seconds).unwrap_or(std::time::Duration::MAX);
    Millis::new(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

impl From<GroupPacing> for GroupPacingBody {
    fn from(GroupPacing { settings, time_zone }: GroupPacing) -> Self {
        Self {
            blended: settings.blended,
            lines: settings.lines,
            calls_per_second: settings.calls_per_second,
            gateways: settings.gateways,
            lines_per_agent: settings.lines_per_agent,
            abandon_after_seconds: seconds(settings.abandon_after),
            ring_limit_seconds: seconds(settings.ring_limit),
            inbound_target_seconds: seconds(settings.inbound_target),
            preview_seconds: seconds(settings.preview_within),
            skipped_for_seconds: seconds(settings.skipped_for),
            commitment_lead_seconds: seconds(settings.commitment_lead),
            time_zone,
        }
    }
}

impl From<GroupPacingBody> for GroupPacing {
    fn from(body: GroupPacingBody) -> Self {
        Self {
            settings: Settings {
                blended: body.blended,
                lines: body.lines,
                calls_per_second: body.calls_per_second,
                gateways: body.gateways,
                lines_per_agent: body.lines_per_agent,
                abandon_after: millis(body.abandon_after_seconds),
                ring_limit: millis(body.ring_limit_seconds),
                inbound_target: millis(body.inbound_target_seconds),
                preview_within: millis(body.preview_seconds),
                skipped_for: millis(body.skipped_for_seconds),
                commitment_lead: millis(body.commitment_lead_seconds),
                time_of_day: 0.0,
            },
            time_zone: body.time_zone,
        }
    }
}

/// Read how the pacing of a skill group stands
///
/// Agents, calls on their way and their results, for each campaign and mode, as of the latest step.
#[utoipa::path(
    get, path = "/v1/skill-groups/{id}/pacing", operation_id = "getPacing", tag = "agents",
    params(("id" = schema::Id, Path)), responses((status = 200, body = schema::PacingView))
)]
pub(crate) async fn view(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<SkillGroupId>,
) -> Result<Json<View>, Problem> {
    skill_groups::get(&state.context, &caller.tenant, &id).await?;
    match pacing::view(&state.context, &caller.tenant, &id).await? {
        Some(view) => Ok(Json(view)),
        None => Err(Error::not_found("pacing of the skill group", &id).into()),
    }
}

/// What became of an inbound call of a blended group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InboundCallIn {
    /// The routing engine's name of the call.
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    call_id: Text<64>,
    #[schema(value_type = schema::InboundEvent)]
    event: InboundSeen,
}

/// What became of inbound calls.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundCallsIn {
    #[schema(min_items = 1, max_items = 500)]
    items: Vec<InboundCallIn>,
}

/// Tell what became of a blended group's inbound calls
///
/// In their order; events may repeat.
#[utoipa::path(
    post, path = "/v1/skill-groups/{id}/inbound-calls", operation_id = "tellInboundCalls", tag = "agents",
    params(("id" = schema::Id, Path)), request_body = InboundCallsIn, responses((status = 202))
)]
pub(crate) async fn inbound(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<SkillGroupId>,
    Input(InboundCallsIn { items }): Input<InboundCallsIn>,
) -> Result<StatusCode, Problem> {
    if !(1..=MAX_REPORTS).contains(&items.len()) {
        let detail = format!("must have 1 to {MAX_REPORTS} entries");
        return Err(Problem::invalid(vec![FieldError::new("/items", detail)]));
    }
    let reports = items.into_iter().map(|item| InboundReport {
        call: item.call_id.into_string(),
        event: item.event,
    });
    pacing::inbound(&state.context, &caller.tenant, &id, reports.collect()).await?;
    Ok(StatusCode::ACCEPTED)
}
