//! The sweep: fired by a schedule, hands over what comes due to the queues.

mod portion;

pub use portion::{NoPortion, Portion};

use application::context::Context;
use application::error::Error;
use application::measures;
use application::sweep::{From, Swept, sweep};
use futures::StreamExt;
use futures::stream;

/// Shards swept at once.
const AT_ONCE: usize = 4;

/// Sweeps all shards of the due index.
pub async fn handle(context: &Context, from: From) -> Result<Swept, Error> {
    handle_portion(context, Portion::ALL, from).await
}

/// Sweeps a portion of the due index. A shard that fails does not keep the others from being swept; its
/// error is told when they are done.
pub async fn handle_portion(context: &Context, portion: Portion, from: From) -> Result<Swept, Error> {
    let began = context.now();
    let swept: Vec<_> = stream::iter(portion.shards())
        .map(|shard| sweep(context, shard, from))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut sum = Swept::default();
    let mut failed = None;
    for result in swept {
        match result {
            Ok(one) => {
                sum.handed_over += one.handed_over;
                sum.strays += one.strays;
            }
            Err(error) => failed = Some(error),
        }
    }
    measures::swept(context.now().since(began), sum.handed_over, sum.strays);
    failed.map_or(Ok(sum), Err)
}
