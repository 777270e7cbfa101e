//! The commands of the program.

mod audit;
mod demo;
mod formula;
mod import;
mod key;
mod load;
mod pace;
mod rebuild;
mod replay;
mod serve;
mod simulate;

use std::path::PathBuf;

use clap::{Args, Parser};
use domain::id::TenantId;

use crate::failure::Failure;

/// Outbound campaigns: schedules and sends messages over SMS, WhatsApp, e-mail and voice, follows
/// each customer's answers, and tells your systems what happens. Everything runs in this one process,
/// with its data in one directory.
#[derive(Parser)]
#[command(name = "campaigns", version, about, arg_required_else_help = true)]
pub(crate) enum Command {
    /// Serve the API and do the work, until Ctrl-C.
    Serve(serve::Serve),
    /// Watch a whole campaign on three channels, with simulated providers; nothing else is needed.
    Demo(demo::Demo),
    /// Check a formula of INIT or SEIZE, and see what it would do.
    Formula(formula::Formula),
    /// Import a CSV file of contacts into a contact list, through a running server.
    Import(import::Import),
    /// Prove that recorded decisions are those that the engine makes of their inputs.
    Audit(audit::Audit),
    /// List, create or revoke API keys. The server must not be running on the same data.
    Key(key::Key),
    /// Measure how fast, how late and at what cost this machine does the work; proven by recount.
    Load(load::Load),
    /// Pace an outside contact centre: one JSON object a line on standard input, decisions on standard
    /// output.
    ///
    /// The lines are described in shared/pacing/README.md, "Driving it from outside".
    Pace(pace::Pace),
    /// Make customer history and counters again from the activities. The server must not be running.
    Rebuild(rebuild::Rebuild),
    Replay(replay::Replay),
    /// Try pacing on simulated contact centres, and compare modes and formulas.
    Simulate(simulate::Simulate),
    /// Play the providers, as `load` needs it.
    #[command(hide = true)]
    Simulator(load::simulator::Simulator),
}

/// Where the data is.
#[derive(Args, Clone)]
pub(crate) struct Data {
    /// The directory of the data; it is created.
    #[arg(long, value_name = "DIR", default_value = "./data", global = true)]
    pub(crate) data: PathBuf,
}

impl Data {
    /// For commands that make none.
    fn must_stand(&self) -> Result<(), Failure> {
        if self.data.exists() {
            return Ok(());
        }
        let directory = self.data.display();
        Err(Failure::Told(format!(
            "there is no data in {directory}; name it with --data"
        )))
    }
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve(serve) => serve.run().await,
            Self::Audit(audit) => audit.run().await,
            Self::Demo(demo) => demo.run().await,
            Self::Formula(formula) => formula.run(),
            Self::Import(import) => import.run().await,
            Self::Key(key) => key.run().await,
            Self::Load(load) => load.run().await,
            Self::Pace(pace) => pace.run(),
            Self::Rebuild(rebuild) => rebuild.run().await,
            Self::Replay(replay) => replay.run(),
            Self::Simulate(simulate) => simulate.run(),
            Self::Simulator(simulator) => simulator.run().await,
        }
    }
}

/// The tenant of a program that serves one company.
pub(crate) fn own_tenant() -> Result<TenantId, Failure> {
    TenantId::parse("main").map_err(|error| Failure::Told(error.to_string()))
}
