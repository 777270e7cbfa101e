//! What a million activities cost on AWS: `cargo run --release -p cost`.
//!
//! The real use cases run on the memory platform, invoked as AWS would invoke them. Between them and
//! the platform stands a meter that counts as AWS bills; list prices are data, in `prices.json`.

mod client;
mod counted;
mod drive;
mod meter;
mod prices;
mod provider;
mod recount;
mod report;
mod scenario;
mod size;
mod why;

use std::process::ExitCode;

use clap::Parser;
use domain::time::Millis;

use drive::{Load, run};
use platform::changes::Consumer;
use prices::{LARGER, MEMORY_MB, Prices, TABLE_CALL_SECONDS, WEB_CALL_SECONDS};
use provider::MessageIds;
use report::Report;
use runtime::part::together;
use scenario::Origin;

/// Counts what activities cost on AWS.
#[derive(Parser)]
struct Arguments {
    /// How many activities.
    #[arg(long, default_value_t = 2_000)]
    activities: u32,
    /// How many come due each second: what batches hold depends on it.
    #[arg(long, default_value_t = 10)]
    per_second: u32,
    /// How long the event sources of queues gather messages, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    queue_window: u64,
    /// How long the event source of the webhooks function gathers changes, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    webhooks_window: u64,
    /// How long the event source of the history function gathers changes, in milliseconds.
    #[arg(long, default_value_t = 10_000)]
    history_window: u64,
    /// Most changes of one shard at once.
    #[arg(long, default_value_t = 500)]
    stream_batch: usize,
    /// The provider's callbacks name messages by ids of its own, which have to be kept; else, like Expertflow's
    /// connectors, it names them by ours.
    #[arg(long)]
    provider_ids: bool,
}

impl Arguments {
    fn load(&self) -> Load {
        Load {
            activities: usize::try_from(self.activities).unwrap_or(usize::MAX),
            per_second: self.per_second,
            queue_window: Millis::new(self.queue_window),
            webhooks_window: Millis::new(self.webhooks_window),
            history_window: Millis::new(self.history_window),
            stream_batch: self.stream_batch,
            ids: if self.provider_ids {
                MessageIds::Given
            } else {
                MessageIds::None
            },
        }
    }
}

fn main() -> ExitCode {
    match account(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn account(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let prices = Prices::listed()?;
    // The API limits how long a request takes by this runtime's clock.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let _entered = runtime.enter();
    println!("# What an activity costs on AWS\n\n{}", head(arguments, &prices));
    for (origin, title) in [
        (
            Origin::Api,
            "A: created by API, under a cap, told to one webhook: sent, delivered, read",
        ),
        (
            Origin::Campaign,
            "B: the same as the step of a campaign's flow that waits for its being read",
        ),
    ] {
        let readings = run(origin, arguments.load())?;
        let report = Report {
            title,
            readings: &readings,
            activities: f64::from(arguments.activities),
        };
        report.print(&prices);
    }
    Ok(())
}

fn head(arguments: &Arguments, prices: &Prices) -> String {
    let Prices {
        source, date, region, ..
    } = prices;
    format!(
        "{} activities, {} a second, due 10 minutes after they are created; queues gather {} ms and at \
         most 10 messages, the stream {} ms (history: {} ms) and at most {} changes of one of 3 shards, of which the function \
         webhooks handles {} at a time. Each request asks the authorizer. A call to the table is taken to last {:.0} ms, one to a provider or endpoint {:.0} ms; functions have {MEMORY_MB} MB, but {}. \
         Polls of empty queues and storage are not counted: they do not grow with activities.\n\n\
         Prices: {source}; {region}, {date}.",
        arguments.activities,
        arguments.per_second,
        arguments.queue_window,
        arguments.webhooks_window,
        arguments.history_window,
        arguments.stream_batch,
        together(Consumer::Webhooks),
        TABLE_CALL_SECONDS * 1e3,
        WEB_CALL_SECONDS * 1e3,
        LARGER
            .map(|(function, megabytes)| format!("{function} {megabytes}"))
            .join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number of an event source mapping in the template, by what is said just before it.
    fn of_template(source: &str, name: &str) -> u64 {
        let template = include_str!("../../template.yaml");
        let (_, behind) = template.split_once(source).unwrap();
        let (_, value) = behind.split_once(&format!("{name}: ")).unwrap();
        value.lines().next().unwrap().parse().unwrap()
    }

    #[test]
    fn what_is_counted_is_what_is_deployed() {
        let counted = Arguments::parse_from(["cost"]);
        let window = "MaximumBatchingWindowInSeconds";
        for queue in ["DispatchQueue", "FlowQueue", "WebhookDeliveryQueue"] {
            let source = format!("Queue: !GetAtt {queue}.Arn");
            assert_eq!(
                of_template(&source, window) * 1_000,
                counted.queue_window,
                "{queue}"
            );
        }
        for (function, expected) in [
            ("history", counted.history_window),
            ("webhooks", counted.webhooks_window),
        ] {
            let source = format!("CodeUri: ../target/lambda/{function}\n");
            assert_eq!(of_template(&source, window) * 1_000, expected, "{function}");
            let batch = usize::try_from(of_template(&source, "BatchSize")).unwrap();
            assert_eq!(batch, counted.stream_batch, "{function}");
        }
        assert_eq!(
            of_template("AuthorizerCacheSeconds:", "Default"),
            0,
            "each request asks"
        );
        assert_eq!(of_template("Globals:", "MemorySize"), u64::from(MEMORY_MB));
        for (function, megabytes) in LARGER {
            let source = format!("CodeUri: ../target/lambda/{function}\n");
            assert_eq!(
                of_template(&source, "MemorySize"),
                u64::from(megabytes),
                "{function}"
            );
        }
        let sizes = include_str!("../../template.yaml")
            .matches("MemorySize: ")
            .count();
        assert_eq!(sizes, LARGER.len() + 1);
    }
}
