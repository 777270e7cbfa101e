//! `campaigns demo`: the main job from contact list to report, on simulated providers. Everything goes
//! over the HTTP API, as any other system would do it.

mod checks;
mod hours;
mod live;
mod receiver;
mod recount;
mod report;
mod setup;
mod world;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use console::style;
use domain::channel::Channel;
use indicatif::HumanCount;
use runtime::telemetry::{self, LogFormat};

use self::checks::Evidence;
use self::live::{Moment, View};
use self::recount::Recount;
use self::setup::{Campaign, Imported};
use self::world::{Place, World};
use super::serve::signalled;
use crate::client::ApiError;
use crate::failure::Failure;
use crate::output::noun;

/// The channels, in the order of the flow.
const CHANNELS: [Channel; 3] = [Channel::Whatsapp, Channel::Sms, Channel::Email];
/// Most messages of a person in a day.
const CAP_MAX: u32 = 2;
/// Between two looks at the campaign.
const LOOK: Duration = Duration::from_millis(250);
/// After this time the demo reports what stands, finished or not.
const PATIENCE: Duration = Duration::from_secs(150);
/// How long history, counters and webhooks may take to catch up in the end.
const CATCH_UP: Duration = Duration::from_secs(30);

#[derive(Args)]
pub(crate) struct Demo {
    /// Where the data is kept; a temporary directory, removed at the end, if absent.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep serving after the report, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// How many rows the contact file has.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    contacts: u32,
    /// Makes up other contacts, and other luck with the providers.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The address to listen on; a free port of this machine if absent.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// What the contact file is made from.
#[derive(Clone, Copy)]
struct Options {
    contacts: usize,
    seed: u64,
}

impl Demo {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        // Lost answers and busy providers are part of the play; only what is really wrong is told.
        telemetry::init(LogFormat::Text, "error");
        let options = Options {
            contacts: usize::try_from(self.contacts).unwrap_or(0),
            seed: self.seed,
        };
        let begun = Instant::now();
        let world = World::start(Place::of(self.data)?, self.listen, options.seed).await?;
        let played = tokio::select! {
            played = play(&world, options, begun) => played,
            () = signalled() => Err(Failure::Told("the demo was ended before it was over".to_owned())),
        };
        if let (true, Ok(campaign)) = (self.keep, &played) {
            invite(&world, &campaign.0.id);
            signalled().await;
        }
        eprintln!();
        world.stop().await;
        match played?.1 {
            0 => Ok(()),
            1 => Err(Failure::Told("a promise was not kept".to_owned())),
            broken => Err(Failure::Told(format!("{broken} promises were not kept"))),
        }
    }
}

/// Plays the whole campaign, and tells how many promises were broken.
async fn play(world: &World, options: Options, begun: Instant) -> Result<(Campaign, usize), Failure> {
    let client = &world.client;
    eprintln!(
        "\n{}\n",
        style("Outbound Campaigns: a campaign on three channels, from contact list to report")
            .for_stderr()
            .bold()
    );
    step(format!(
        "engine and API at {}, data in {}",
        client.url("/v1"),
        world.data
    ));
    setup::clear(client).await?;
    setup::connect(world).await?;
    step("WhatsApp, SMS and e-mail connected to a provider simulator".to_owned());
    let imported = setup::import_contacts(client, options).await?;
    let rows = imported.rows;
    step(format!(
        "{} imported: {}, {}, {} rejected",
        counted(options.contacts, "row", "rows"),
        counted(rows.accepted, "contact", "contacts"),
        counted(rows.duplicates, "duplicate", "duplicates"),
        count(rows.rejected)
    ));
    let barred = setup::bar(client, &imported.contacts).await?;
    step(format!(
        "{} put on the do-not-contact list",
        counted(barred, "contact", "contacts")
    ));
    let choice = setup::choose_hours(&imported.contacts, world.engine.context.now());
    step(format!(
        "calling hours {}: now open for {:.0} % of the contacts",
        choice.hours,
        100.0 * hours::ratio(choice.open, choice.open + choice.closed)
    ));
    let campaign = setup::publish(world, &imported.list, choice).await?;
    step(format!(
        "\"{}\" published: WhatsApp; unread after 4 s, SMS; failed, e-mail",
        setup::NAME
    ));
    watch(world, &campaign, &imported).await?;
    let broken = conclude(world, options, &imported, &campaign, begun).await?;
    Ok((campaign, broken))
}

fn step(text: String) {
    eprintln!("  {} {text}", style("✓").for_stderr().green());
}

fn count(count: usize) -> HumanCount {
    HumanCount(count as u64)
}

/// So many of something.
fn counted(number: usize, one: &'static str, many: &'static str) -> String {
    format!("{} {}", count(number), noun(number, one, many))
}

/// A channel's name for people.
fn label(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "SMS",
        Channel::Whatsapp => "WhatsApp",
        Channel::Email => "E-mail",
        Channel::Voice => "Voice",
    }
}

/// Shows the campaign until every conversation has ended or waits for a moment beyond the demo.
async fn watch(world: &World, campaign: &Campaign, imported: &Imported) -> Result<(), Failure> {
    let (client, receiver) = (&world.client, &world.receiver);
    let mut view = View::start();
    let begun = Instant::now();
    loop {
        let progress = recount::progress(client, &campaign.id).await?;
        let received = receiver.kinds();
        view.show(&Moment {
            progress: &progress,
            contacts: imported.contacts.len(),
            sent: received.get("activity.sent").copied().unwrap_or(0),
            webhooks: receiver.events(),
            lateness: receiver.lateness(),
        });
        let all_started =
            usize::try_from(progress.started()).is_ok_and(|started| started >= imported.contacts.len());
        let over = all_started
            && progress.running() == progress.waiting()
            && settled(world, campaign, &progress).await?;
        if over || begun.elapsed() > PATIENCE {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    view.end();
    Ok(())
}

/// Whether every activity that waits is put off beyond the demo, and nothing is on its way back.
async fn settled(world: &World, campaign: &Campaign, progress: &recount::Progress) -> Result<bool, ApiError> {
    if world.simulator.stats().reports_pending > 0 {
        return Ok(false);
    }
    let waiting = recount::waiting(&world.client, &campaign.id).await?;
    let now = world.engine.context.now();
    let all_counted = i64::try_from(waiting.len()).is_ok_and(|waiting| waiting == progress.waiting());
    Ok(all_counted && waiting.iter().all(|activity| activity.is_put_off(now)))
}

/// Counts everything again, once what follows the activities has caught up, and reports. Tells how
/// many promises were broken.
async fn conclude(
    world: &World,
    options: Options,
    imported: &Imported,
    campaign: &Campaign,
    begun: Instant,
) -> Result<usize, Failure> {
    let client = &world.client;
    let since = Instant::now();
    let recount = loop {
        let recount = Recount::read(client, &campaign.id).await?;
        let caught_up = recount.progress == recount.counted() && world.receiver.kinds() == recount.told();
        if caught_up || since.elapsed() > CATCH_UP {
            break recount;
        }
        tokio::time::sleep(LOOK).await;
    };
    let customers: BTreeSet<&str> = imported
        .contacts
        .iter()
        .map(|contact| &*contact.customer_id)
        .collect();
    let history = recount::history(client, &customers).await?;
    let evidence = Evidence {
        now: world.engine.context.now(),
        rows: options.contacts,
        imported,
        campaign,
        recount: &recount,
        history: &history,
        barred: &recount::barred(client).await?,
        received: &world.receiver.received(),
        simulator: &world.simulator,
    };
    let checks = checks::all(&evidence);
    report::print(&evidence, &checks, begun.elapsed());
    Ok(checks.iter().filter(|check| check.against.is_some()).count())
}

/// Says how to look around, with a server that goes on.
fn invite(world: &World, campaign: &str) {
    let url = |path: &str| world.client.url(path);
    println!(
        "\nServing until Ctrl-C.\n\n  API            {}\n  Documentation  {}\n",
        url("/v1"),
        url("/docs")
    );
    println!("  export KEY={}\n", world.key);
    println!("Try:\n");
    for path in [
        format!("/v1/campaigns/{campaign}/progress"),
        format!("/v1/scheduled-activities?campaignId={campaign}&state=REPLIED&limit=2"),
        format!("/v1/campaigns/{campaign}/conversations?limit=1"),
    ] {
        println!("  curl -sH \"Authorization: Bearer $KEY\" '{}'", url(&path));
    }
}
