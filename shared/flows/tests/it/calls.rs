//! Calls through the example flow: tries, results, wrap-up codes, routing.

use domain::activity::state::State;
use domain::channel::Channel::{self, Email, Sms, Voice};
use domain::time::Millis;
use flows::{Effect, Event};
use serde_json::{Value as Json, json};

use crate::common::{Walk, collection, declarations, put, remove, second};

fn start() -> Walk {
    start_with(&collection(), &[Voice, Sms, Email])
}

fn start_with(document: &Json, channels: &[Channel]) -> Walk {
    Walk::start(document, channels, json!({"amount": 50, "invoice": "R-7"}))
}

fn wrap_up(walk: &Walk, code: &str) -> Event {
    Event::WrapUp {
        activity: None,
        code: code.to_owned(),
        at: second(walk.now),
    }
}

fn outside(walk: &Walk, name: &str, data: Json) -> Event {
    Event::External {
        name: name.to_owned(),
        data,
        at: second(walk.now),
    }
}

#[test]
fn a_call_says_how_it_is_paced_and_what_the_agent_sees() {
    let walk = start();
    insta::assert_json_snapshot!(walk.effects);
}

#[test]
fn a_busy_line_is_tried_again_within_the_visit() {
    let mut walk = start();
    for attempt in 1..=3_i64 {
        walk.message(State::Sent);
        walk.now += 10;
        walk.call(State::Failed, "USER_BUSY");
        if attempt < 3 {
            let last = (*walk.scheduled().last().unwrap()).clone();
            assert_eq!((walk.node(), walk.conversation.visit), ("ask", 1));
            assert_eq!(
                (i64::from(last.index), last.due_at),
                (attempt, second(walk.now + 300))
            );
            assert_eq!(last.expires_at, Some(second(walk.now + 300 + 4 * 3600)));
            walk.now += 300;
        }
    }
    let ids: std::collections::BTreeSet<_> = walk.scheduled().iter().map(|s| s.activity_id()).collect();
    assert_eq!(ids.len(), 4, "three tries and the text message");
    assert_eq!(walk.node(), "text");
    walk.message(State::Failed).message(State::Sent);
    assert_eq!(walk.outcome(), Some("written"));
    insta::assert_snapshot!(flows::explain(&walk.conversation.log));
}

#[test]
fn each_result_has_its_own_tries() {
    let mut walk = start();
    walk.call(State::Failed, "USER_BUSY")
        .call(State::Failed, "NO_ANSWER")
        .call(State::Failed, "USER_BUSY");
    assert_eq!((walk.node(), walk.scheduled().len()), ("ask", 4));
    walk.call(State::Failed, "NO_USER_RESPONSE");
    assert_eq!(walk.node(), "text");
}

#[test]
fn results_without_retries_leave_at_once() {
    for (reason, node) in [
        ("ANSWERING_MACHINE", "text"),
        ("FAX_MACHINE", "mail"),
        ("INVALID_NUMBER", "mail"),
        ("CALL_REJECTED", "mail"),
        ("ABANDONED", "text"),
        ("NETWORK_OUT_OF_ORDER", "text"),
        ("A_CAUSE_OF_TOMORROW", "text"),
    ] {
        let mut walk = start();
        walk.message(State::Sent).call(State::Failed, reason);
        assert_eq!(walk.node(), node, "{reason}");
        // The receipt comes again, and late news of the call come too: facts, no moves.
        let visit = walk.conversation.visit;
        walk.apply(&wrap_up(&walk, "PROMISE"));
        assert_eq!((walk.conversation.visit, walk.scheduled().len()), (visit, 2));
    }
    let walk = start_with(&collection(), &[Sms]);
    assert_eq!(walk.node(), "text");
    let mut walk = start();
    walk.message(State::Refused);
    assert_eq!(walk.outcome(), Some("not_reached"));
}

#[test]
fn the_wrap_up_code_decides_where_an_answered_call_leads() {
    for (code, end) in [("promise to PAY", "promised"), ("wrong person", "spoken")] {
        let mut walk = start();
        walk.message(State::Sent)
            .call(State::Connected, "NORMAL_CLEARING");
        assert_eq!((walk.node(), walk.conversation.wake), ("ask", Some(second(600))));
        walk.apply(&wrap_up(&walk, code));
        assert_eq!(walk.outcome(), Some(end), "{code}");
    }
    // The code overtakes the receipt.
    let mut walk = start();
    walk.message(State::Sent).apply(&wrap_up(&start(), "PROMISE"));
    assert_eq!(walk.outcome(), Some("promised"));
    // It never comes.
    for answered in [State::Connected, State::Read] {
        let mut walk = start();
        walk.message(State::Sent).message(answered).after(599);
        assert_eq!(walk.outcome(), None);
        walk.after(1);
        assert_eq!(walk.outcome(), Some("spoken"), "{answered:?}");
    }
}

#[test]
fn a_lost_result_holds_nobody_for_ever() {
    let mut walk = start();
    walk.message(State::Sent);
    assert_eq!(walk.conversation.wake, Some(second(2 * 3600)));
    walk.after(2 * 3600);
    assert_eq!(walk.node(), "text");
    assert!(flows::explain(&walk.conversation.log).contains("`unknown` (no-result)"));
}

#[test]
fn whoever_has_spoken_is_not_dialed_again_though_the_receipt_comes_late() {
    let mut document = collection();
    remove(&mut document, "/nodes/ask/wrapUps");
    for outcome in ["promised", "advisor", "later"] {
        remove(&mut document, &format!("/nodes/ask/outcomes/{outcome}"));
    }
    remove(&mut document, "/nodes/route");
    remove(&mut document, "/nodes/promise");
    let mut walk = start_with(&document, &[Voice, Sms]);
    let first = walk.changed(State::Connected);
    walk.call(State::Failed, "NO_ANSWER");
    let redial = walk.scheduled()[1].activity_id();
    walk.apply(&first);
    assert_eq!(walk.outcome(), Some("spoken"));
    assert!(walk.effects.contains(&Effect::Cancel { activity: redial }));
}

#[test]
fn an_agent_by_name_is_rendered_or_the_call_fails() {
    let mut document = collection();
    remove(&mut document, "/nodes/ask/skillGroup");
    put(&mut document, "/nodes/ask/agent", json!("{{ profile.advisor }}"));
    let walk = start_with(&document, &[Voice, Sms]);
    // Nobody has an advisor in this profile.
    assert_eq!(walk.node(), "text");
    assert!(flows::explain(&walk.conversation.log).contains("`failed` (agent)"));
    put(
        &mut document,
        "/nodes/ask/agent",
        json!("{{ profile.firstName | lower }}"),
    );
    let walk = start_with(&document, &[Voice]);
    let dialing = serde_json::to_value(&walk.scheduled()[0].dialing).unwrap();
    assert_eq!(
        dialing,
        json!({"kind": "agent", "mode": "progressive", "pool": {"agent": "ann"}})
    );
}

#[test]
fn the_customer_sees_a_number_of_their_region() {
    let seen = |caller_ids: Json| {
        let mut document = collection();
        put(&mut document, "/nodes/ask/callerIds", caller_ids);
        let walk = start_with(&document, &[Voice]);
        assert!(walk.scheduled()[0].to.as_str().starts_with("+44"));
        walk.scheduled()[0].service_identifier.clone().unwrap()
    };
    assert_eq!(seen(json!({})), "+442079460000");
    assert_eq!(seen(json!({"+1": "+12025550100"})), "+442079460000");
    let both = json!({"+4": "shorter", "+44": "longer", "+440": "another", "+45": "Denmark"});
    assert_eq!(seen(both), "longer");
}

#[test]
fn who_dials_first_has_a_message_for_the_abandoned() {
    let mut document = collection();
    put(&mut document, "/nodes/ask/mode", json!("power"));
    let message = json!("{{ profile.firstName }}, this was Example Ltd. Press 9, and we call you no more.");
    put(&mut document, "/nodes/ask/abandonedMessage", message);
    let walk = start_with(&document, &[Voice]);
    let said = walk.scheduled()[0]
        .body
        .text("abandonedMessage")
        .unwrap()
        .to_owned();
    assert!(said.contains(", this was Example Ltd."), "{said}");
}

#[test]
fn an_ivr_call_carries_its_text() {
    let mut document = collection();
    put(&mut document, "/nodes/ask/outcomes/no_address", json!("mail"));
    let mut walk = start_with(&document, &[Voice]);
    walk.call(State::Failed, "INVALID_NUMBER");
    assert_eq!(walk.node(), "lastCall");
    insta::assert_json_snapshot!(walk.scheduled()[1].body);
    // What an agentless call cannot be is a failure.
    walk.call(State::Failed, "ABANDONED");
    assert_eq!(walk.outcome(), Some("not_reached"));
}

fn at_route() -> Walk {
    let mut document = collection();
    put(
        &mut document,
        "/nodes/route/agent",
        json!("{{ profile.firstName }}"),
    );
    let mut walk = start_with(&document, &[Voice, Sms, Email]);
    walk.message(State::Connected);
    walk.apply(&wrap_up(&walk, "asks for advisor"));
    assert_eq!(walk.node(), "route");
    walk
}

#[test]
fn the_named_agent_comes_first_then_the_queue_then_time_is_up() {
    let mut walk = at_route();
    assert_eq!(walk.conversation.wake, Some(second(120)));
    walk.after(120);
    assert_eq!(
        (walk.node(), walk.conversation.wake),
        ("route", Some(second(600)))
    );
    walk.after(480);
    assert_eq!(walk.node(), "text");
    insta::assert_snapshot!(flows::explain(&walk.conversation.log));
}

#[test]
fn an_agent_is_assigned() {
    let mut walk = at_route();
    let visit = walk.conversation.visit;
    walk.apply(&outside(
        &walk,
        "AGENT_RESERVED",
        json!({"agentId": "x", "visit": visit - 1}),
    ));
    assert_eq!(walk.node(), "route", "an answer to another request");
    walk.now += 1;
    walk.apply(&outside(
        &walk,
        "AGENT_RESERVED",
        json!({"agentId": "bob", "visit": visit}),
    ));
    assert_eq!(walk.outcome(), Some("spoken"));
    assert_eq!(walk.conversation.data["agent"].value, json!("bob"));
}

#[test]
fn an_answer_to_this_request_counts_by_whatever_clock() {
    let mut walk = at_route();
    let reserved = |walk: &Walk, data: Json| {
        let Event::External { name, data, .. } = outside(walk, "AGENT_RESERVED", data) else {
            unreachable!("it comes from outside");
        };
        let at = walk.conversation.entered - Millis::seconds(30);
        Event::External { name, data, at }
    };
    let visit = walk.conversation.visit;
    walk.apply(&reserved(&walk, json!({"agentId": "bob"})));
    assert_eq!(walk.node(), "route", "it may be the answer to an earlier one");
    let mut walk = at_route();
    walk.apply(&reserved(&walk, json!({"agentId": "bob", "visit": visit})));
    assert_eq!(walk.outcome(), Some("spoken"));
}

#[test]
fn where_the_named_agent_is_not_there_the_queue_is_asked_at_once() {
    let mut walk = at_route();
    walk.now += 5;
    walk.apply(&outside(&walk, "NO_AGENT_AVAILABLE", json!({})));
    assert_eq!(
        (walk.node(), walk.conversation.wake),
        ("route", Some(second(600)))
    );
    walk.now += 5;
    walk.apply(&outside(&walk, "NO_AGENT_AVAILABLE", json!({})));
    assert_eq!(walk.node(), "text");
}

#[test]
fn what_calls_may_not_say_is_told() {
    let problems = |pointer: &str, value: Json| {
        let mut document = collection();
        put(&mut document, pointer, value);
        let problems = flows::validate(&document, &declarations()).unwrap_err();
        let told = problems.iter().map(|problem| problem.to_string());
        told.collect::<Vec<_>>().join("\n")
    };
    let told: Vec<_> = [
        ("/nodes/ask/agent", json!("bob")),
        ("/nodes/ask/ringLimit", json!("10s")),
        ("/nodes/ask/retries/busy/attempts", json!(11)),
        (
            "/nodes/ask/retries/abandoned",
            json!({"after": "1h", "attempts": 1}),
        ),
        ("/nodes/ask/wrapUps/busy", json!(["BUSY"])),
        ("/nodes/ask/wrapUps/promised", json!(["call later"])),
        ("/nodes/ask/mode", json!("reckless")),
        ("/nodes/ask/mode", json!("power")),
        ("/nodes/ask/abandonedMessage", json!("")),
        ("/nodes/ask/callerIds", json!({"44": "+442079460000"})),
        ("/nodes/ask/callerIds", json!({"+44": ""})),
        ("/nodes/lastCall/flow", json!("menu")),
        ("/nodes/route/grace", json!("10m")),
        ("/nodes/route/storeAgent", json!("nobody")),
    ]
    .into_iter()
    .map(|(pointer, value)| problems(pointer, value))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}
