//! `campaigns load`: how fast, how late, at what cost, proven by recount.
//!
//! Three processes, so that each one's cost is measured apart: the server is this program's `serve`,
//! the providers are this program's `simulator`, and this process generates the load, takes the
//! webhooks and counts again. Each workload has a server of its own on a new data directory.

mod create;
mod desk;
mod http;
mod parties;
mod receiver;
mod recount;
mod report;
pub(super) mod simulator;
mod usage;
mod workloads;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use workloads::Size;

#[derive(Args)]
pub(crate) struct Load {
    /// What is done to the server.
    #[arg(long, value_enum, default_value_t = Workload::All)]
    workload: Workload,
    /// Where the data directories are made for the time of the measurement; on the disk that is meant.
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    data: PathBuf,
    /// How many activities, instead of the workload's own number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// How many activities per second `steady` schedules.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// 20,000 activities that come due within one second.
    Burst,
    /// 500 activities per second for 30 seconds, each due 2 seconds after it is scheduled.
    Steady,
    /// 5,000 activities from creation to READ, with history and three webhooks each.
    Lifecycle,
    /// A million activities over a day ahead.
    Ahead,
    /// All of them.
    All,
}

impl Workload {
    fn each(self) -> &'static [Self] {
        match self {
            Self::All => &[Self::Burst, Self::Steady, Self::Lifecycle, Self::Ahead],
            Self::Burst => &[Self::Burst],
            Self::Steady => &[Self::Steady],
            Self::Lifecycle => &[Self::Lifecycle],
            Self::Ahead => &[Self::Ahead],
        }
    }
}

impl Load {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let mut wrong = Vec::new();
        for workload in self.workload.each() {
            let size = Size {
                data: &self.data,
                count: self.count,
                rate: self.rate,
            };
            let report = match workload {
                Workload::Burst => workloads::burst(size).await?,
                Workload::Steady => workloads::steady(size).await?,
                Workload::Lifecycle => workloads::lifecycle(size).await?,
                Workload::Ahead | Workload::All => workloads::ahead(size).await?,
            };
            println!("{}", serde_json::to_string(&report).map_err(told)?);
            wrong.extend(
                report
                    .differences
                    .iter()
                    .map(|what| format!("{}: {what}", report.workload)),
            );
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Failure::Told(format!("the counts differ: {}", wrong.join("; "))))
    }
}

/// Anything that ends the measurement.
fn told(error: impl std::fmt::Display) -> Failure {
    Failure::Told(error.to_string())
}
