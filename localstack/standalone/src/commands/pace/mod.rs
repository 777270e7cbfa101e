//! `campaigns pace`: paces an outside contact centre over standard input and output.

mod clock;
mod lines;
pub(crate) mod log;
pub(crate) mod plan;
mod reading;

use std::io::{self, BufReader, BufWriter};
use std::path::PathBuf;

use clap::Args;
use pacing::Plan;

use crate::failure::Failure;
use log::Log;
use plan::Choice;

#[derive(Args)]
pub(crate) struct Pace {
    #[command(flatten)]
    choice: Choice,
    /// Record the plan, each line and its answer in this new file, for `campaigns audit replay` and
    /// `campaigns replay`.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

impl Pace {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let plan = self.choice.over(Plan::default())?;
        let mut log = self.log.map(|path| Log::create(path, &plan)).transpose()?;
        let mut run = lines::Run::new(plan);
        let input = BufReader::new(io::stdin().lock());
        let output = BufWriter::new(io::stdout().lock());
        let errors = &mut io::stderr().lock();
        lines::serve(&mut run, input, output, errors, log.as_mut())
            .map_err(|error| Failure::Told(format!("standard input or output broke: {error}")))
    }
}
