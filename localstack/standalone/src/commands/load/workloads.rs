//! The workloads.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::time::Millis;
use futures::future::try_join_all;
use serde_json::{Value, json};

use super::create::{BATCH, create, one};
use super::desk::{Desk, now};
use super::receiver::Receiver;
use super::report::{Counts, Report, per_second};
use super::usage::{memory_now_mb, rounded};
use super::{recount, told};
use crate::failure::Failure;

/// Where and how much.
#[derive(Clone, Copy)]
pub(super) struct Size<'a> {
    pub(super) data: &'a Path,
    pub(super) count: Option<u32>,
    pub(super) rate: u32,
}

/// Whether all stand in one state.
fn all_in(state: &'static str, count: u32) -> impl Fn(&Counts) -> bool {
    move |counts| counts.get(state).copied() == Some(u64::from(count))
}

/// Everything due within one second.
pub(super) async fn burst(size: Size<'_>) -> Result<Report, Failure> {
    let count = size.count.unwrap_or(20_000);
    let mut report = Report {
        workload: "burst",
        activities: count,
        ..Report::default()
    };
    let desk = Desk::open(size.data, report.workload, 0.0, count).await?;
    // So far ahead that the last is scheduled before the first comes due.
    let lead = Millis::new(3_000 + u64::from(count) / 4);
    let (due, begun) = (now() + lead, Instant::now());
    let due_at = |number| due + Millis::new(u64::from(number) * 1_000 / u64::from(count));
    let all = create(&desk.server.api, &desk.campaign, 0..count, due_at).await?;
    report.creates_per_second = per_second(count, begun.elapsed().as_secs_f64());
    if now() > due {
        return Err(told(
            "the activities came due before all were scheduled: the machine is too slow for this count",
        ));
    }
    let first_due = begun + lead.duration();
    let caught_up = desk.caught_up(all_in("SENT", count)).await?;
    report.seconds = rounded((caught_up - first_due).as_secs_f64());
    report.dispatches_per_second = per_second(count, report.seconds);
    recount::lateness(&mut report, &desk, &all).await?;
    desk.close(&mut report, "SENT").await?;
    Ok(report)
}

/// So many per second, each due a moment after it is scheduled.
pub(super) async fn steady(size: Size<'_>) -> Result<Report, Failure> {
    const AHEAD: Millis = Millis::seconds(2);
    const SECONDS: u32 = 30;
    const BATCHES_PER_SECOND: u32 = 10;
    let rate = size.rate.min(BATCH * BATCHES_PER_SECOND);
    let count = size.count.unwrap_or(rate * SECONDS);
    let mut report = Report {
        workload: "steady",
        activities: count,
        ..Report::default()
    };
    let desk = Desk::open(size.data, report.workload, 0.0, count).await?;
    let (start, begun) = (now(), Instant::now());
    let due_at = move |number| start + AHEAD + Millis::new(u64::from(number) * 1_000 / u64::from(rate));
    // A batch leaves at its time, whatever became of those before it.
    let per_batch = (rate / BATCHES_PER_SECOND).max(1);
    let batches = (0..count).step_by(per_batch as usize).map(|first| {
        let numbers = first..count.min(first + per_batch);
        let leaves = begun + Duration::from_secs_f64(f64::from(first) / f64::from(rate));
        let (api, campaign) = (&desk.server.api, desk.campaign.as_str());
        async move {
            tokio::time::sleep_until(leaves.into()).await;
            one(api, campaign, numbers, due_at).await
        }
    });
    let all: Vec<_> = try_join_all(batches).await?.into_iter().flatten().collect();
    report.creates_per_second = per_second(count, begun.elapsed().as_secs_f64());
    let caught_up = desk.caught_up(all_in("SENT", count)).await?;
    report.seconds = rounded((caught_up - begun).as_secs_f64());
    report.dispatches_per_second = per_second(count, report.seconds);
    recount::lateness(&mut report, &desk, &all).await?;
    desk.close(&mut report, "SENT").await?;
    Ok(report)
}

/// Created, sent, delivered, read, entered into history and told to a webhook.
pub(super) async fn lifecycle(size: Size<'_>) -> Result<Report, Failure> {
    const TOLD: [&str; 3] = ["activity.sent", "activity.delivered", "activity.read"];
    let count = size.count.unwrap_or(5_000);
    let mut report = Report {
        workload: "lifecycle",
        activities: count,
        ..Report::default()
    };
    let desk = Desk::open(size.data, report.workload, 1.0, count).await?;
    let receiver = Receiver::start().await?;
    let webhook = json!({"url": receiver.url, "eventTypes": TOLD});
    let _: Value = desk.server.api.post("/v1/webhooks", &webhook).await?;
    // Until every loop of the server knows the webhook.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (begun, due) = (Instant::now(), now());
    let all = create(&desk.server.api, &desk.campaign, 0..count, |_| due).await?;
    report.creates_per_second = per_second(count, begun.elapsed().as_secs_f64());
    let caught_up = desk.caught_up(all_in("READ", count)).await?;
    let told = recount::told(&desk, &TOLD).await?;
    let last_told = receiver.wait_for(&told).await?;
    report.seconds = rounded((caught_up.max(last_told) - begun).as_secs_f64());
    report.life_cycles_per_second = per_second(count, report.seconds);
    report.counts.insert("told", told);
    recount::lateness(&mut report, &desk, &all).await?;
    report.counts.insert("webhook", receiver.by_type());
    report
        .further
        .insert("webhooksRepeated".to_owned(), json!(receiver.again()));
    desk.close(&mut report, "READ").await?;
    Ok(report)
}

/// Everything due in the day that follows an hour from now: it only has to lie there.
pub(super) async fn ahead(size: Size<'_>) -> Result<Report, Failure> {
    const STEPS: u32 = 10;
    let count = size.count.unwrap_or(1_000_000).max(STEPS);
    let mut report = Report {
        workload: "ahead",
        activities: count,
        ..Report::default()
    };
    let desk = Desk::open(size.data, report.workload, 0.0, 0).await?;
    let before = sweeps(&desk).await?;
    let (start, mut creating, mut memory) = (now() + Millis::hours(1), 0.0, Vec::new());
    // In no order, as people schedule: neighbours in time are created far apart.
    let place = |number: u32| u64::from(number) * 7_919 % u64::from(count);
    let due_at = |number| start + Millis::new(place(number) * 86_400_000 / u64::from(count));
    let begun = Instant::now();
    for step in 0..STEPS {
        let numbers = count / STEPS * step..if step + 1 == STEPS {
            count
        } else {
            count / STEPS * (step + 1)
        };
        let (end, began) = (numbers.end, Instant::now());
        create(&desk.server.api, &desk.campaign, numbers, due_at).await?;
        creating += began.elapsed().as_secs_f64();
        memory.push(memory_now_mb(desk.server.process()));
        eprintln!("  {end} scheduled after {:.1} s", begun.elapsed().as_secs_f64());
    }
    report.creates_per_second = per_second(count, creating);
    let caught_up = desk.caught_up(all_in("SCHEDULED", count)).await?;
    report.seconds = rounded((caught_up - begun).as_secs_f64());
    let after = sweeps(&desk).await?;
    report.further.insert("serverMemoryMb".to_owned(), json!(memory));
    report
        .further
        .insert("sweepMicrosBefore".to_owned(), json!(before));
    report.further.insert("sweepMicrosAfter".to_owned(), json!(after));
    desk.close(&mut report, "SCHEDULED").await?;
    Ok(report)
}

/// How long the next sweeps take, in microseconds, in the median.
async fn sweeps(desk: &Desk) -> Result<u64, Failure> {
    const SWEEPS: usize = 3;
    let begun = desk.server.log().sweeps.len();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let log = desk.server.log();
        let mut seen = log.sweeps.get(begun..).unwrap_or_default().to_vec();
        if seen.len() >= SWEEPS {
            seen.sort_unstable();
            return Ok(seen.get(seen.len() / 2).copied().unwrap_or_default());
        }
        if Instant::now() > deadline {
            return Err(told("the server does not sweep"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
