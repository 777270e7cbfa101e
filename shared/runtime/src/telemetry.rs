//! Log output: for people on a terminal, as JSON lines for machines.

use std::env;
use std::io::{IsTerminal, stderr};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether whoever reads standard error sees colours: not in a file or a journal, nor where nobody wants them.
fn is_coloured() -> bool {
    stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Sets up logging to standard error. `RUST_LOG` chooses what is logged, by level and target: `info,aws_call=debug`. Where
/// it is missing or does not read, `default` does.
pub fn init(format: LogFormat, default: &str) {
    let asked = env::var("RUST_LOG").ok().and_then(|asked| asked.parse().ok());
    let filter: Targets = asked.or_else(|| default.parse().ok()).unwrap_or_default();
    let lines = fmt::layer().with_writer(stderr).with_ansi(is_coloured());
    let lines = match format {
        LogFormat::Text => lines.with_target(false).compact().boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    #[cfg(feature = "otlp")]
    let subscriber = subscriber.with(crate::otlp::layer());
    // A second initialisation (in a test, say) keeps the first.
    let _ = subscriber.try_init();
}
