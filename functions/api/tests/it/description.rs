//! The description of the API, and its page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use api::ApiState;
use http::Method;
use serde_json::Value;

use crate::harness::Api;

/// `UPDATE_OPENAPI=1 cargo test -p api` writes the file.
#[tokio::test]
async fn the_committed_description_is_current() {
    let api = Api::new().await;
    let document = api::openapi::document(&ApiState {
        context: api.context,
        public_url: None,
        tokens: None,
    });
    let current = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        current == committed,
        "openapi.json is stale: run `UPDATE_OPENAPI=1 cargo test -p api --test it description`"
    );
}

#[tokio::test]
async fn the_committed_description_is_served() {
    let api = Api::new().await;
    let answer = api
        .anonymous(Method::GET, "/v1/openapi.json")
        .send()
        .await
        .expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let committed: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    assert_eq!(answer.json, committed);
}

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member.as_str()) {
                    ("$ref", Some(reference)) => {
                        found.insert(reference);
                    }
                    _ => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_description_holds_together() {
    let api = Api::new().await;
    let document = api.get("/v1/openapi.json").await.expect(200).json;
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} names two operations");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{method} {path}"
            );
            assert!(responses.contains_key("503"));
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .count();
            assert_eq!(in_path, path.matches('{').count(), "{method} {path}");
        }
    }
    assert!(names.len() > 60, "{}", names.len());
}

#[tokio::test]
async fn the_page_needs_nobody_else() {
    let api = Api::new().await;
    let page = api.anonymous(Method::GET, "/docs").send().await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.header("content-security-policy")
            .contains("default-src 'none'")
    );
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.text.contains(outside), "the page names {outside}");
    }
}

#[test]
fn no_two_types_have_one_name_in_the_description() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            for declared in text.split("ToSchema").skip(1) {
                let mut words = declared
                    .split_whitespace()
                    .skip_while(|word| !matches!(*word, "struct" | "enum"));
                if let Some(name) = words.nth(1) {
                    let name = name.split(['<', '(', ';']).next().unwrap().to_owned();
                    places.entry(name).or_default().push(path.display().to_string());
                }
            }
        }
    }
    // The imports of the derive itself name the type that comes next once more.
    for (name, mut files) in places {
        files.dedup();
        assert_eq!(files.len(), 1, "{name} is declared in {files:?}");
    }
}
