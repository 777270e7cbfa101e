//! A worker as a process of its own, which polls its queues until it is told to stop.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use application::context::Context;
use application::error::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Failure, Worker};
use crate::lambda::Measures;
use crate::poll;
use crate::record::Message;
use crate::wiring::Wired;

/// Time between two writings of what a polling process measured.
const WRITTEN_EVERY: Duration = Duration::from_secs(1);
/// Messages after which a polling process writes what it measured: between two writings no measure
/// may hold more than 100 values.
const WRITTEN_AFTER: u32 = 50;

/// Polls, and finishes what is in hand once it is told to stop, of which it tells by `stop`.
pub(super) async fn polling<H, F>(
    worker: Worker,
    wired: &Wired,
    stop: CancellationToken,
    handler: H,
) -> Result<(), Failure>
where
    H: Fn(Context, String) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut loops = JoinSet::new();
    for queue in worker.queues {
        let (context, handler, measures) = (wired.context.clone(), handler.clone(), wired.measures);
        let handled = Arc::new(AtomicU32::new(0));
        let one = move |Message { body, trace }| {
            let (work, handled) = (handler(context.traced(trace), body), handled.clone());
            async move {
                let outcome = work.await;
                if handled.fetch_add(1, Ordering::Relaxed) % WRITTEN_AFTER == WRITTEN_AFTER - 1 {
                    measures.write();
                }
                outcome
            }
        };
        let (queues, hold) = (wired.context.queues.clone(), wired.hold.clone());
        loops.spawn(poll::held(
            queues,
            hold,
            *queue,
            worker.at_once,
            stop.clone(),
            one,
        ));
    }
    let writing = write_now_and_then(wired.measures);
    tokio::select! {
        ended = signalled() => ended?,
        () = writing => {}
    }
    tracing::info!("stopping; what is in hand is finished first");
    stop.cancel();
    while loops.join_next().await.is_some() {}
    wired.measures.write();
    Ok(())
}

async fn write_now_and_then(measures: Measures) {
    loop {
        tokio::time::sleep(WRITTEN_EVERY).await;
        measures.write();
    }
}

/// Waits for SIGTERM or Ctrl-C.
async fn signalled() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}
