//! The program at its command line: what it says to a person who errs, and what it promises to scripts.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn campaigns(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_campaigns"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn help_names_every_command() {
    let help = campaigns(&["--help"]);
    assert!(help.status.success());
    for command in [
        "serve", "demo", "formula", "import", "audit", "key", "load", "pace", "rebuild", "replay", "simulate",
    ] {
        assert!(
            text(&help.stdout).contains(&format!("\n  {command} ")),
            "{help:?}"
        );
    }
}

#[test]
fn who_errs_is_told_what_and_where() {
    for (arguments, told) in [
        (&["simulate", "nosuch"][..], "nosuch"),
        (&["formula", "try", "--init", "power(ratio"], "character 11"),
        (&["formula", "try", "--init", "agents.idel"], "agents.idel"),
        (
            &["audit", "pacing", "sales", "--data", "no/such/directory"],
            "no/such/directory",
        ),
        (&["import", "--nonsense"], "--nonsense"),
        (
            &["key", "list", "--data", "no/such/directory"],
            "no/such/directory",
        ),
        (
            &["key", "--data", "no/such/directory", "revoke", "k"],
            "no/such/directory",
        ),
        (
            &["import", "src", "--list", "l", "--key", "k"],
            "src cannot be read: it is no regular file",
        ),
        (
            &[
                "import",
                "Cargo.toml",
                "--list",
                "l",
                "--key",
                "k",
                "--server",
                "nonsense",
            ],
            "nonsense is no address of a server",
        ),
    ] {
        let answer = campaigns(arguments);
        assert!(!answer.status.success(), "{arguments:?}");
        assert!(text(&answer.stderr).contains(told), "{arguments:?}: {answer:?}");
        assert!(answer.stdout.is_empty(), "{arguments:?}: {answer:?}");
    }
}

#[test]
fn an_empty_file_is_not_imported() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let answer = campaigns(&["import", path, "--list", "l", "--key", "k"]);
    assert!(!answer.status.success());
    assert!(text(&answer.stderr).contains("it is empty"), "{answer:?}");
}

#[test]
fn keys_are_listed_as_they_are_created() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let data = data.to_str().unwrap();
    let created = campaigns(&["key", "create", "ours", "--role", "connector", "--data", data]);
    assert!(created.status.success(), "{created:?}");
    let listed = campaigns(&["key", "--data", data, "list"]);
    assert!(listed.status.success(), "{listed:?}");
    assert!(text(&listed.stdout).contains("  connector  "), "{listed:?}");
}

#[test]
fn what_is_no_terminal_gets_plain_lines() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    assert!(
        campaigns(&["key", "create", "ours", "--data", data])
            .status
            .success()
    );
    let rebuilt = campaigns(&["rebuild", "--data", data]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    assert_eq!(text(&rebuilt.stderr).lines().count(), 1, "{rebuilt:?}");
    assert!(!text(&rebuilt.stderr).contains('\r'), "{rebuilt:?}");
}

#[test]
fn logs_are_coloured_on_a_terminal_only() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_campaigns"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(directory.path())
        .env("RUST_LOG", "debug")
        .env_remove("NO_COLOR")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut logged = String::new();
    let read = BufReader::new(server.stderr.take().unwrap()).read_line(&mut logged);
    server.kill().unwrap();
    server.wait().unwrap();
    read.unwrap();
    assert!(logged.contains("DEBUG"), "{logged}");
    assert!(!logged.contains('\u{1b}'), "{logged}");
}
