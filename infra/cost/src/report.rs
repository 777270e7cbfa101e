//! The tables.

use application::keys::Kind;
use comfy_table::{Cell, CellAlignment, Table, presets};

use crate::meter::{Readings, Service, Step};
use crate::prices::{self, Bus, Line, Prices};
use crate::why::why;

/// What the event sources of functions add is found in the head of the report.
pub(crate) struct Report<'a> {
    pub(crate) title: &'a str,
    pub(crate) readings: &'a Readings,
    pub(crate) activities: f64,
}

fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(heads);
    for (place, column) in table.column_iter_mut().enumerate() {
        if place > 1 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn number(value: f64) -> Cell {
    if value == 0.0 {
        Cell::new("")
    } else if value < 0.095 {
        Cell::new(format!("{value:.3}"))
    } else {
        Cell::new(format!("{value:.2}"))
    }
}

/// What people call a kind of item.
const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Activity => "activity",
        Kind::Conversation => "conversation",
        Kind::Ledger => "person's ledger",
        Kind::Person => "profile, do-not-contact",
        Kind::Address => "whose an address is",
        Kind::History => "history entry",
        Kind::Pointer => "campaign's pointer",
        Kind::ProviderMessage => "provider's message id",
        Kind::Delivery => "webhook delivery",
        Kind::Webhook => "webhook endpoint",
        Kind::Counter => "counters",
        Kind::Rate => "connector's rate",
        Kind::Idempotency => "idempotency record",
        Kind::Job => "job",
        Kind::Contact => "contact",
        Kind::SweepCursor => "sweep's cursor",
        Kind::DueIndex => "due index",
        Kind::Agent => "agent",
        Kind::Pacing => "pacing",
        Kind::Configuration => "configuration",
    }
}

impl Report<'_> {
    /// Prints everything about one scenario.
    pub(crate) fn print(&self, prices: &Prices) {
        println!("\n## {}\n", self.title);
        println!("{}\n", self.writes());
        println!("{}\n", self.reads());
        println!("{}\n", self.requests());
        println!("{}\n", self.functions());
        let bill = prices.bill(self.readings, self.activities, Bus::Used);
        println!("{}", bill_table(&bill));
        let total = |bus| -> f64 {
            let bill = prices.bill(self.readings, self.activities, bus);
            bill.iter().map(|line| line.dollars).sum()
        };
        println!(
            "\nTotal per million: ${:.2}; without the event bus ${:.2}.",
            total(Bus::Used),
            total(Bus::Unused)
        );
    }

    fn writes(&self) -> Table {
        let mut table = table(&[
            "step",
            "written",
            "writes",
            "in a transaction",
            "bytes",
            "units",
            "index units",
            "why it stays",
        ]);
        let (mut units, mut index) = (0.0, 0.0);
        for ((step, kind), used) in &self.readings.tables {
            if used.writes == 0.0 {
                continue;
            }
            let per = |value: f64| number(value / self.activities);
            units += used.write_units;
            index += used.index_units;
            table.add_row(vec![
                Cell::new(step.name()),
                Cell::new(name(*kind)),
                per(used.writes),
                per(used.transacted),
                Cell::new(format!("{:.0}", used.bytes / used.writes)),
                per(used.write_units),
                per(used.index_units),
                Cell::new(why(*step, *kind)).set_alignment(CellAlignment::Left),
            ]);
        }
        let all = (units + index) / self.activities;
        table.add_row(vec![
            Cell::new("all"),
            Cell::new(format!("{all:.2} write units")),
            Cell::new(""),
            Cell::new(""),
            Cell::new(""),
            number(units / self.activities),
            number(index / self.activities),
            Cell::new(""),
        ]);
        table
    }

    fn reads(&self) -> Table {
        let mut table = table(&["step", "read", "reads", "units"]);
        let mut units = 0.0;
        for ((step, kind), used) in &self.readings.tables {
            if used.reads == 0.0 {
                continue;
            }
            units += used.read_units;
            table.add_row(vec![
                Cell::new(step.name()),
                Cell::new(name(*kind)),
                number(used.reads / self.activities),
                number(used.read_units / self.activities),
            ]);
        }
        table.add_row(vec![
            Cell::new("all"),
            Cell::new(""),
            Cell::new(""),
            number(units / self.activities),
        ]);
        table
    }

    fn requests(&self) -> Table {
        let mut table = table(&["step", "service", "requests"]);
        for (service, name) in [
            (Service::Queue, "SQS"),
            (Service::Http, "HTTP API"),
            (Service::Bus, "EventBridge"),
        ] {
            for (step, requests) in prices::requests(self.readings, service) {
                if step != Step::SetUp {
                    table.add_row(vec![
                        Cell::new(step.name()),
                        Cell::new(name),
                        number(requests / self.activities),
                    ]);
                }
            }
        }
        table
    }

    fn functions(&self) -> Table {
        let mut table = table(&[
            "function",
            "",
            "invocations",
            "records each",
            "processor ms each",
            "billed ms each",
        ]);
        for (function, used) in &self.readings.functions {
            table.add_row(vec![
                Cell::new(*function),
                Cell::new(""),
                number(used.invocations / self.activities),
                number(used.records / used.invocations),
                number(used.cpu.as_secs_f64() * 1e3 / used.invocations),
                number(prices::seconds(function, used) * 1e3 / used.invocations),
            ]);
        }
        table
    }
}

fn bill_table(bill: &[Line]) -> Table {
    let mut table = table(&["billed", "", "per activity", "dollars per million"]);
    for line in bill {
        table.add_row(vec![
            Cell::new(line.what),
            Cell::new(""),
            number(line.units),
            Cell::new(format!("{:.2}", line.dollars)),
        ]);
    }
    table
}
