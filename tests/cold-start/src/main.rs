//! How long each function takes from the start of its process to its first answer, and how large it is.
//!
//! `cargo build --release -p cold-start --bins && target/release/cold-start`, after the functions were
//! built (`localstack/build function`).
//! Each function is invoked by a stand-in of the Lambda service, and makes its first request to a
//! stand-in of AWS; a hello-world function on the same runtime is measured in the same rounds. With
//! `--rounds 0` nothing is started, so that functions of any architecture are weighed (`infra/build`).
//! A function whose zip is larger than [`LARGEST_ZIP`] is a failure.

mod aws;
mod lambda;
mod measure;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use aws::Aws;
use clap::Parser;
use comfy_table::{CellAlignment, Table, presets};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use measure::{Start, median};

/// The smallest function, against which all others are held.
const HELLO: &str = "hello-world";
/// What a function may be at most as Lambda takes it, in bytes.
const LARGEST_ZIP: usize = 5_000_000;
/// The functions, and what each is invoked with.
const FUNCTIONS: [(&str, &str); 11] = [
    (HELLO, include_str!("../events/schedule.json")),
    ("administration", include_str!("../events/administration.json")),
    ("api", include_str!("../events/api.json")),
    ("authorizer", include_str!("../events/authorizer.json")),
    ("enqueue-due", include_str!("../events/schedule.json")),
    ("history", include_str!("../events/stream.json")),
    ("webhooks", include_str!("../events/stream.json")),
    ("dispatch", include_str!("../events/dispatch.json")),
    ("flow", include_str!("../events/flow.json")),
    ("pacing-owner", include_str!("../events/pacing-owner.json")),
    (
        "webhook-delivery",
        include_str!("../events/webhook-delivery.json"),
    ),
];

/// Measures the cold start of every function.
#[derive(Parser)]
struct Arguments {
    /// Where the functions stand: `NAME/bootstrap` for each.
    #[arg(long, default_value = "target/lambda")]
    functions: PathBuf,
    /// How often each is started; 0: only how large each is.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
}

/// What was measured of one function.
struct Measured {
    name: &'static str,
    size: usize,
    packed: usize,
    starts: Vec<Start>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match measure_all(&arguments).await {
        Ok(measured) => {
            println!("{}", table(&measured, arguments.rounds > 0));
            told(&too_large(&measured))
        }
        Err(error) => told(&[error]),
    }
}

fn told(faults: &[String]) -> ExitCode {
    for fault in faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn too_large(measured: &[Measured]) -> Vec<String> {
    let of = measured.iter().filter(|of| of.packed > LARGEST_ZIP);
    of.map(|of| {
        format!(
            "the zip of {} has {} bytes, more than {LARGEST_ZIP}",
            of.name, of.packed
        )
    })
    .collect()
}

async fn measure_all(arguments: &Arguments) -> Result<Vec<Measured>, String> {
    let aws = Aws::open()
        .await
        .map_err(|error| format!("no stand-in of AWS: {error}"))?;
    let mut measured = FUNCTIONS
        .iter()
        .map(|(name, _)| Measured::new(name, &program(&arguments.functions, name)?))
        .collect::<Result<Vec<_>, String>>()?;
    // In rounds, so that whatever else the machine does meets all of them alike.
    for round in 1..=arguments.rounds {
        eprint!("\rround {round} of {}", arguments.rounds);
        for (of, (name, event)) in measured.iter_mut().zip(FUNCTIONS) {
            let program = program(&arguments.functions, name)?;
            of.starts
                .push(measure::start(&program, &environment(name), event, &aws).await?);
        }
    }
    if arguments.rounds > 0 {
        eprintln!();
    }
    Ok(measured)
}

/// Where a function's program stands. The hello-world function is built with this one.
fn program(functions: &Path, name: &str) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = if name == HELLO {
        own.with_file_name(HELLO)
    } else {
        functions.join(name).join("bootstrap")
    };
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!(
            "{} is not there: build the functions first",
            program.display()
        ))
    }
}

/// What Lambda and the template set.
fn environment(name: &str) -> BTreeMap<String, String> {
    let queue = |queue: &str| format!("http://127.0.0.1:4566/000000000000/{queue}");
    [
        ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "measured".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "measured".to_owned()),
        ("AWS_REGION", "eu-west-2".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "no secret".to_owned()),
        ("TABLE_NAME", "campaigns".to_owned()),
        ("DISPATCH_QUEUE_URL", queue("dispatch")),
        ("DISPATCH_URGENT_QUEUE_URL", queue("dispatch-urgent")),
        ("FLOW_QUEUE_URL", queue("flow")),
        ("PACING_QUEUE_URL", queue("pacing")),
        ("WEBHOOK_DELIVERY_QUEUE_URL", queue("webhook-delivery")),
        ("BUS_NAME", "campaigns".to_owned()),
        ("UPLOADS_BUCKET", "uploads".to_owned()),
        ("SECRETS_PREFIX", "/campaigns".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

impl Measured {
    fn new(name: &'static str, program: &Path) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("{}: {error}", program.display());
        let bytes = fs::read(program).map_err(told)?;
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&bytes).map_err(told)?;
        Ok(Self {
            name,
            size: bytes.len(),
            packed: packed.finish().map_err(told)?.len(),
            starts: Vec::new(),
        })
    }

    fn took(&self) -> Vec<Duration> {
        self.starts.iter().map(|start| start.took).collect()
    }
}

fn table(measured: &[Measured], are_started: bool) -> Table {
    let millis = |span: Option<Duration>| span.map_or(f64::NAN, |span| span.as_secs_f64() * 1e3);
    let hello = measured
        .first()
        .map_or(f64::NAN, |first| millis(median(first.took())));
    let mut table = Table::new();
    let mut header = vec!["function", "binary, MB", "zip, MB"];
    if are_started {
        header.extend([
            "first answer, ms (median)",
            "least",
            "most",
            "over hello-world",
            "requests to AWS",
            "memory, MB",
        ]);
    }
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    for of in measured {
        let mut row = vec![
            of.name.to_owned(),
            format!("{:.2}", of.size as f64 / 1e6),
            format!("{:.2}", of.packed as f64 / 1e6),
        ];
        if are_started {
            let took = of.took();
            let middle = millis(median(took.clone()));
            let requests = median(of.starts.iter().map(|start| start.requests).collect());
            let memory = median(of.starts.iter().filter_map(|start| start.memory).collect());
            row.extend([
                format!("{middle:.1}"),
                format!("{:.1}", millis(took.iter().min().copied())),
                format!("{:.1}", millis(took.iter().max().copied())),
                format!("{:+.1}", middle - hello),
                requests.unwrap_or_default().to_string(),
                memory.map_or_else(String::new, |kilobytes| format!("{:.1}", kilobytes as f64 / 1e3)),
            ]);
        }
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
