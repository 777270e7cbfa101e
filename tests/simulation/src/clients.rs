//! The clients: they schedule, change, cancel and read as integrators and administrators do, repeat
//! what was not answered, and remember what they were promised.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use application::activities::{self, NewActivity};
use application::agents::{self, AgentDefinition};
use application::context::Context;
use application::error::Error;
use application::skill_groups::{self, SkillGroupDefinition};
use application::{campaigns, connectors, contact_lists, do_not_contact, history, imports};
use compliance::Channels;
use compliance::do_not_contact::{Entry, Subject};
use domain::activity::state::State;
use domain::activity::{CancelReason, Plan, Priority, Revision};
use domain::address::Address;
use domain::campaign::CampaignAction;
use domain::channel::Channel;
use domain::cim::Body;
use domain::id::{ActivityId, CustomerId, ImportId};
use domain::time::{Millis, Timestamp};
use domain::voice::{Dialing, DialingMode, Pool};
use futures::StreamExt;
use platform_memory::World;

use crate::floor;
use crate::provider::Providers;
use crate::scenario::{
    campaign, connectors as configs, contact_list, csv, definition, number, pacing, skill_group, start,
    tenant,
};

/// What clients were promised.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    /// Activities whose creation was answered.
    pub scheduled: BTreeSet<ActivityId>,
    /// Activities whose cancellation was answered.
    pub cancelled: BTreeSet<ActivityId>,
    /// When the campaign was stopped, if it was, and the instant after which nothing more leaves.
    pub stopped: Option<(Timestamp, Timestamp)>,
    /// The import's counts.
    pub imported: Option<imports::RowCounts>,
    /// Whether the set-up was done.
    pub ready: bool,
}

/// Shared by all clients of a run.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Promises>>);

impl Memory {
    /// Everything promised so far.
    pub fn promises(&self) -> Promises {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: impl FnOnce(&mut Promises)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Repeats a call until it is answered for good.
async fn insist<T>(world: &World, mut call: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
    loop {
        match call().await {
            Err(Error::Busy { .. } | Error::Platform(_)) => world.sleep(Millis::seconds(2)).await,
            answer => return answer,
        }
    }
}

/// What a client does, one task each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Configures, imports and publishes.
    SetUp,
    /// Schedules one activity, and perhaps changes or cancels it.
    Activity(usize),
    /// Schedules a call through an agent, in one of the modes that need no desktop.
    Call(usize),
    /// The contact centre: the agents' routing engine, and the dialer.
    Floor,
    /// Puts a person on the do-not-contact list.
    Bar(usize),
    /// Pauses the campaign and resumes it.
    Pause,
    /// Stops the campaign.
    Stop,
    /// Looks at progress and history now and then.
    Watch,
}

/// Does an errand. It may die on the way, and is then done again from its beginning.
pub async fn run(errand: Errand, context: Context, world: World, memory: Memory, providers: Providers) {
    let done = match errand {
        Errand::SetUp => set_up(&context, &world, &memory).await,
        Errand::Activity(n) => activity(&context, &world, &memory, n).await,
        Errand::Call(n) => call(&context, &world, &memory, n).await,
        Errand::Floor => floor(&context, &world, &memory, &providers).await,
        Errand::Bar(n) => bar(&context, &world, n).await,
        Errand::Pause => pause(&context, &world, &memory).await,
        Errand::Stop => stop(&context, &world, &memory).await,
        Errand::Watch => watch(&context, &world).await,
    };
    if let Err(error) = done {
        world.complain(format!("{errand:?}: {error:?}"));
    }
}

async fn set_up(context: &Context, world: &World, memory: &Memory) -> Result<(), Error> {
    let (tenant, list) = (tenant(), contact_list());
    for config in configs() {
        let put = async || {
            let name = config.id.to_string();
            connectors::put(context, &tenant, name, config.clone(), BTreeMap::new(), None).await
        };
        insist(world, put).await?;
    }
    set_up_floor(context, world).await?;
    insist(world, async || {
        contact_lists::create(context, &tenant, list.clone(), "Customers").await
    })
    .await?;
    let import = ImportId::parse("first").expect("a valid id");
    insist(world, async || {
        imports::create(context, &tenant, &list, import.clone()).await
    })
    .await?;
    let upload = async || {
        let bytes = futures::stream::iter([Ok(csv().into_bytes().into())]).boxed();
        match imports::upload(context, &tenant, &list, &import, bytes).await {
            Err(Error::Conflict { .. }) => Ok(()),
            answer => answer.map(|_| ()),
        }
    };
    insist(world, upload).await?;
    loop {
        let stored = insist(world, async || {
            imports::get(context, &tenant, &list, &import).await
        })
        .await?;
        if stored.value.state == imports::ImportState::Done {
            memory.note(|promises| promises.imported = Some(stored.value.rows));
            break;
        }
        world.sleep(Millis::seconds(5)).await;
    }
    insist(world, async || {
        campaigns::create(context, &tenant, campaign(), definition()).await
    })
    .await?;
    insist(world, async || act(context, CampaignAction::Publish).await).await?;
    memory.note(|promises| promises.ready = true);
    Ok(())
}

async fn set_up_floor(context: &Context, world: &World) -> Result<(), Error> {
    let (tenant, group) = (tenant(), skill_group());
    let definition = SkillGroupDefinition {
        name: "Sales".into(),
        pacing: Some(pacing()),
    };
    insist(world, async || {
        skill_groups::define(context, &tenant, &group, None, &definition).await
    })
    .await?;
    let agent = AgentDefinition {
        name: "Ada".into(),
        skill_groups: BTreeSet::from([group.clone()]),
    };
    for n in 0..floor::AGENTS {
        insist(world, async || {
            agents::define(context, &tenant, &floor::agent(n), None, &agent).await
        })
        .await?;
    }
    Ok(())
}

/// Calls of the skill group.
pub const CALLS: usize = 10;

fn call_id(n: usize) -> ActivityId {
    ActivityId::derive(Timestamp::default(), &["call", &n.to_string()])
}

async fn call(context: &Context, world: &World, memory: &Memory, n: usize) -> Result<(), Error> {
    let tenant = tenant();
    while !memory.promises().ready {
        world.sleep(Millis::seconds(5)).await;
    }
    let to = Address::parse(Channel::Voice, &number(500 + n)).expect("a valid number");
    let due_at = context.now() + Millis::new(world.pick(300_000) as u64);
    let mode = if n.is_multiple_of(2) {
        DialingMode::Progressive
    } else {
        DialingMode::Predictive
    };
    let plan = Plan {
        channel: Channel::Voice,
        service_identifier: None,
        customer: activities::customer_of(&tenant, &to),
        to,
        campaign: None,
        step: None,
        due_at,
        expires_at: Some(due_at + Millis::hours(8)),
        message: Body::parse(serde_json::json!({
            "type": "VOICE", "abandonedMessage": "This was Example Ltd. Press 9, and we call you no more.",
        }))
        .expect("a body"),
        dialing: Some(Dialing::Agent {
            mode,
            pool: Pool::SkillGroup(skill_group().to_string()),
        }),
        assign_to: None,
        priority: Priority::Normal,
        callback_url: None,
        metadata: BTreeMap::new(),
    };
    let origin = format!("call-{n}");
    let schedule = async || {
        let new = NewActivity {
            id: call_id(n),
            plan: plan.clone(),
        };
        activities::schedule(context, &tenant, new, &origin).await
    };
    let scheduled = insist(world, schedule).await?;
    memory.note(|promises| {
        promises.scheduled.insert(scheduled.value.id);
    });
    Ok(())
}

async fn floor(
    context: &Context,
    world: &World,
    memory: &Memory,
    providers: &Providers,
) -> Result<(), Error> {
    while !memory.promises().ready {
        world.sleep(Millis::seconds(5)).await;
    }
    let all_over = async || {
        for n in 0..CALLS {
            match activities::get(context, &tenant(), &call_id(n)).await {
                Ok(stored) if !stored.value.state.is_open() && stored.value.state != State::Sent => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    };
    providers.floor.work(context, world, providers, all_over).await
}

async fn act(context: &Context, action: CampaignAction) -> Result<campaigns::ChangeState, Error> {
    campaigns::act(context, &tenant(), &campaign(), None, action).await
}

/// From this number on, clients schedule for one person and one instant.
const RUSH_FROM: usize = 18;

/// The caller's own name for some persons; the campaign knows the same numbers by others.
fn named(person: usize) -> Option<CustomerId> {
    person
        .is_multiple_of(2)
        .then(|| CustomerId::parse(&format!("cus_{person}")).expect("a valid id"))
}

/// When this client schedules, what, and whether it has second thoughts: decided by its number.
async fn activity(context: &Context, world: &World, memory: &Memory, n: usize) -> Result<(), Error> {
    let tenant = tenant();
    world.sleep(Millis::new(world.pick(600_000) as u64)).await;
    let now = context.now();
    // The last few are due for one person at one instant: they compete for what the cap leaves.
    let rush = n >= RUSH_FROM;
    let person = if rush { 3 } else { n % 6 };
    let channel = if n.is_multiple_of(2) {
        Channel::Sms
    } else {
        Channel::Whatsapp
    };
    let to = Address::parse(channel, &number(person)).expect("a valid number");
    let due_at = if rush {
        start() + Millis::minutes(13)
    } else {
        now + Millis::new(world.pick(400_000) as u64)
    };
    let plan = Plan {
        channel,
        service_identifier: None,
        customer: named(person).unwrap_or_else(|| activities::customer_of(&tenant, &to)),
        to,
        campaign: None,
        step: None,
        due_at,
        expires_at: (n.is_multiple_of(5) && !rush).then(|| due_at + Millis::seconds(30)),
        message: Body::plain("Reminder"),
        dialing: None,
        assign_to: None,
        priority: if n.is_multiple_of(4) {
            Priority::High
        } else {
            Priority::Normal
        },
        callback_url: None,
        metadata: BTreeMap::from([("n".to_owned(), n.to_string())]),
    };
    let id = ActivityId::derive(Timestamp::default(), &["client", &n.to_string()]);
    let origin = format!("client-{n}");
    let schedule = async || {
        let new = NewActivity {
            id: id.clone(),
            plan: plan.clone(),
        };
        activities::schedule(context, &tenant, new, &origin).await
    };
    match insist(world, schedule).await {
        // Nobody answered until it had expired: it was not promised.
        Err(Error::Invalid(_)) if plan.expires_at.is_some_and(|at| at <= context.now()) => return Ok(()),
        answer => answer?,
    };
    memory.note(|promises| {
        promises.scheduled.insert(id.clone());
    });
    world.sleep(Millis::new(world.pick(300_000) as u64)).await;
    match n % 3 {
        0 => {
            let due_at = context.now() + Millis::new(world.pick(300_000) as u64);
            let revision = Revision {
                due_at: Some(due_at),
                expires_at: Some(None),
                ..Revision::default()
            };
            let revise = async || activities::revise(context, &tenant, &id, None, revision.clone()).await;
            too_late_is_fine(insist(world, revise).await)?;
        }
        1 => {
            let cancel =
                async || activities::cancel(context, &tenant, &id, None, CancelReason::Requested).await;
            let answer = insist(world, cancel).await;
            if answer.is_ok() {
                memory.note(|promises| {
                    promises.cancelled.insert(id.clone());
                });
            }
            too_late_is_fine(answer)?;
        }
        _ => {}
    }
    Ok(())
}

fn too_late_is_fine<T>(answer: Result<T, Error>) -> Result<(), Error> {
    match answer {
        Ok(_) | Err(Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn bar(context: &Context, world: &World, n: usize) -> Result<(), Error> {
    world
        .sleep(Millis::new(60_000 + world.pick(500_000) as u64))
        .await;
    let entry = Entry {
        subject: Subject::Address(Address::parse(Channel::Sms, &number(n)).expect("a valid number")),
        channels: Channels::All,
        reason: "asked".into(),
        source: "simulation".into(),
        at: context.now(),
        expires: None,
    };
    insist(world, async || {
        do_not_contact::enter(context, &tenant(), entry.clone()).await
    })
    .await?;
    Ok(())
}

async fn pause(context: &Context, world: &World, memory: &Memory) -> Result<(), Error> {
    while !memory.promises().ready {
        world.sleep(Millis::seconds(5)).await;
    }
    world.sleep(Millis::new(world.pick(120_000) as u64)).await;
    too_late_is_fine(insist(world, async || act(context, CampaignAction::Pause).await).await)?;
    world
        .sleep(Millis::new(60_000 + world.pick(240_000) as u64))
        .await;
    too_late_is_fine(insist(world, async || act(context, CampaignAction::Resume).await).await)
}

async fn stop(context: &Context, world: &World, memory: &Memory) -> Result<(), Error> {
    while !memory.promises().ready {
        world.sleep(Millis::seconds(5)).await;
    }
    world
        .sleep(Millis::new(30_000 + world.pick(400_000) as u64))
        .await;
    let answer = insist(world, async || act(context, CampaignAction::Stop).await).await?;
    if let Some(quiet_after) = answer.quiet_after {
        memory.note(|promises| {
            promises.stopped.get_or_insert((context.now(), quiet_after));
        });
    }
    Ok(())
}

async fn watch(context: &Context, world: &World) -> Result<(), Error> {
    let person = Address::parse(Channel::Sms, &number(1)).expect("a valid number");
    let customer = activities::customer_of(&tenant(), &person);
    for _ in 0..30 {
        world.sleep(Millis::new(world.pick(60_000) as u64)).await;
        insist(world, async || {
            history::progress(context, &tenant(), Some(&campaign())).await
        })
        .await?;
        insist(world, async || {
            history::customer_history(context, &tenant(), &customer, None, 5).await
        })
        .await?;
    }
    Ok(())
}
