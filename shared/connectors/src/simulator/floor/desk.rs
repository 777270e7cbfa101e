//! The floor's requests to the product.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::Floor;
use super::outbox::Telling;
use super::previews::AgentSeen;
use crate::simulator::Provider;
use crate::simulator::config::Targets;
use crate::simulator::courier::{Call, Fate, Work, wait_after};

/// How often agents look for previews.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Most agents that are read at once.
const PAGE: usize = 250;
/// Most pages of agents that are read.
const PAGES: usize = 40;

/// An endpoint below a base.
pub(super) fn endpoint(base: &Url, path: &[&str]) -> Option<Url> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    Some(url)
}

#[derive(Deserialize)]
struct Told {
    results: Vec<ToldOne>,
}

#[derive(Deserialize)]
struct ToldOne {
    index: usize,
    status: u16,
    #[serde(default)]
    taken: Option<bool>,
}

/// `POST /v1/agent-events/batch`.
fn batch(tellings: &[Telling], targets: &Targets) -> Option<Call> {
    let items: Vec<_> = tellings
        .iter()
        .map(|telling| {
            json!({"agentId": telling.agent, "event": {
                "sequence": telling.sequence, "at": telling.at, "event": telling.event,
            }})
        })
        .collect();
    Some(Call {
        url: endpoint(targets.api.as_ref()?, &["v1", "agent-events", "batch"])?,
        headers: targets.api_headers(),
        body: json!({"items": items}).to_string(),
    })
}

/// Tells the product the agent events that are next, and then what had to wait for them.
pub(in crate::simulator) async fn tell_agents(provider: &Provider, tries: u32) {
    let Some(tellings) = provider.floor().map(|mut floor| floor.outbox.take()) else {
        return;
    };
    let call = batch(&tellings, &provider.targets());
    let has_target = call.is_some();
    let answer = match call {
        Some(call) => provider.courier.post(call).await,
        None => None,
    };
    let status = answer.as_ref().map(|(status, _)| *status);
    let told: Option<Told> = answer.and_then(|(_, body)| serde_json::from_slice(&body).ok());
    let outcome = |place: usize| {
        let one = told
            .iter()
            .flat_map(|told| &told.results)
            .find(|one| one.index == place);
        match one {
            Some(one) => (Fate::of(Some(one.status), tries), one.taken),
            None if !has_target => (Fate::GivenUp, None),
            None => (Fate::of(status, tries), None),
        }
    };
    let tellings = tellings.into_iter().enumerate();
    let outcomes = tellings
        .map(|(place, telling)| (telling, outcome(place)))
        .collect();
    if let Some(due) = provider.floor().map(|mut floor| floor.told(outcomes, tries)) {
        provider.plan_all(due);
    }
}

impl Floor {
    /// A batch of agent events has been told, each with this outcome.
    fn told(&mut self, outcomes: Vec<(Telling, (Fate, Option<bool>))>, tries: u32) -> Vec<super::Due> {
        let mut again = Vec::new();
        for (telling, (fate, taken)) in outcomes {
            match fate {
                Fate::Again => {
                    again.push(telling);
                    continue;
                }
                Fate::Taken if taken == Some(false) => self.stats.events_stale += 1,
                Fate::Taken => self.stats.events_taken += 1,
                Fate::Refused => self.stats.events_refused += 1,
                Fate::GivenUp => self.stats.events_dropped += 1,
            }
            self.due.extend(telling.then);
        }
        let next = if again.is_empty() {
            (Duration::ZERO, 0)
        } else {
            (wait_after(tries), tries + 1)
        };
        if self.outbox.end(again) {
            let (wait, tries) = next;
            self.due.push((wait, Work::AgentEvents { tries }));
        }
        std::mem::take(&mut self.due)
    }
}

#[derive(Deserialize)]
struct Page {
    data: Vec<AgentSeen>,
    #[serde(default)]
    next: Option<String>,
}

/// Looks what the product offers to the agents who are at their desks; and soon again.
pub(in crate::simulator) async fn look_for_offers(provider: &Provider) {
    let looks = provider.floor().is_some_and(|floor| floor.looks_for_offers());
    if looks {
        let agents = read_agents(provider).await;
        let now = crate::simulator::now();
        if let Some(due) = provider.floor().map(|mut floor| floor.see(&agents, now)) {
            provider.plan_all(due);
        }
    }
    provider.plan_all(vec![(LOOK_EVERY, Work::Offers)]);
}

/// `GET /v1/agents`. What cannot be read now is read the next time.
async fn read_agents(provider: &Provider) -> Vec<AgentSeen> {
    let targets = provider.targets();
    let base = targets
        .api
        .as_ref()
        .and_then(|base| endpoint(base, &["v1", "agents"]));
    let mut agents = Vec::new();
    let Some(base) = base else {
        return agents;
    };
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES {
        let mut url = base.clone();
        url.query_pairs_mut().append_pair("limit", &PAGE.to_string());
        if let Some(cursor) = &cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let body = provider.courier.get(url, targets.api_headers()).await;
        let page: Option<Page> = body.and_then(|body| serde_json::from_slice(&body).ok());
        let Some(page) = page else {
            break;
        };
        agents.extend(page.data);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    agents
}
