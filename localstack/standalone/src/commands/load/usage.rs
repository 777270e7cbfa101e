//! What a process has used, as Linux tells it. Other systems tell it in other ways: there it is
//! unknown.

use std::fs;

use serde::Serialize;

/// Linux counts processor time in this unit for every program, whatever the kernel's own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process has used.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    /// Processor time since its start, in seconds.
    pub(super) cpu_seconds: Option<f64>,
    /// The most memory that it ever had, in megabytes.
    pub(super) peak_memory_mb: Option<f64>,
}

impl Usage {
    /// Of a process, so far.
    pub(super) fn of(process: u32) -> Self {
        Self {
            cpu_seconds: cpu_seconds(process),
            peak_memory_mb: memory_mb(process, "VmHWM:"),
        }
    }

    /// The processor time since an earlier look.
    pub(super) fn since(self, earlier: Self) -> Self {
        let spent = self
            .cpu_seconds
            .zip(earlier.cpu_seconds)
            .map(|(now, then)| now - then);
        Self {
            cpu_seconds: spent.map(rounded),
            ..self
        }
    }
}

/// The memory that a process has now, in megabytes.
pub(super) fn memory_now_mb(process: u32) -> Option<f64> {
    memory_mb(process, "VmRSS:")
}

fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program stands in brackets and may hold anything.
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

fn memory_mb(process: u32, field: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(rounded(kilobytes / 1024.0))
}

/// To two places: more is noise.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
