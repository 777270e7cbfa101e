//! `campaigns import`.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use futures::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Body;
use serde::Deserialize;
use serde_json::json;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use crate::client::{ApiError, Client, escaped};
use crate::failure::Failure;
use crate::output::noun;

/// Between two looks at how far the server has read.
const LOOK: Duration = Duration::from_millis(100);
/// Rejected rows that are shown.
const SHOWN: usize = 10;

#[derive(Args)]
pub(crate) struct Import {
    /// The CSV file: UTF-8, with a header, separated by commas, semicolons or tabs.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The contact list, by name or id. A name that no list has makes a new list.
    #[arg(long, value_name = "NAME|ID")]
    list: String,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// The API key.
    #[arg(long, value_name = "KEY", env = "CAMPAIGNS_API_KEY", hide_env_values = true)]
    key: String,
}

/// A contact list, as far as it is read here.
#[derive(Deserialize)]
pub(crate) struct ContactList {
    pub(crate) id: String,
    name: String,
}

/// An import, as far as it is read here.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportStatus {
    id: String,
    state: String,
    #[serde(default)]
    upload_url: Option<String>,
    bytes: u64,
    bytes_read: u64,
    pub(crate) rows: Rows,
    #[serde(default)]
    problems: Vec<Problem>,
}

/// How many rows came out how.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Rows {
    pub(crate) accepted: usize,
    pub(crate) duplicates: usize,
    pub(crate) rejected: usize,
}

/// What is wrong with the header.
#[derive(Clone, Deserialize)]
struct Problem {
    #[serde(default)]
    column: Option<usize>,
    message: String,
}

/// A row that was not taken.
#[derive(Deserialize)]
pub(crate) struct Reject {
    row: u64,
    #[serde(default)]
    column: Option<String>,
    /// What kind of problem.
    pub(crate) code: String,
    reason: String,
}

impl Import {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let length = length(&self.file).await?;
        let file = File::open(&self.file).await;
        let file = file.map_err(|error| unreadable(&self.file, &error))?;
        let client = Client::new(&self.server, &self.key)?;
        let list = find_or_create(&client, &self.list).await?;
        let bar = ProgressBar::new(length)
            .with_style(style())
            .with_message("sending");
        let sent = bar.clone();
        let stream = ReaderStream::new(file).inspect_ok(move |part| sent.inc(part.len() as u64));
        let import = begin(&client, &list.id, Body::wrap_stream(stream), length).await?;
        bar.set_message("reading");
        let import = follow(&client, &list.id, import, |import| {
            bar.set_position(import.bytes_read)
        })
        .await?;
        bar.finish_and_clear();
        let Rows {
            accepted,
            duplicates,
            rejected,
        } = import.rows;
        println!(
            "{accepted} accepted, {duplicates} {}, {rejected} rejected, into {} ({})",
            noun(duplicates, "duplicate", "duplicates"),
            list.name,
            list.id
        );
        let rejects: Vec<Reject> = client.first(&rejects_path(&list.id, &import), SHOWN).await?;
        for Reject {
            row, column, reason, ..
        } in &rejects
        {
            println!(
                "  row {row}{}: {reason}",
                column.as_ref().map_or(String::new(), |name| format!(", {name}"))
            );
        }
        if rejected > rejects.len() {
            println!(
                "  and {} more: GET {}",
                rejected - rejects.len(),
                client.url(&rejects_path(&list.id, &import))
            );
        }
        Ok(())
    }
}

fn unreadable(file: &Path, problem: &dyn Display) -> Failure {
    Failure::Told(format!("{} cannot be read: {problem}", file.display()))
}

/// The length of a file that can be sent. What cannot is told before anything is created for it.
async fn length(file: &Path) -> Result<u64, Failure> {
    let metadata = tokio::fs::metadata(file).await;
    let metadata = metadata.map_err(|error| unreadable(file, &error))?;
    match metadata.len() {
        _ if !metadata.is_file() => Err(unreadable(file, &"it is no regular file")),
        0 => Err(unreadable(file, &"it is empty")),
        length => Ok(length),
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg} {wide_bar:.cyan/blue} {bytes}/{total_bytes} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

async fn find_or_create(client: &Client, name: &str) -> Result<ContactList, ApiError> {
    let lists: Vec<ContactList> = client.all("/v1/contact-lists").await?;
    let by_id = |list: &&ContactList| list.id == name;
    let found = lists
        .iter()
        .position(|list| by_id(&list))
        .or_else(|| lists.iter().position(|list| list.name == name));
    match found.and_then(|place| lists.into_iter().nth(place)) {
        Some(list) => Ok(list),
        None => client.post("/v1/contact-lists", &json!({ "name": name })).await,
    }
}

fn imports_path(list: &str) -> String {
    format!("/v1/contact-lists/{}/imports", escaped(list))
}

fn rejects_path(list: &str, import: &ImportStatus) -> String {
    format!("{}/{}/rejects", imports_path(list), import.id)
}

/// Creates an import and sends its file.
pub(crate) async fn begin(
    client: &Client,
    list: &str,
    file: Body,
    bytes: u64,
) -> Result<ImportStatus, Failure> {
    let import: ImportStatus = client.act(&imports_path(list)).await?;
    let Some(address) = &import.upload_url else {
        return Err(Failure::Told(
            "the server gave no address for the upload".to_owned(),
        ));
    };
    // The server may know itself by another name than we do: what lies on it is called as all else is.
    let own = format!("{}/{}/file", imports_path(list), import.id);
    let address = if address.ends_with(&own) { &own } else { address };
    client.upload(address, file, bytes).await?;
    Ok(import)
}

/// Waits until the server has read an import to its end.
pub(crate) async fn follow(
    client: &Client,
    list: &str,
    mut import: ImportStatus,
    mut look: impl FnMut(&ImportStatus),
) -> Result<ImportStatus, Failure> {
    let path = format!("{}/{}", imports_path(list), import.id);
    loop {
        import = client.get(&path).await?;
        look(&import);
        match import.state.as_str() {
            "done" => return Ok(import),
            "failed" => return Err(Failure::Told(header_problems(&import))),
            _ => tokio::time::sleep(LOOK).await,
        }
    }
}

/// All rows that an import did not take.
pub(crate) async fn rejects(
    client: &Client,
    list: &str,
    import: &ImportStatus,
) -> Result<Vec<Reject>, ApiError> {
    client.all(&rejects_path(list, import)).await
}

fn header_problems(import: &ImportStatus) -> String {
    let problems = import.problems.iter().map(|problem| match problem.column {
        Some(column) => format!("\n  column {column} {}", problem.message),
        None => format!("\n  {}", problem.message),
    });
    format!(
        "the file's header cannot be read; nothing of its {} bytes was taken:{}",
        import.bytes,
        problems.collect::<String>()
    )
}
