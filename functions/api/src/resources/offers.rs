//! Previews: the contact that is shown to an agent, and what the agent decides.

use ::pacing::group::OfferAnswer;
use application::error::Error;
use application::pacing;
use application::{activities, agents};
use axum::Json;
use axum::extract::State;
use domain::activity::Activity;
use domain::address::Address;
use domain::id::{ActivityId, AgentId, CampaignId, CustomerId};
use domain::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Ids, Input};
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;

/// The contact that is shown to an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferOut {
    /// Its call.
    #[schema(value_type = schema::Id)]
    activity_id: ActivityId,
    /// Until when the agent may decide.
    #[schema(value_type = schema::Instant)]
    until: Timestamp,
    /// Whom.
    #[schema(value_type = schema::Id)]
    customer_id: CustomerId,
    /// At which number.
    #[schema(value_type = String)]
    to: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    campaign_id: Option<CampaignId>,
    /// What the flow's node shows of the customer: texts by their captions.
    #[schema(value_type = Object)]
    shown: Value,
}

impl OfferOut {
    fn of(activity: Activity, until: Timestamp) -> Self {
        let plan = activity.plan;
        let shown = plan.message.field("shown").cloned();
        Self {
            activity_id: activity.id,
            until,
            customer_id: plan.customer,
            to: plan.to,
            campaign_id: plan.campaign,
            shown: shown.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        }
    }
}

/// Read the contact that is shown to an agent
#[utoipa::path(
    get, path = "/v1/agents/{id}/offer", operation_id = "getOffer", tag = "agents",
    params(("id" = schema::Id, Path)), responses((status = 200, body = OfferOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<AgentId>,
) -> Result<Json<OfferOut>, Problem> {
    let agent = agents::get(&state.context, &caller.tenant, &id).await?.value;
    let offered = agent
        .reservation
        .and_then(|kept| Some((kept.activity, kept.offered_until?)));
    let Some((call, until)) = offered else {
        return Err(Error::not_found("contact shown to the agent", &id).into());
    };
    let activity = activities::get(&state.context, &caller.tenant, &call).await?;
    Ok(Json(OfferOut::of(activity.value, until)))
}

/// What an agent says to a contact that is shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfferAnswerIn {
    /// The call of the contact that was shown.
    #[schema(value_type = schema::Id)]
    activity_id: ActivityId,
    /// `accept`: call; `skip`: not now, show the next one; `reject`: this customer is not to be called.
    #[schema(value_type = String, example = "accept")]
    decision: OfferAnswer,
}

/// Accept, skip or reject the contact that is shown to an agent
#[utoipa::path(
    post, path = "/v1/agents/{id}/offer", operation_id = "answerOffer", tag = "agents",
    params(("id" = schema::Id, Path)), request_body = OfferAnswerIn, responses((status = 202))
)]
pub(crate) async fn answer(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<AgentId>,
    Input(OfferAnswerIn {
        activity_id,
        decision,
    }): Input<OfferAnswerIn>,
) -> Result<StatusCode, Problem> {
    pacing::answer(&state.context, &caller.tenant, &id, &activity_id, decision).await?;
    Ok(StatusCode::ACCEPTED)
}
