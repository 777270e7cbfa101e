//! The pacing worker: owns skill groups whose calls nobody paces, and paces them.
//!
//! A message names a group. Whoever takes it owns the group and pulses until nobody is at work there, or until
//! it is told to stop; then the group is given up, and its timer finds the next owner. As a process
//! (`--poll`, or inside the one-machine program) that is hours; as a function it is as long as a
//! function may run.

use std::time::Duration;

use application::context::Context;
use application::error::Error;
use application::pacing::{self, Owner, PULSE, Pulsed};
use application::timers::TimerMessage;
use runtime::fields;
use tokio_util::sync::CancellationToken;

/// The pause after a pulse that failed for a reason that may pass.
const PAUSE: Duration = Duration::from_secs(1);

/// Handles one message: paces its group until nobody is at work or `stop`. What does not read is dropped: it
/// never will.
pub async fn handle(context: &Context, message: &str, stop: &CancellationToken) -> Result<(), Error> {
    let Some(message) = TimerMessage::decode(message) else {
        tracing::error!("a message does not read; dropped");
        return Ok(());
    };
    if let Some((tenant, _)) = application::keys::parse_pacing_owner(&message.key()) {
        tracing::Span::current().record(fields::TENANT, tenant.as_str());
    }
    match pacing::due(context, &message).await? {
        Some(owner) => pace(context, owner, stop).await,
        None => Ok(()),
    }
}

async fn pace(context: &Context, mut owner: Owner, stop: &CancellationToken) -> Result<(), Error> {
    loop {
        let pause = match owner.pulse(context).await {
            Ok(Pulsed::Busy) => PULSE.duration(),
            Ok(Pulsed::Idle) => return owner.give_up(context).await,
            Ok(Pulsed::Lost) => {
                tracing::warn!("the pacing of a skill group was lost; its timer finds another owner");
                return Ok(());
            }
            // The lease goes on for a while: the table may answer again by then.
            Err(error @ (Error::Busy { .. } | Error::Platform(_))) => {
                tracing::warn!(%error, "a pulse of pacing failed; it is tried again");
                PAUSE
            }
            Err(error) => return Err(error),
        };
        tokio::select! {
            () = stop.cancelled() => return owner.give_up(context).await,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
