//! Spans reach a collector. The exporter is told by variables of its process where the collector is, so a
//! process of its own plays the function: this test program again, with one test only.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use runtime::otlp;
use runtime::telemetry::{self, LogFormat};

/// Set in the process that plays the function.
const PLAYS: &str = "PLAYS_A_FUNCTION";

#[tokio::test(flavor = "multi_thread")]
async fn a_function_with_one_span() {
    if std::env::var_os(PLAYS).is_some() {
        telemetry::init(LogFormat::Json, "info");
        tracing::info_span!("dispatch").in_scope(|| {});
        otlp::flush().await;
    }
}

/// How long the collector waits for the function.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes one request; gives its first line.
fn take_request(mut stream: TcpStream) -> std::io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut line)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok(line)
}

#[test]
fn spans_reach_the_collector_that_the_variables_name() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", collector.local_addr().unwrap());
    let (tells, took) = mpsc::channel();
    std::thread::spawn(move || tells.send(take_request(collector.accept().unwrap().0)));
    let function = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_function_with_one_span"])
        .env(PLAYS, "yes")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        .output()
        .unwrap();
    assert!(function.status.success(), "{function:?}");
    let request = took
        .recv_timeout(PATIENCE)
        .unwrap_or_else(|_| panic!("no request came: {function:?}"));
    assert_eq!(request.unwrap().trim_end(), "POST /v1/traces HTTP/1.1");
}
