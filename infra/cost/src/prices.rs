//! What it costs: units times the list prices in `prices.json`.

use serde::Deserialize;

use crate::meter::{Readings, Service, Step, TableUse};

/// Megabytes of memory of a function.
pub(crate) const MEMORY_MB: u16 = 256;
/// And of these.
pub(crate) const LARGER: [(&str, u16); 6] = [
    ("api", 512),
    ("enqueue-due", 512),
    ("dispatch", 512),
    ("flow", 512),
    ("history", 512),
    ("webhooks", 1_024),
];
/// A function of 1,769 MB has one whole core; with less memory computing takes longer in proportion.
/// (AWS Lambda Developer Guide, "Configure Lambda function memory".)
const CORE_GB: f64 = 1.769;
/// How long one call to the table is assumed to take, in seconds.
pub(crate) const TABLE_CALL_SECONDS: f64 = 0.005;
/// How long a provider or an endpoint is assumed to take, in seconds.
pub(crate) const WEB_CALL_SECONDS: f64 = 0.150;

/// List prices, with their source and date.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Prices {
    pub(crate) source: String,
    pub(crate) date: String,
    pub(crate) region: String,
    dollars_per_million: PerMillion,
    dollars_per_gigabyte_second: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PerMillion {
    write_units: f64,
    read_units: f64,
    queue_requests: f64,
    invocations: f64,
    http_requests: f64,
    bus_events: f64,
}

/// One line of a bill.
pub(crate) struct Line {
    pub(crate) what: &'static str,
    /// Units per activity.
    pub(crate) units: f64,
    /// Dollars per million activities.
    pub(crate) dollars: f64,
}

/// Whether the event bus is part of a bill: the template's parameter `DomainEvents` turns it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bus {
    Used,
    Unused,
}

/// Memory of a function, in gigabytes.
fn memory_gb(function: &str) -> f64 {
    let larger = LARGER.iter().find(|(larger, _)| *larger == function);
    f64::from(larger.map_or(MEMORY_MB, |(_, megabytes)| *megabytes)) / 1_024.0
}

/// How long a function was at work, in seconds.
pub(crate) fn seconds(function: &str, used: &crate::meter::FunctionUse) -> f64 {
    used.waits_table * TABLE_CALL_SECONDS
        + used.waits_web * WEB_CALL_SECONDS
        + used.cpu.as_secs_f64() * (CORE_GB / memory_gb(function))
}

impl Prices {
    /// Those in `prices.json`.
    pub(crate) fn listed() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("../prices.json"))
    }

    /// The bill of so many activities.
    pub(crate) fn bill(&self, readings: &Readings, activities: f64, bus: Bus) -> Vec<Line> {
        let table =
            |of: fn(&TableUse) -> f64| -> f64 { readings.tables.values().map(of).sum::<f64>() / activities };
        let service = |wanted: Service| -> f64 {
            let requests = readings
                .services
                .iter()
                .filter(|((_, service), _)| *service == wanted);
            requests.map(|(_, requests)| requests).sum::<f64>() / activities
        };
        let functions = readings.functions.iter();
        let invocations = functions.clone().map(|(_, used)| used.invocations).sum::<f64>() / activities;
        let gigabyte_seconds = functions
            .map(|(function, used)| seconds(function, used) * memory_gb(function))
            .sum::<f64>()
            / activities;
        let price = &self.dollars_per_million;
        let line = |what, units: f64, price: f64| Line {
            what,
            units,
            dollars: units * price,
        };
        let mut bill = vec![
            line(
                "DynamoDB write units",
                table(|used| used.write_units + used.index_units),
                price.write_units,
            ),
            line(
                "DynamoDB read units",
                table(|used| used.read_units),
                price.read_units,
            ),
            line("SQS requests", service(Service::Queue), price.queue_requests),
            line("Lambda invocations", invocations, price.invocations),
            line(
                "Lambda gigabyte-seconds",
                gigabyte_seconds,
                self.dollars_per_gigabyte_second * 1e6,
            ),
            line("HTTP API requests", service(Service::Http), price.http_requests),
        ];
        if bus == Bus::Used {
            bill.push(line(
                "EventBridge events",
                service(Service::Bus),
                price.bus_events,
            ));
        }
        bill
    }
}

/// Requests of a service, by step.
pub(crate) fn requests(readings: &Readings, wanted: Service) -> impl Iterator<Item = (Step, f64)> {
    readings
        .services
        .iter()
        .filter(move |((_, service), _)| *service == wanted)
        .map(|((step, _), requests)| (*step, *requests))
}
