//! `campaigns rebuild`.

use std::io::{IsTerminal, stderr};

use clap::Args;

use super::Data;
use crate::engine::Engine;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Rebuild {
    #[command(flatten)]
    data: Data,
}

impl Rebuild {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        self.data.must_stand()?;
        let engine = Engine::open(&self.data.data, Vec::new())?;
        let scan = engine.embedded.scan();
        let changes = engine.embedded.changes();
        let is_watched = stderr().is_terminal();
        let progress = |read| {
            if is_watched {
                eprint!("\r{read} items read");
            }
        };
        let rebuilt =
            application::history::rebuild(&engine.context, scan.as_ref(), changes.as_ref(), progress).await;
        engine.drain().await;
        let rebuilt = rebuilt?;
        eprintln!(
            "{}{} items read",
            if is_watched { "\r" } else { "" },
            rebuilt.read
        );
        println!(
            "Entered into history: {}. Sets of counters made: {}. Old entries removed: {}.",
            rebuilt.activities, rebuilt.counted, rebuilt.removed
        );
        Ok(())
    }
}
