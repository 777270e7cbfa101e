//! The programs of functions and workers on AWS. Each `main` is one call of a function here: it reads
//! the settings, makes the use cases' context, and answers invocations until the platform ends it.

#[cfg(feature = "poll")]
mod polling;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use application::context::Context;
use application::error::Error;
use aws_lambda_events::event::dynamodb::EventRecord;
use aws_lambda_events::event::sqs::SqsEvent;
use domain::time::{Millis, Timestamp};
use platform::changes::{Change, Consumer, ShardId};
use platform::queues::QueueName;
use platform_aws::changes::RecordError;
use tokio_util::sync::CancellationToken;

use crate::lambda::sqs::Bounds;
use crate::lambda::stream::StreamEvent;
use crate::lambda::{Invocation, end_in_order, serve, sqs, stream};
use crate::record::Message;
use crate::telemetry::{self, LogFormat};
use crate::wiring::{Ports, Wired};

/// Anything for which a program cannot start or go on: told on standard error, for its operators.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is logged where `RUST_LOG` does not say.
const LOGGED: &str = "info";
/// What a worker takes for arguments.
#[cfg(feature = "poll")]
const USAGE: &str = "the only argument is --poll: poll the queues instead of being invoked";
#[cfg(not(feature = "poll"))]
const USAGE: &str = "there are no arguments: this program was built without the feature `poll`";

/// A worker: which queues it serves, and how.
#[derive(Clone, Copy, Debug)]
pub struct Worker {
    /// Its queues, the most urgent first. As a function it is told by its trigger.
    pub queues: &'static [QueueName],
    /// Messages of one batch handled at once; as a process, messages of one queue.
    pub at_once: u32,
    /// How long one message may take.
    pub longest: Millis,
    /// What it works with.
    pub ports: Ports,
}

/// Runs a program to its end; its failure becomes a line and an exit code.
pub async fn run<F>(program: F) -> ExitCode
where
    F: Future<Output = Result<(), Failure>>,
{
    telemetry::init(LogFormat::Json, LOGGED);
    match program.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the program cannot go on");
            ExitCode::FAILURE
        }
    }
}

/// Runs a worker: as a Lambda function, or with `--poll` as a process that polls its queues until it is
/// told to stop, and then finishes what it has in hand.
pub async fn worker<H, F>(worker: Worker, handler: H) -> ExitCode
where
    H: Fn(Context, String) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    run(Box::pin(async {
        let wired = Wired::from_env(worker.ports).await?;
        match Form::asked()? {
            Form::Invoked => invoked(worker, &wired, handler).await,
            #[cfg(feature = "poll")]
            Form::Polling => polling::polling(worker, &wired, CancellationToken::new(), handler).await,
        }
    }))
    .await
}

/// Runs a worker that owns what a message names until it is told to stop: as a process, when the process
/// ends; as a function, after `longest`.
pub async fn owner<H, F>(worker: Worker, handler: H) -> ExitCode
where
    H: Fn(Context, String, CancellationToken) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    run(Box::pin(async {
        let wired = Wired::from_env(worker.ports).await?;
        match Form::asked()? {
            Form::Invoked => {
                let longest = worker.longest.duration();
                let owner = move |context, message| handler(context, message, stop_after(longest));
                invoked(worker, &wired, owner).await
            }
            #[cfg(feature = "poll")]
            Form::Polling => {
                let stop = CancellationToken::new();
                let told = stop.clone();
                let owner = move |context, message| handler(context, message, told.clone());
                polling::polling(worker, &wired, stop, owner).await
            }
        }
    }))
    .await
}

/// How a worker runs.
enum Form {
    /// As a function.
    Invoked,
    /// As a process of its own.
    #[cfg(feature = "poll")]
    Polling,
}

impl Form {
    /// What the arguments say.
    fn asked() -> Result<Self, Failure> {
        let mut arguments = std::env::args().skip(1);
        match (arguments.next().as_deref(), arguments.next()) {
            (None, _) => Ok(Self::Invoked),
            #[cfg(feature = "poll")]
            (Some("--poll"), None) => Ok(Self::Polling),
            _ => Err(USAGE.into()),
        }
    }
}

/// A token that is cancelled after a while.
fn stop_after(span: Duration) -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(span).await;
        told.cancel();
    });
    stop
}

async fn invoked<H, F>(worker: Worker, wired: &Wired, handler: H) -> Result<(), Failure>
where
    H: Fn(Context, String) -> F,
    F: Future<Output = Result<(), Error>>,
{
    let bounds = Bounds {
        at_once: usize::try_from(worker.at_once).unwrap_or(1),
        longest: worker.longest,
    };
    let (context, handler) = (&wired.context, &handler);
    end_in_order(wired.measures).await;
    serve(
        context.clock.clone(),
        wired.measures,
        async |event: SqsEvent, Invocation { now, deadline, trace }: Invocation| {
            let one =
                |Message {
                     body,
                     trace: sent_under,
                 }| { handler(context.traced(sent_under.or_else(|| trace.clone())), body) };
            Ok(sqs::batch(event, deadline, bounds, now, one).await)
        },
    )
    .await
}

/// Runs a consumer of the change stream as a Lambda function. Its handler takes a part of a batch, and is told when
/// the batch began.
pub async fn consumer<H, F>(consumer: Consumer, ports: Ports, handler: H) -> ExitCode
where
    H: Fn(Context, ShardId, Vec<Change>, Timestamp) -> F,
    F: Future<Output = Result<(), Error>>,
{
    run(Box::pin(async {
        let wired = Wired::from_env(ports).await?;
        let (context, handler) = (&wired.context, &handler);
        end_in_order(wired.measures).await;
        serve(
            context.clock.clone(),
            wired.measures,
            async |event: StreamEvent, Invocation { now, deadline, trace }: Invocation| {
                let context = context.traced(trace);
                let shard = wired.shard_of(consumer, &event)?;
                let some = |shard, changes| handler(context.clone(), shard, changes, now);
                Ok(stream::batch(event, consumer, shard, deadline, announced, some).await)
            },
        )
        .await
    }))
    .await
}

/// The change that a record tells, if anybody is to see it. Where the event source mapping filters, what
/// nobody is to see does not come.
fn announced(record: EventRecord) -> Result<Option<Change>, String> {
    match platform_aws::changes::change(record) {
        Ok(change) => Ok(Some(change)),
        Err(RecordError::NotAnnounced) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
