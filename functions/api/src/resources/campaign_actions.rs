//! What moves a campaign through its life.

use application::campaigns::{self, ChangeState};
use application::expected::Expected;
use axum::extract::State;
use domain::campaign::CampaignAction;
use domain::id::CampaignId;

use super::campaigns::CampaignOut;
use crate::auth::Caller;
use crate::etag::{Precondition, Resource};
use crate::extract::Ids;
use crate::idempotency::WriteRequest;
use crate::problem::Problem;
use crate::schema;
use crate::state::ApiState;

async fn act(
    state: &ApiState,
    caller: &Caller,
    id: &CampaignId,
    expected: Option<Expected>,
    action: CampaignAction,
) -> Result<Resource<CampaignOut>, Problem> {
    let changed = campaigns::act(&state.context, &caller.tenant, id, expected, action).await?;
    let ChangeState {
        campaign,
        quiet_after,
    } = changed;
    Ok(Resource::ok(
        campaign.version,
        CampaignOut::of(campaign, quiet_after),
    ))
}

macro_rules! actions {
    ($($(#[doc = $doc:literal])* $name:ident, $operation:literal, $path:literal, $action:ident;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(
            post, path = $path, operation_id = $operation, tag = "campaigns",
            params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)),
            responses((status = 200, body = CampaignOut))
        )]
        pub(crate) async fn $name(
            State(state): State<ApiState>,
            caller: Caller,
            Ids(id): Ids<CampaignId>,
            Precondition(expected): Precondition,
        ) -> Result<Resource<CampaignOut>, Problem> {
            act(&state, &caller, &id, expected, CampaignAction::$action).await
        }
    )*};
}

actions! {
    /// Publish a campaign
    ///
    /// Freezes a version and starts conversations, paced, at `startAt`. A flow that does not check is
    /// refused with every problem named.
    publish, "publishCampaign", "/v1/campaigns/{id}/publish", Publish;
    /// Pause a campaign
    ///
    /// Holds what has not left and refuses none of it. Waits go on, but act only after resume.
    pause, "pauseCampaign", "/v1/campaigns/{id}/pause", Pause;
    /// Let a paused campaign go on
    resume, "resumeCampaign", "/v1/campaigns/{id}/resume", Resume;
    /// Stop a campaign for good
    ///
    /// Cancels what has not left and ends its conversations. Late receipts are still taken in.
    stop, "stopCampaign", "/v1/campaigns/{id}/stop", Stop;
    /// Take a campaign back to draft
    ///
    /// Cancels what has not left and ends its conversations, as stop does.
    unpublish, "unpublishCampaign", "/v1/campaigns/{id}/unpublish", Unpublish;
}

/// Copy a campaign into a new draft
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/duplicate", operation_id = "duplicateCampaign", tag = "campaigns",
    params(("id" = schema::Id, Path)), responses((status = 201, body = CampaignOut))
)]
pub(crate) async fn duplicate(
    State(state): State<ApiState>,
    caller: Caller,
    write: WriteRequest,
    Ids(id): Ids<CampaignId>,
) -> Result<Resource<CampaignOut>, Problem> {
    let copy = write.id(CampaignId::derive, 0);
    let stored = campaigns::duplicate(&state.context, &caller.tenant, &id, copy).await?;
    Ok(CampaignOut::created(stored))
}
