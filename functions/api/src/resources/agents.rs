//! Agents: who they are, and what a routing engine tells about them.

use std::collections::{BTreeMap, BTreeSet};

use application::agents::{self, AgentDefinition, MAX_EVENTS, Told};
use application::error::FieldError;
use application::store::Stored;
use axum::Json;
use axum::extract::State;
use domain::agent::expertflow::Vocabulary;
use domain::agent::{Agent, AgentChange, AgentEvent, AgentReport, AgentState, Commitment, Reservation, Side};
use domain::id::{ActivityId, AgentId, SkillGroupId};
use domain::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::etag::{Precondition, Resource};
use crate::extract::{Ids, Input, parse};
use crate::paging::{Page, PageParams};
use crate::problem::{Problem, ProblemBody};
use crate::schema;
use crate::state::ApiState;
use crate::text::Text;

/// What is set for an agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentIn {
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    name: Text<100>,
    /// For what: skill groups that exist.
    #[serde(default)]
    #[schema(value_type = Vec<schema::Id>, max_items = 20)]
    skill_groups: BTreeSet<SkillGroupId>,
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentOut {
    #[schema(value_type = schema::Id)]
    id: AgentId,
    version: u64,
    name: String,
    #[schema(value_type = Vec<schema::Id>)]
    skill_groups: BTreeSet<SkillGroupId>,
    /// `SEIZED` is free, and kept for outbound conversations.
    #[schema(value_type = String, example = "SEIZED")]
    state: AgentState,
    /// Since when.
    #[schema(value_type = schema::Instant)]
    since: Timestamp,
    /// Seconds in this state, up to now.
    seconds_in_state: u64,
    /// The side that the agent serves when free.
    #[schema(value_type = String, example = "outbound")]
    side: Side,
    /// A break follows what is in hand.
    break_follows: bool,
    /// When what is in hand is over, as far as that was announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Instant>)]
    finishes_at: Option<Timestamp>,
    /// The outbound conversation in hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>)]
    activity_id: Option<ActivityId>,
    /// The contact that is shown to the agent, who is to decide about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<OfferedOut>,
    /// For when the agent is promised elsewhere, in order of time.
    #[schema(value_type = Vec<schema::Commitment>)]
    commitments: Vec<Commitment>,
    /// The number of the newest event that is known.
    sequence: u64,
    /// What happened, oldest first: the latest 64.
    #[schema(value_type = Vec<Object>)]
    changes: Vec<AgentChange>,
}

impl AgentOut {
    fn of(Stored { value, version }: Stored<Agent>, now: Timestamp) -> Self {
        let changes = value.log.entries().iter().map(|entry| entry.event.clone());
        Self {
            changes: changes.collect(),
            id: value.id,
            version,
            name: value.name,
            skill_groups: value.skill_groups,
            state: value.state,
            since: value.since,
            seconds_in_state: now.since(value.since).get() / 1_000,
            side: value.side,
            break_follows: value.break_follows,
            finishes_at: value.finishes_at,
            activity_id: value.activity,
            offer: value.reservation.and_then(OfferedOut::of),
            commitments: value.commitments,
            sequence: value.sequence,
        }
    }

    fn resource(stored: Stored<Agent>, now: Timestamp) -> Resource<Self> {
        Resource::ok(stored.version, Self::of(stored, now))
    }
}

/// A contact that is shown to an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferedOut {
    /// Its call.
    #[schema(value_type = schema::Id)]
    activity_id: ActivityId,
    /// Until when the agent may decide; then the agent is not ready (RONA).
    #[schema(value_type = schema::Instant)]
    until: Timestamp,
}

impl OfferedOut {
    fn of(reservation: Reservation) -> Option<Self> {
        Some(Self {
            activity_id: reservation.activity,
            until: reservation.offered_until?,
        })
    }
}

/// Something that happened to an agent: `event` in our words, or a state in Expertflow's. One of
/// `event`, `agentState`, `mrdState` and `taskState` must be given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentEventIn {
    /// Rises with each event of the agent: a counter, or the milliseconds of the sender's clock. What is
    /// not newer than the newest known is ignored.
    #[schema(minimum = 1)]
    sequence: u64,
    /// When it happened; now if absent.
    #[serde(default)]
    #[schema(value_type = Option<schema::Instant>)]
    at: Option<Timestamp>,
    /// In our words.
    #[serde(default)]
    #[schema(value_type = Option<schema::AgentEvent>)]
    event: Option<AgentEvent>,
    /// Expertflow's agent state: `LOGIN`, `NOT_READY`, `READY`, `LOGOUT`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "READY")]
    agent_state: Option<Text<40>>,
    /// Expertflow's state in the media routing domain of voice, such as `PENDING_NOT_READY` or `BUSY`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "BUSY")]
    mrd_state: Option<Text<40>>,
    /// Expertflow's task state: `ACTIVE`, `WRAP_UP`, `CLOSED`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "WRAP_UP")]
    task_state: Option<Text<40>>,
    /// Why: the reason of a break, or Expertflow's reason code, such as `RONA`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    reason: Option<Text<100>>,
}

impl AgentEventIn {
    fn report(self, now: Timestamp) -> Result<AgentReport, Problem> {
        let wrong = |pointer: &str, detail: String| Problem::invalid(vec![FieldError::new(pointer, detail)]);
        if self.sequence == 0 {
            return Err(wrong("/sequence", "must be 1 or more".to_owned()));
        }
        let reason = self.reason.map(Text::into_string);
        let named = [
            (Vocabulary::Agent, "/agentState", self.agent_state),
            (Vocabulary::MediaRoutingDomain, "/mrdState", self.mrd_state),
            (Vocabulary::Task, "/taskState", self.task_state),
        ];
        let mut named = named
            .into_iter()
            .filter_map(|(vocabulary, pointer, name)| Some((vocabulary, pointer, name?.into_string())));
        let event = match (self.event, named.next(), named.next()) {
            (Some(AgentEvent::Break { reason: None }), None, _) => AgentEvent::Break { reason },
            (Some(event), None, _) => event,
            (None, Some((vocabulary, pointer, name)), None) => {
                vocabulary.event(&name, reason.as_deref()).ok_or_else(|| {
                    wrong(
                        pointer,
                        format!("must be one of {}", vocabulary.names().join(", ")),
                    )
                })?
            }
            _ => {
                let detail = "or `agentState`, `mrdState` or `taskState` must be given, one of them";
                return Err(wrong("/event", detail.to_owned()));
            }
        };
        Ok(AgentReport {
            sequence: self.sequence,
            at: self.at.map_or(now, |at| at.min(now)),
            event,
        })
    }
}

/// What became of an event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentEventOut {
    /// Whether it was newer than what was known; else it changed nothing.
    taken: bool,
    agent: AgentOut,
}

impl AgentEventOut {
    fn of(told: Told, now: Timestamp) -> Self {
        let (taken, stored) = match told {
            Told::Taken(stored) => (true, stored),
            Told::Stale(stored) => (false, stored),
        };
        Self {
            taken,
            agent: AgentOut::of(stored, now),
        }
    }
}

/// List the agents
#[utoipa::path(
    get, path = "/v1/agents", operation_id = "listAgents", tag = "agents",
    params(PageParams), responses((status = 200, body = Page<AgentOut>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    page: PageParams,
) -> Result<Json<Page<AgentOut>>, Problem> {
    let found = agents::list(&state.context, &caller.tenant, page.cursor(), page.limit).await?;
    let now = state.context.now();
    Ok(Page::of(found, |stored| AgentOut::of(stored, now)))
}

/// Read an agent
#[utoipa::path(
    get, path = "/v1/agents/{id}", operation_id = "getAgent", tag = "agents",
    params(("id" = schema::Id, Path)), responses((status = 200, body = AgentOut))
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<AgentId>,
) -> Result<Resource<AgentOut>, Problem> {
    let stored = agents::get(&state.context, &caller.tenant, &id).await?;
    Ok(AgentOut::resource(stored, state.context.now()))
}

/// Create an agent, or change what is set for one
///
/// The id is the routing engine's. What the agent does stays as it is.
#[utoipa::path(
    put, path = "/v1/agents/{id}", operation_id = "putAgent", tag = "agents",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body = AgentIn, responses((status = 200, body = AgentOut))
)]
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<AgentId>,
    Precondition(expected): Precondition,
    Input(input): Input<AgentIn>,
) -> Result<Resource<AgentOut>, Problem> {
    let definition = AgentDefinition {
        name: input.name.into_string(),
        skill_groups: input.skill_groups,
    };
    let stored = agents::define(&state.context, &caller.tenant, &id, expected, &definition).await?;
    Ok(AgentOut::resource(stored, state.context.now()))
}

/// Delete an agent
///
/// Only one who is not at work.
#[utoipa::path(
    delete, path = "/v1/agents/{id}", operation_id = "deleteAgent", tag = "agents",
    params(("id" = schema::Id, Path), ("If-Match" = Option<String>, Header)), responses((status = 204))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<AgentId>,
    Precondition(expected): Precondition,
) -> Result<StatusCode, Problem> {
    agents::delete(&state.context, &caller.tenant, &id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell what happened to an agent
///
/// Events may repeat and overtake each other.
#[utoipa::path(
    post, path = "/v1/agents/{id}/events", operation_id = "tellAgentEvent", tag = "agents",
    params(("id" = schema::Id, Path)), request_body = AgentEventIn,
    responses((status = 200, body = AgentEventOut))
)]
pub(crate) async fn tell(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<AgentId>,
    Input(input): Input<AgentEventIn>,
) -> Result<Json<AgentEventOut>, Problem> {
    let report = input.report(state.context.now())?;
    let told = agents::tell(&state.context, &caller.tenant, &id, &report).await?;
    Ok(Json(AgentEventOut::of(told, state.context.now())))
}

/// Which side an agent is to serve.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SideIn {
    /// `outbound` seizes the agent: free, inbound routing passes the agent over. `inbound` lets go.
    #[schema(value_type = schema::Side)]
    side: Side,
}

/// Seize an agent for outbound, or let go
#[utoipa::path(
    put, path = "/v1/agents/{id}/side", operation_id = "assignAgent", tag = "agents",
    params(("id" = schema::Id, Path)), request_body = SideIn, responses((status = 200, body = AgentOut))
)]
pub(crate) async fn assign(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<AgentId>,
    Input(SideIn { side }): Input<SideIn>,
) -> Result<Resource<AgentOut>, Problem> {
    let stored = agents::assign(&state.context, &caller.tenant, &id, side).await?;
    Ok(AgentOut::resource(stored, state.context.now()))
}

/// For when an agent is promised elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitmentsIn {
    /// In any order; they may overlap.
    #[schema(value_type = Vec<schema::Commitment>, max_items = 100)]
    items: Vec<Commitment>,
}

/// Say for when an agent is promised elsewhere
///
/// Booked call backs, meetings, the end of the shift: all that was said before is replaced. Pacing counts on the agent
/// neither then nor shortly before (`commitmentLeadSeconds` of the skill group). A conversation that goes on is not
/// broken off.
#[utoipa::path(
    put, path = "/v1/agents/{id}/commitments", operation_id = "putCommitments", tag = "agents",
    params(("id" = schema::Id, Path)), request_body = CommitmentsIn, responses((status = 200, body = AgentOut))
)]
pub(crate) async fn commit_to(
    State(state): State<ApiState>,
    caller: Caller,
    Ids(id): Ids<AgentId>,
    Input(CommitmentsIn { items }): Input<CommitmentsIn>,
) -> Result<Resource<AgentOut>, Problem> {
    let stored = agents::commit_to(&state.context, &caller.tenant, &id, &items).await?;
    Ok(AgentOut::resource(stored, state.context.now()))
}

/// An event of a batch, with its agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchEventIn {
    #[schema(value_type = schema::Id)]
    agent_id: AgentId,
    /// What happened, as in `POST agents/{id}/events`.
    event: AgentEventIn,
}

/// Events of many agents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentEventsIn {
    #[schema(value_type = Vec<BatchEventIn>, min_items = 1, max_items = 1_000)]
    items: Vec<Box<RawValue>>,
}

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchEventOut {
    /// The item's place, from 0.
    index: usize,
    /// The HTTP status that it would have had by itself.
    status: u16,
    /// Whether it was newer than what was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<bool>,
    /// Why it was not taken in.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemBody>,
}

impl BatchEventOut {
    fn of(index: usize, told: Result<Told, Problem>) -> Self {
        match told {
            Ok(told) => Self {
                index,
                status: StatusCode::OK.as_u16(),
                taken: Some(matches!(told, Told::Taken(_))),
                problem: None,
            },
            Err(problem) => {
                problem.log();
                let problem = problem.under(&format!("/items/{index}"));
                Self {
                    index,
                    status: problem.status().as_u16(),
                    taken: None,
                    problem: Some(problem.body()),
                }
            }
        }
    }
}

/// What became of the events of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentEventsOut {
    /// In the order of the items.
    #[schema(max_items = 1_000)]
    results: Vec<BatchEventOut>,
}

/// Tell up to 1,000 events of agents, each for itself
///
/// Those of one agent are taken in in their order. One bad item does not fail the others.
#[utoipa::path(
    post, path = "/v1/agent-events/batch", operation_id = "tellAgentEvents", tag = "agents",
    request_body = AgentEventsIn, responses((status = 200, body = AgentEventsOut))
)]
pub(crate) async fn tell_all(
    State(state): State<ApiState>,
    caller: Caller,
    Input(AgentEventsIn { items }): Input<AgentEventsIn>,
) -> Result<Json<AgentEventsOut>, Problem> {
    if !(1..=MAX_EVENTS).contains(&items.len()) {
        let detail = format!("must have 1 to {MAX_EVENTS} entries");
        return Err(Problem::invalid(vec![FieldError::new("/items", detail)]));
    }
    let now = state.context.now();
    let (mut places, mut reports, mut results) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (place, item) in items.iter().enumerate() {
        let read = parse::<BatchEventIn>(item.get().as_bytes()).and_then(|item| {
            let report = item
                .event
                .report(now)
                .map_err(|problem| problem.under("/event"))?;
            Ok((item.agent_id, report))
        });
        match read {
            Ok(report) => {
                places.push(place);
                reports.push(report);
            }
            Err(problem) => {
                results.insert(place, Err(problem));
            }
        }
    }
    let told = agents::tell_all(&state.context, &caller.tenant, &reports).await;
    results.extend(
        places
            .into_iter()
            .zip(told.into_iter().map(|told| told.map_err(Problem::from))),
    );
    let results = results
        .into_iter()
        .map(|(place, told)| BatchEventOut::of(place, told))
        .collect();
    Ok(Json(AgentEventsOut { results }))
}
