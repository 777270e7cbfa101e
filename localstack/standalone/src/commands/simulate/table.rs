//! The table of a comparison.

use comfy_table::{Table, presets};
use contact_centre::{Metrics, Summary, summarize};

use super::study::Row;

/// Seconds without service after which a side starves.
const STARVED: f64 = 300.0;

const HEAD: [&str; 14] = [
    "scenario",
    "pacer",
    "occupancy %",
    "abandoned %",
    "worst run",
    "worst 30 min",
    "30 min over %",
    "connects / agent hour",
    "idle s",
    "in service %",
    "starved s in / out",
    "hung up %",
    "hours, refused calls",
    "misses",
];

/// Means over the seeds with 95 % confidence intervals.
pub(super) fn render(rows: &[Row], markdown: bool) -> String {
    let mut table = Table::new();
    table.load_style(if markdown {
        presets::ASCII_MARKDOWN
    } else {
        presets::UTF8_FULL_CONDENSED
    });
    table.set_header(HEAD);
    for row in rows {
        table.add_row(cells(row));
    }
    table.to_string()
}

fn cells(row: &Row) -> Vec<String> {
    let over = |of: &dyn Fn(&Metrics) -> Option<f64>| {
        let values: Vec<f64> = row.runs.iter().filter_map(|run| of(&run.metrics)).collect();
        summarize(&values)
    };
    let occupancy = over(&|run| Some(run.occupancy()));
    let abandoned = over(&|run| Some(run.abandonment()));
    let half_hour = over(&Metrics::worst_half_hour);
    let over_limit = {
        let parts: Vec<f64> = row
            .runs
            .iter()
            .filter_map(|run| run.metrics.half_hours_over(run.limit))
            .collect();
        summarize(&parts)
    };
    let service = over(&|run| run.inbound().service_level());
    let starved =
        |of: &dyn Fn(&Metrics) -> f64| over(&|run| Some(of(run))).map_or(0.0, |found| found.greatest);
    let (inbound, outbound) = (
        starved(&|run| run.starvation().inbound),
        starved(&|run| run.starvation().outbound),
    );
    let hung_up = over(&|run| Some(run.hung_up_share()).filter(|share| *share > 0.0));
    let mean = |of: &dyn Fn(&Metrics) -> f64| over(&|run| Some(of(run))).map_or(0.0, |found| found.mean);
    let hours = mean(&Metrics::ended);
    let refused = mean(&|run| (run.refused_lines() + run.refused_contacts()) as f64);
    let starvation = if row.blended {
        format!("{inbound:.0} / {outbound:.0}")
    } else {
        String::new()
    };
    vec![
        row.scenario.clone(),
        row.contender.clone(),
        interval(occupancy, 100.0, 1),
        interval(abandoned, 100.0, 2),
        percent(abandoned, |found| found.greatest),
        percent(half_hour, |found| found.greatest),
        interval(over_limit, 100.0, 1),
        interval(over(&|run| Some(run.connects_per_hour())), 1.0, 1),
        interval(over(&|run| Some(run.mean_idle())), 1.0, 1),
        interval(service, 100.0, 1),
        starvation,
        interval(hung_up, 100.0, 1),
        format!("{:.1}, {refused:.0}", hours / 3_600.0),
        misses(row, occupancy, service, inbound.max(outbound)).join(", "),
    ]
}

/// Which of its aims it misses.
fn misses(row: &Row, occupancy: Option<Summary>, service: Option<Summary>, starved: f64) -> Vec<String> {
    let mut misses = Vec::new();
    let over = row
        .runs
        .iter()
        .filter(|run| run.metrics.abandonment() > run.limit);
    let over = over.count();
    if over > 0 {
        misses.push(format!("limit in {over} of {}", row.runs.len()));
    }
    let below = |found: Option<Summary>, aim: Option<f64>| {
        let (found, aim) = (found?.mean, aim?);
        (found < aim).then(|| format!("{:.0} %", aim * 100.0))
    };
    let aim = row.aim.occupancy.map(contact_centre::scenario::Share::get);
    misses.extend(below(occupancy, aim).map(|aim| format!("occupancy {aim}")));
    let aim = row.aim.service_level.map(contact_centre::scenario::Share::get);
    if aim.is_some() && starved > STARVED {
        misses.push("starvation".to_owned());
    }
    misses.extend(below(service, aim).map(|aim| format!("service {aim}")));
    misses
}

fn interval(found: Option<Summary>, scale: f64, digits: usize) -> String {
    let Some(found) = found else {
        return String::new();
    };
    let mean = found.mean * scale;
    match found.half_width {
        Some(half) => format!("{mean:.digits$} ±{:.digits$}", half * scale),
        None => format!("{mean:.digits$}"),
    }
}

fn percent(found: Option<Summary>, of: impl Fn(Summary) -> f64) -> String {
    found.map_or_else(String::new, |found| format!("{:.2}", of(found) * 100.0))
}
