//! The contact centre outside: a dialer with agents, and the routing engine that tells what they do.
//!
//! It does not crash with us. What it tells is told again until it is taken, now and then twice.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use application::agents;
use application::context::Context;
use application::error::Error;
use domain::activity::receipt::DeliveryStatus;
use domain::agent::{AgentEvent, AgentReport, Seconds};
use domain::id::{ActivityId, AgentId, ConnectorId};
use domain::time::{Millis, Timestamp};
use domain::voice::CallResult;
use platform::connector::{Inbound, SendRequest};
use platform::world::Clock;
use platform_memory::World;

use crate::provider::{Providers, Returning};
use crate::scenario::tenant;

/// Agents of the floor.
pub const AGENTS: usize = 3;
/// How long a person waits for an agent.
const PATIENCE: Millis = Millis::seconds(2);

/// An agent's id.
pub fn agent(n: usize) -> AgentId {
    AgentId::parse(&format!("agent{n}")).expect("a valid id")
}

/// A call of which pacing hears nothing for so long has no agent any more: three minutes beyond the longest ringing,
/// from when it was let start, which may be some seconds before it is dialed.
const GIVEN_UP: Millis = Millis::minutes(3);

#[derive(Clone, Debug)]
struct Call {
    activity: ActivityId,
    key: String,
    connector: ConnectorId,
    /// The agent whom the product keeps for it.
    kept: Option<AgentId>,
    result: CallResult,
    dialed: Timestamp,
    /// When it comes out, or a person answers.
    at: Timestamp,
}

#[derive(Clone, Debug)]
struct Desk {
    /// Talks, or wraps up, until then.
    busy_until: Option<Timestamp>,
    /// After the conversation.
    wraps_up: bool,
    /// What is to be told, oldest first.
    events: VecDeque<(Timestamp, AgentEvent)>,
    sequence: u64,
    /// Calls that are on their way with this agent kept for them.
    kept_for: usize,
    conversations: usize,
    gone: bool,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    desks: BTreeMap<AgentId, Desk>,
    wrong: Vec<String>,
}

/// The floor. Clones share their memory.
#[derive(Clone, Default)]
pub struct Floor(Arc<Mutex<State>>);

impl Floor {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen that must not be.
    pub fn wrong(&self) -> Vec<String> {
        self.state().wrong.clone()
    }

    /// Conversations that agents had.
    pub fn conversations(&self) -> usize {
        self.state().desks.values().map(|desk| desk.conversations).sum()
    }

    /// A call that the dialer has taken.
    pub fn dial(
        &self,
        world: &World,
        connector: &ConnectorId,
        request: &SendRequest,
        dice: impl Fn(&str) -> u64,
    ) {
        let kept = request
            .message
            .header
            .scheduling_meta_data
            .as_ref()
            .and_then(|data| data.get("assignTo")?.get("agentId")?.as_str())
            .and_then(|id| AgentId::parse(id).ok());
        let result = match dice("result") {
            0..300 => CallResult::NoAnswer,
            300..450 => CallResult::Busy,
            450..550 => CallResult::Machine,
            _ => CallResult::Answered,
        };
        let mut state = self.state();
        let State { calls, desks, wrong } = &mut *state;
        if let Some(agent) = &kept
            && let Some(desk) = desks.get_mut(agent)
        {
            desk.kept_for += 1;
            let is_kept =
                |call: &Call| call.kept.as_ref() == Some(agent) && world.now() < call.dialed + GIVEN_UP;
            if desk.kept_for > 1 && calls.iter().any(is_kept) {
                wrong.push(format!(
                    "{agent} is kept for two calls, one of them {}",
                    request.activity
                ));
            }
        }
        calls.push(Call {
            activity: request.activity.clone(),
            key: request.idempotency_key.clone(),
            connector: connector.clone(),
            kept,
            result,
            dialed: world.now(),
            at: world.now() + Millis::seconds(3) + Millis::new(dice("rings") * 15),
        });
    }

    /// Works until the floor is closed, which is when nothing is left to do and `is_over` says so.
    pub async fn work(
        &self,
        context: &Context,
        world: &World,
        providers: &Providers,
        is_over: impl AsyncFn() -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.come_to_work(world);
        loop {
            self.calls_come_out(world, providers);
            self.agents_go_on(world);
            self.tell(context, world).await;
            if self.is_quiet() && is_over().await.unwrap_or(false) {
                if self.is_closed() {
                    return Ok(());
                }
                self.go_home(world);
            }
            world.sleep(Millis::seconds(1)).await;
        }
    }

    fn is_quiet(&self) -> bool {
        let state = self.state();
        state.calls.is_empty()
            && state
                .desks
                .values()
                .all(|desk| desk.events.is_empty() && desk.busy_until.is_none())
    }

    fn is_closed(&self) -> bool {
        self.state().desks.values().all(|desk| desk.gone)
    }

    fn go_home(&self, world: &World) {
        for desk in self.state().desks.values_mut() {
            desk.gone = true;
            desk.events.push_back((world.now(), AgentEvent::LogOff));
        }
    }

    fn come_to_work(&self, world: &World) {
        let mut state = self.state();
        for n in 0..AGENTS {
            state.desks.entry(agent(n)).or_insert_with(|| Desk {
                busy_until: None,
                wraps_up: false,
                events: VecDeque::from([(world.now(), AgentEvent::LogOn), (world.now(), AgentEvent::Ready)]),
                sequence: 0,
                kept_for: 0,
                conversations: 0,
                gone: false,
            });
        }
    }

    fn calls_come_out(&self, world: &World, providers: &Providers) {
        let now = world.now();
        let due: Vec<Call> = {
            let mut state = self.state();
            let (due, rest) = std::mem::take(&mut state.calls)
                .into_iter()
                .partition(|call| call.at <= now);
            state.calls = rest;
            due
        };
        for call in due {
            self.comes_out(&call, now, world, providers);
        }
    }

    fn comes_out(&self, call: &Call, now: Timestamp, world: &World, providers: &Providers) {
        let mut state = self.state();
        if let Some(desk) = call.kept.as_ref().and_then(|agent| state.desks.get_mut(agent)) {
            desk.kept_for = desk.kept_for.saturating_sub(1);
        }
        let mut result = call.result;
        if result == CallResult::Answered {
            let fits = |id: &AgentId| call.kept.as_ref().is_none_or(|kept| kept == id);
            let free = state
                .desks
                .iter_mut()
                .find(|(id, desk)| fits(id) && desk.busy_until.is_none() && desk.kept_for == 0);
            match free {
                Some((_, desk)) => {
                    desk.busy_until =
                        Some(now + Millis::seconds(20) + Millis::new(world.pick(60_000) as u64));
                    desk.wraps_up = false;
                    desk.conversations += 1;
                    let activity = Some(call.activity.clone());
                    desk.events.push_back((now, AgentEvent::Busy { activity }));
                }
                None if now < call.at + PATIENCE => {
                    state.calls.push(call.clone());
                    return;
                }
                None => result = CallResult::Abandoned,
            }
        }
        drop(state);
        let status = if result == CallResult::Answered {
            DeliveryStatus::Connected
        } else {
            DeliveryStatus::Failed
        };
        let receipt = Inbound::Receipt {
            echo: None,
            provider_message_id: Some(format!("p-{}", call.key)),
            status,
            reason_code: Some(result.reason_code().to_owned()),
            opted_out: false,
            at: None,
        };
        let copies = 1 + usize::from(world.chance(300));
        for copy in 0..copies {
            providers.bring_back(Returning {
                at: now + Millis::new(copy as u64 * 3_000),
                connector: call.connector.clone(),
                inbound: receipt.clone(),
            });
        }
    }

    fn agents_go_on(&self, world: &World) {
        let now = world.now();
        for desk in self.state().desks.values_mut() {
            if desk.busy_until.is_none_or(|until| until > now) {
                continue;
            }
            if desk.wraps_up {
                desk.busy_until = None;
                desk.events.push_back((now, AgentEvent::Ready));
            } else {
                desk.wraps_up = true;
                desk.busy_until = Some(now + Millis::seconds(5));
                let left = Seconds::new(5.0).ok();
                desk.events.push_back((now, AgentEvent::WrapUp { left }));
            }
        }
    }

    /// Tells what agents do, each agent's in order; what is not taken is told again.
    async fn tell(&self, context: &Context, world: &World) {
        for n in 0..AGENTS {
            let id = agent(n);
            let next = {
                let state = self.state();
                let desk = state.desks.get(&id);
                desk.and_then(|desk| Some((desk.sequence + 1, desk.events.front()?.clone())))
            };
            let Some((sequence, (at, event))) = next else {
                continue;
            };
            let report = AgentReport { sequence, at, event };
            let told = agents::tell(context, &tenant(), &id, &report).await;
            if told.is_ok()
                && !world.chance(200)
                && let Some(desk) = self.state().desks.get_mut(&id)
            {
                desk.sequence = sequence;
                desk.events.pop_front();
            }
        }
    }
}
