//! Every fault of a document is told with its node and field.

use flows::Problem;
use serde_json::{Value as Json, json};

use crate::common::{declarations, demo, put, reminder, remove};

fn problems(document: &Json) -> Vec<Problem> {
    flows::validate(document, &declarations())
        .err()
        .unwrap_or_default()
}

/// The problem at this pointer; the test fails with all problems if there is none.
fn told(document: &Json, pointer: &str, message: &str) {
    let problems = problems(document);
    let found = problems
        .iter()
        .any(|problem| problem.pointer == pointer && problem.message.contains(message));
    assert!(found, "no `{message}` at {pointer}: {problems:#?}");
    for problem in problems {
        if let Some(node) = problem.node {
            let node = node.replace('/', "~1");
            let tail = if problem.field.is_empty() {
                String::new()
            } else {
                format!("/{}", problem.field)
            };
            assert_eq!(problem.pointer, format!("/nodes/{node}{tail}"));
        }
    }
}

/// A document, where it is changed to what, and the pointer and message of the problem.
type Fault = (fn() -> Json, &'static str, Json, &'static str, &'static str);

#[test]
fn each_fault_names_its_place() {
    let faults: Vec<Fault> = vec![
        (demo, "/schema", json!(2), "/schema", "must be 1"),
        (demo, "/start", json!("nowhere"), "/start", "must name a node"),
        (demo, "/extra", json!(1), "/extra", "not known"),
        (
            demo,
            "/nodes/invite/type",
            json!("telegram"),
            "/nodes/invite/type",
            "must be one of message",
        ),
        (
            demo,
            "/nodes/invite/channels/0",
            json!({"channel": "sms", "text": " \n"}),
            "/nodes/invite/channels/0/text",
            "must not be blank",
        ),
        (
            demo,
            "/nodes/invite/channels/0",
            json!({"channel": "sms", "text": "a\u{0}b"}),
            "/nodes/invite/channels/0/text",
            "control characters",
        ),
        (
            demo,
            "/nodes/invite/channels/0",
            json!({"channel": "sms", "text": "Hello", "serviceIdentifier": "a\u{0}"}),
            "/nodes/invite/channels/0/serviceIdentifier",
            "control characters",
        ),
        (
            demo,
            "/nodes/invite/surprise",
            json!(1),
            "/nodes/invite/surprise",
            "unknown field `surprise`",
        ),
        (
            demo,
            "/nodes/invite/expiresAfter",
            json!("5 minutes"),
            "/nodes/invite/expiresAfter",
            "length of time",
        ),
        (
            demo,
            "/nodes/invite/channels",
            json!([]),
            "/nodes/invite/channels",
            "1 to 4",
        ),
        (
            demo,
            "/nodes/invite/channels/0/channel",
            json!("voice"),
            "/nodes/invite/channels/0/channel",
            "unknown variant",
        ),
        (
            demo,
            "/nodes/invite/channels/0/text",
            json!("x"),
            "/nodes/invite/channels/0",
            "either `text` or",
        ),
        (
            demo,
            "/nodes/invite/channels/0/template/parameters/0",
            json!("{{ profile.fristName }}"),
            "/nodes/invite/channels/0/template/parameters/0",
            "`profile.fristName` is not known",
        ),
        (
            demo,
            "/nodes/text/channels/0/text",
            json!("{{ x"),
            "/nodes/text/channels/0/text",
            "line 1",
        ),
        (
            demo,
            "/nodes/text/channels/0/text",
            json!("{{ 1 | wild }}"),
            "/nodes/text/channels/0/text",
            "no filter",
        ),
        (
            demo,
            "/nodes/email/channels/0/subject",
            json!(["x"]),
            "/nodes/email/channels/0",
            "invalid type",
        ),
        (
            demo,
            "/nodes/invite/outcomes/sent",
            json!("nowhere"),
            "/nodes/invite/outcomes/sent",
            "no node `nowhere`",
        ),
        (
            demo,
            "/nodes/invite/outcomes/happy",
            json!("email"),
            "/nodes/invite/outcomes/happy",
            "no such outcome",
        ),
        (
            demo,
            "/nodes/invite/outcomes/exhausted",
            json!("seen"),
            "/nodes/invite/outcomes/exhausted",
            "only with",
        ),
        (
            demo,
            "/nodes/invite/maxVisits",
            json!(2),
            "/nodes/invite/outcomes",
            "needs the outcome `exhausted`",
        ),
        (
            demo,
            "/nodes/invite/maxVisits",
            json!(101),
            "/nodes/invite/maxVisits",
            "from 1 to 100",
        ),
        (
            demo,
            "/nodes/readOrReply/timeout",
            json!("367d"),
            "/nodes/readOrReply/timeout",
            "between 1s and 366d",
        ),
        (
            demo,
            "/nodes/readOrReply/for/1/of",
            json!("seen"),
            "/nodes/readOrReply/for/1/of",
            "no message node",
        ),
        (
            demo,
            "/nodes/readOrReply/for/1/receipt",
            json!("eaten"),
            "/nodes/readOrReply/for/1",
            "unknown variant",
        ),
        (
            demo,
            "/nodes/answered/label",
            json!("opted_out"),
            "/nodes/answered/label",
            "kept for",
        ),
        (
            demo,
            "/nodes/answered/label",
            json!("a b"),
            "/nodes/answered/label",
            "must start with a letter",
        ),
        (
            demo,
            "/nodes/a~1b",
            json!({"type": "end", "label": "x"}),
            "/nodes/a~1b",
            "must start with a letter",
        ),
        (
            demo,
            "/nodes/lonely",
            json!({"type": "end", "label": "x"}),
            "/nodes/lonely",
            "cannot be reached",
        ),
        (
            demo,
            "/nodes/text/outcomes/sent",
            json!("text"),
            "/nodes/text/outcomes",
            "the loop of text is never left",
        ),
        (
            demo,
            "/nodes/text/outcomes/sent",
            json!("text"),
            "/nodes/text/outcomes",
            "does not wait",
        ),
        (
            reminder,
            "/variables/tone/type",
            json!("colour"),
            "/variables/tone/type",
            "unknown variant",
        ),
        (
            reminder,
            "/variables/tone/initial",
            json!(1),
            "/variables/tone/initial",
            "must be a string",
        ),
        (
            reminder,
            "/variables/a-b",
            json!({"type": "string"}),
            "/variables/a-b",
            "must start with a letter",
        ),
        (
            reminder,
            "/nodes/size/cases",
            json!([]),
            "/nodes/size/cases",
            "1 to 32",
        ),
        (
            reminder,
            "/nodes/size/cases/0/when",
            json!("data.due"),
            "/nodes/size/cases/0/when",
            "a boolean is needed",
        ),
        (
            reminder,
            "/nodes/size/cases/0/when",
            json!("data.du > 1"),
            "/nodes/size/cases/0/when",
            "`data.du` is not",
        ),
        (
            reminder,
            "/nodes/next/values/tone",
            json!("1"),
            "/nodes/next/values/tone",
            "a string is needed",
        ),
        (
            reminder,
            "/nodes/next/values/mood",
            json!("1"),
            "/nodes/next/values/mood",
            "no variable `mood`",
        ),
        (
            reminder,
            "/nodes/payment/for/0/store/when",
            json!("at"),
            "/nodes/payment/for/0/store/when",
            "no variable",
        ),
        (
            reminder,
            "/nodes/payment/for/1/when",
            json!("now"),
            "/nodes/payment/for/1/when",
            "a boolean is needed",
        ),
        (
            reminder,
            "/nodes/remind/metadata/purpose",
            json!("x".repeat(257)),
            "/nodes/remind/metadata",
            "256",
        ),
        (
            reminder,
            "/nodes/remind/outcomes/exhausted",
            json!("payment"),
            "/nodes/next/outcomes",
            "is never left",
        ),
        (
            reminder,
            "/nodes/next/outcomes/done",
            json!("payment"),
            "/nodes/next/outcomes",
            "is never left",
        ),
        (
            reminder,
            "/nodes/remind/outcomes/sent",
            json!("next"),
            "/nodes/next/outcomes",
            "does not wait",
        ),
    ];
    for (document, pointer, value, at, message) in faults {
        let mut document = document();
        put(&mut document, pointer, value);
        told(&document, at, message);
    }
}

#[test]
fn what_is_missing_names_its_place() {
    for (pointer, at, message) in [
        ("/schema", "/schema", "must be 1"),
        ("/start", "/start", "must name a node"),
        ("/nodes", "/nodes", "1 to 200 nodes"),
        (
            "/nodes/invite/channels",
            "/nodes/invite",
            "missing field `channels`",
        ),
        (
            "/nodes/invite/outcomes/refused",
            "/nodes/invite/outcomes",
            "`refused` is not wired",
        ),
        (
            "/nodes/invite/outcomes",
            "/nodes/invite/outcomes",
            "`sent` is not wired",
        ),
        (
            "/nodes/readOrReply/timeout",
            "/nodes/readOrReply",
            "missing field `timeout`",
        ),
        (
            "/nodes/readOrReply/outcomes/timeout",
            "/nodes/readOrReply/outcomes",
            "`timeout` is not wired",
        ),
        (
            "/nodes/answered",
            "/nodes/readOrReply/outcomes/replied",
            "no node `answered`",
        ),
    ] {
        let mut document = demo();
        remove(&mut document, pointer);
        told(&document, at, message);
    }
}

#[test]
fn a_flow_must_be_able_to_end() {
    let document = json!({
        "schema": 1, "start": "a",
        "nodes": {
            "a": {"type": "wait", "timeout": "1h", "maxVisits": 2, "outcomes": {"timeout": "a", "exhausted": "b"}},
            "b": {"type": "wait", "timeout": "1h", "maxVisits": 2, "outcomes": {"timeout": "b", "exhausted": "a"}},
        },
    });
    told(&document, "/nodes/a", "no end can be reached");
    told(&document, "/nodes/a/outcomes", "the loop of a, b is never left");
}

#[test]
fn all_problems_are_told_at_once_and_in_order() {
    let mut document = reminder();
    put(&mut document, "/start", json!("nowhere"));
    put(&mut document, "/nodes/size/cases/0/when", json!("1 +"));
    put(
        &mut document,
        "/nodes/reply/cases/1/when",
        json!("response.at - 3 > 2"),
    );
    put(
        &mut document,
        "/nodes/remind/channels/0/text",
        json!("{{ data.due | roundd }} {{ data.duee }}"),
    );
    put(&mut document, "/nodes/settled/label", json!("stopped"));
    let problems: Vec<_> = problems(&document)
        .into_iter()
        .map(|problem| problem.pointer)
        .collect();
    assert_eq!(
        problems,
        [
            "/nodes/remind/channels/0/text",
            "/nodes/remind/channels/0/text",
            "/nodes/reply/cases/1/when",
            "/nodes/settled/label",
            "/nodes/size/cases/0/when",
            "/start",
        ]
    );
}

#[test]
fn documents_are_bounded() {
    told(&json!([]), "", "must be a JSON object");
    told(&json!({"x": "y".repeat(300_000)}), "", "at most 262144 bytes");
    let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
    told(&json!({ "x": deep }), "", "nested at most 16 deep");
    let mut document = demo();
    for number in 0..200 {
        put(
            &mut document,
            &format!("/nodes/n{number}"),
            json!({"type": "end", "label": "x"}),
        );
    }
    told(&document, "/nodes", "1 to 200 nodes");
}

#[test]
fn a_flow_tells_what_it_reads_and_waits_for() {
    let flow = crate::common::flow(&reminder());
    let events: Vec<_> = flow.events().map(ToString::to_string).collect();
    assert_eq!(events, ["payment"]);
    assert_eq!(flow.variables().count(), 5);
}
