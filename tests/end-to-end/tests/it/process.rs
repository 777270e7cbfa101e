//! The program as a process.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::api::Api;

/// How long the program may take to start.
const START: Duration = Duration::from_secs(30);

/// What the servers log: all that our own code has to say.
const LOGGED: &str =
    "info,api=trace,application=trace,campaigns=trace,connectors=trace,dispatch=trace,runtime=trace";
/// How every telephone number of these tests begins; eight digits follow.
const NUMBERS: &str = "49152";

/// The program, built as these tests were, and built by them: they are no part of its package. It comes along with
/// its own tests, of the same dependencies as all tests: those are not built twice.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut cargo =
            std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args([
            "test",
            "--workspace",
            "--no-run",
            "--test",
            "program",
            "--message-format",
            "json",
        ]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        // What Cargo tells tests about their package would be news to the build scripts of dependencies.
        let told = |name: &str| {
            ["CARGO_MANIFEST_", "CARGO_PKG_"]
                .iter()
                .any(|begins| name.starts_with(begins))
        };
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(told)) {
            cargo.env_remove(name);
        }
        let output = cargo
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "the program was not built");
        let executable = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .find_map(|line| {
                let message: Value = serde_json::from_str(line).ok()?;
                let is_it = message["target"]["name"] == "campaigns";
                Some(PathBuf::from(message["executable"].as_str().filter(|_| is_it)?))
            });
        executable.unwrap()
    })
}

/// Runs a command of the program to its end.
pub(crate) async fn run(arguments: &[&str], data: &Path) -> Output {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    tokio::time::timeout(Duration::from_secs(60), command.output())
        .await
        .unwrap()
        .unwrap()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A data directory, the address and the key of its server: what stays when the process goes.
pub(crate) struct Home {
    directory: tempfile::TempDir,
    /// Where its servers log to, one after the other.
    log: NamedTempFile,
    port: u16,
    key: OnceLock<String>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            log: NamedTempFile::new().unwrap(),
            port: free_port(),
            key: OnceLock::new(),
        }
    }

    pub(crate) fn data(&self) -> &Path {
        self.directory.path()
    }

    /// Starts the server.
    pub(crate) async fn serve(&self) -> Server {
        let mut command = Command::new(program());
        command.arg("serve").arg("--data").arg(self.data());
        command.args([
            "--listen",
            &format!("127.0.0.1:{}", self.port),
            "--allow-network",
            "127.0.0.0/8",
        ]);
        command
            .env("RUST_LOG", LOGGED)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::options().append(true).open(self.log.path()).unwrap())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.trim().starts_with("oc_") {
                    self.key.set(line.trim().to_owned()).unwrap();
                }
                if line.starts_with("Listening") {
                    return;
                }
            }
            panic!("the program ended before it listened");
        };
        tokio::time::timeout(START, listening).await.unwrap();
        let api = Api::new(format!("http://127.0.0.1:{}", self.port), self.key.get().unwrap());
        Server { child, api }
    }
}

/// Whether a line has one of the numbers of these tests in it, and not as a part of an id, which may have such digits.
fn tells_a_number(line: &str) -> bool {
    let ends_a_word = |before: &str| before.ends_with(|last: char| last.is_ascii_alphanumeric());
    line.match_indices(NUMBERS).any(|(at, _)| {
        let (before, number) = line.split_at(at);
        let digits = number.chars().take_while(char::is_ascii_digit).count();
        digits >= NUMBERS.len() + 8 && !ends_a_word(before)
    })
}

impl Drop for Home {
    /// Whatever a test did: logs hold ids, never numbers. All numbers of these tests begin alike.
    fn drop(&mut self) {
        let log = std::fs::read(self.log.path()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        if std::thread::panicking() {
            eprintln!("{log}");
            return;
        }
        let told: Vec<&str> = log.lines().filter(|line| tells_a_number(line)).collect();
        assert!(told.is_empty(), "numbers in the log: {told:#?}");
    }
}

/// A running server. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) api: Api,
}

impl Server {
    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM. It must end in order within 10 s.
    #[cfg(unix)]
    pub(crate) async fn terminate(mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        let process = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(process).unwrap(), Signal::TERM).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
        let status = ended.expect("it did not end within 10 s").unwrap();
        assert!(status.success(), "{status}");
    }
}
