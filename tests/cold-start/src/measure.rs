//! One cold start: a process is started, and the clock stops at its first answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::aws::Aws;
use crate::lambda;

/// How long a process may take to its first answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was seen of one cold start.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// From the start of the process to its first answer.
    pub(crate) took: Duration,
    /// Requests that it made to AWS before.
    pub(crate) requests: usize,
    /// Its largest resident memory, in KB, as far as the system tells.
    pub(crate) memory: Option<u64>,
}

/// Starts a function once with this event.
pub(crate) async fn start(
    program: &Path,
    environment: &BTreeMap<String, String>,
    event: &str,
    aws: &Aws,
) -> Result<Start, String> {
    let told = |error: std::io::Error| format!("{}: {error}", program.display());
    let (service, answer) = lambda::open(event.to_owned()).await.map_err(told)?;
    let requests = aws.requests();
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(environment)
        .env("AWS_LAMBDA_RUNTIME_API", service.to_string())
        .env("AWS_ENDPOINT_URL", format!("http://{}", aws.address))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let began = Instant::now();
    let mut child = command.spawn().map_err(told)?;
    let answer = tokio::time::timeout(PATIENCE, answer)
        .await
        .map_err(|_| format!("{}: no answer within {PATIENCE:?}", program.display()))?
        .map_err(|_| format!("{}: ended without an answer", program.display()))?;
    let memory = child.id().and_then(peak_memory);
    child.kill().await.map_err(told)?;
    match answer.body {
        Ok(_) => Ok(Start {
            took: answer.at.duration_since(began),
            requests: aws.requests() - requests,
            memory,
        }),
        Err(error) => Err(format!("{}: answered with a failure: {error}", program.display())),
    }
}

fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The middle one of several, ordered.
pub(crate) fn median<T: Ord + Copy>(mut of: Vec<T>) -> Option<T> {
    of.sort_unstable();
    of.get(of.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_one() {
        assert_eq!(median(vec![9, 1, 5]), Some(5));
        assert_eq!(median(Vec::<u8>::new()), None);
    }
}
