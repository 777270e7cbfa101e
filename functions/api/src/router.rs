//! All routes, in their layers.

use axum::routing::MethodRouter;
use axum::{Router, middleware};
use utoipa::openapi::{OpenApi, Paths};
use utoipa_axum::PathItemExt;
use utoipa_axum::router::OpenApiRouter;

use crate::problem::Problem;
use crate::resources::*;
use crate::state::ApiState;
use crate::{auth, idempotency, openapi, trace};

/// As `utoipa_axum::routes`, but operations are described only where `DESCRIBED` is true. What makes the description
/// is large, and it is known before: it stands in `openapi.json`.
macro_rules! routes {
    ($($($part:ident)::+),+ $(,)?) => {
        if DESCRIBED {
            utoipa_axum::routes!($($($part)::+),+)
        } else {
            let (mut paths, mut methods) = (Paths::new(), MethodRouter::new());
            $(
                for method in utoipa_axum::routes!(@path [methods()] of $($part)::+) {
                    methods = methods.on(method.to_method_filter(), $($part)::+);
                }
                let path = utoipa_axum::routes!(@path [path()] of $($part)::+);
                paths.paths.entry(path).or_default();
            )+
            (Vec::new(), paths, methods)
        }
    };
}

/// The API.
pub fn router(state: ApiState) -> Router {
    let (routes, _) = all::<false>(&state).split_for_parts();
    routes
        .merge(openapi::router())
        .fallback(async || Problem::no_such_path())
        .layer(middleware::from_fn_with_state(state.clone(), trace::around))
        .with_state(state)
}

/// The description of the API, before it is completed by [`openapi::document`].
pub(crate) fn described(state: &ApiState) -> OpenApi {
    all::<true>(state).split_for_parts().1
}

fn all<const DESCRIBED: bool>(state: &ApiState) -> OpenApiRouter<ApiState> {
    let once = middleware::from_fn_with_state(state.clone(), idempotency::once);
    let check = middleware::from_fn_with_state(state.clone(), auth::check);
    let keyed = resources::<DESCRIBED>()
        .route_layer(once)
        .merge(uploads::<DESCRIBED>())
        .route_layer(check);
    OpenApiRouter::new().merge(open::<DESCRIBED>()).merge(keyed)
}

/// Without API key.
fn open<const DESCRIBED: bool>() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(callbacks::verify, callbacks::take))
}

/// Streamed, and so without idempotency key: putting the same file twice is harmless.
fn uploads<const DESCRIBED: bool>() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(imports::upload))
}

fn resources<const DESCRIBED: bool>() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(scheduled_activities::create, scheduled_activities::list))
        .routes(routes!(activity_batches::create))
        .routes(routes!(
            scheduled_activities::get,
            scheduled_activities::change,
            scheduled_activities::cancel
        ))
        .routes(routes!(cim_messages::take))
        .routes(routes!(cim_messages::orphans))
        .routes(routes!(customers::list))
        .routes(routes!(
            customers::get,
            customers::put,
            customers::patch,
            customers::delete
        ))
        .routes(routes!(customers::record_consent))
        .routes(routes!(customers::history))
        .routes(routes!(contact_lists::create, contact_lists::list))
        .routes(routes!(contact_lists::get))
        .routes(routes!(contact_lists::contacts))
        .routes(routes!(imports::create, imports::list))
        .routes(routes!(imports::get))
        .routes(routes!(imports::start))
        .routes(routes!(imports::rejects))
        .routes(routes!(
            do_not_contact::enter,
            do_not_contact::list,
            do_not_contact::remove
        ))
        .routes(routes!(do_not_contact::enter_batch))
        .routes(routes!(flows::validate))
        .routes(routes!(flows::schema))
        .routes(routes!(formulas::evaluate))
        .routes(routes!(campaigns::create, campaigns::list))
        .routes(routes!(campaigns::get, campaigns::change, campaigns::delete))
        .routes(routes!(campaign_actions::publish))
        .routes(routes!(campaign_actions::pause))
        .routes(routes!(campaign_actions::resume))
        .routes(routes!(campaign_actions::stop))
        .routes(routes!(campaign_actions::unpublish))
        .routes(routes!(campaign_actions::duplicate))
        .routes(routes!(campaigns::progress))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::get))
        .routes(routes!(conversations::set_data))
        .routes(routes!(conversations::tell))
        .routes(routes!(conversations::stop))
        .routes(routes!(settings::get, settings::put))
        .routes(routes!(settings::stop_everything, settings::go_on))
        .routes(routes!(connectors::create, connectors::list))
        .routes(routes!(connectors::get, connectors::put, connectors::delete))
        .routes(routes!(settings::rotate_callback_secret))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::get, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::rotate_secret))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::redeliver))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::redrive))
        .routes(routes!(api_keys::create, api_keys::list))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(event_types::list))
        .routes(routes!(agents::list))
        .routes(routes!(agents::get, agents::put, agents::delete))
        .routes(routes!(agents::tell))
        .routes(routes!(agents::assign))
        .routes(routes!(agents::commit_to))
        .routes(routes!(agents::tell_all))
        .routes(routes!(offers::get, offers::answer))
        .routes(routes!(skill_groups::list))
        .routes(routes!(
            skill_groups::get,
            skill_groups::put,
            skill_groups::delete
        ))
        .routes(routes!(group_pacing::view))
        .routes(routes!(group_pacing::inbound))
}
