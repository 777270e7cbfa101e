//! The published schema is the committed one, and says what validation says of the examples.

use serde_json::{Value as Json, json};

use crate::common::{collection, declarations, demo, reminder};

/// `UPDATE=1 cargo test -p flows` writes the file anew.
#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/flow.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{:#}\n", flows::schema())).unwrap();
    }
    let committed: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(committed, flows::schema());
}

fn is_valid(document: &Json) -> bool {
    jsonschema::validator_for(&flows::schema())
        .unwrap()
        .is_valid(document)
}

#[test]
fn the_examples_keep_the_schema() {
    let validator = jsonschema::validator_for(&flows::schema()).unwrap();
    for example in [demo(), reminder(), collection()] {
        let errors: Vec<_> = validator
            .iter_errors(&example)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new());
        flows::validate(&example, &declarations()).unwrap();
    }
}

/// Faults of shape are seen by both, so that an editor with the schema shows what the API would say.
#[test]
fn faults_of_shape_are_seen_by_schema_and_validation() {
    for (pointer, value) in [
        ("/schema", json!(2)),
        ("/start", json!("not a name")),
        ("/nodes/invite/type", json!("telegram")),
        ("/nodes/invite/channels", json!("whatsapp")),
        ("/nodes/invite/channels/0/channel", json!("pigeon")),
        ("/nodes/invite/expiresAfter", json!("tomorrow")),
        ("/nodes/invite/priority", json!("urgent")),
        ("/nodes/invite/maxVisits", json!(0)),
        ("/nodes/invite/surprise", json!(1)),
        ("/nodes/invite/outcomes/sent", json!(7)),
        ("/nodes/readOrReply/for/0/on", json!("smoke")),
        ("/nodes/readOrReply/timeout", json!(4)),
        ("/nodes/answered/label", json!("two words")),
        ("/surprise", json!(1)),
    ] {
        let mut document = demo();
        crate::common::put(&mut document, pointer, value);
        assert!(!is_valid(&document), "{pointer}");
        assert!(flows::validate(&document, &declarations()).is_err(), "{pointer}");
    }
}
