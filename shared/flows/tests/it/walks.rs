//! Conversations through the example flows.

use domain::activity::state::State;
use domain::channel::Channel::{Email, Sms, Whatsapp};
use flows::conversation::event::StopOutcome;
use flows::{Event, StepError};
use serde_json::{Value as Json, json};

use crate::common::{Walk, demo, put, reminder, second};

fn start_demo() -> Walk {
    Walk::start(&demo(), &[Whatsapp, Sms, Email], json!({}))
}

fn start_reminder(contact: Json) -> Walk {
    Walk::start(&reminder(), &[Whatsapp, Sms, Email], contact)
}

#[test]
fn an_answer_ends_it() {
    let mut walk = start_demo();
    assert_eq!((walk.node(), walk.conversation.wake), ("invite", None));
    let invite = walk.scheduled()[0].clone();
    assert_eq!((invite.channel, invite.to.as_str()), (Whatsapp, "+442079460958"));
    assert_eq!(
        (invite.due_at, invite.expires_at),
        (second(0), Some(second(48 * 3_600)))
    );
    insta::assert_json_snapshot!(invite.body, @r#"
    {
      "components": [
        {
          "parameters": [
            {
              "text": "Ann",
              "type": "text"
            },
            {
              "text": "Spring offer",
              "type": "text"
            }
          ],
          "type": "body"
        }
      ],
      "language": "en",
      "name": "spring_offer",
      "type": "TEMPLATE"
    }
    "#);
    walk.message(State::Sent);
    assert_eq!(
        (walk.node(), walk.conversation.wake),
        ("readOrReply", Some(second(4)))
    );
    walk.message(State::Delivered).says("Yes!");
    assert_eq!((walk.outcome(), walk.conversation.wake), (Some("replied"), None));
    assert_eq!(walk.conversation.response.as_ref().unwrap().text, "Yes!");
    assert!(walk.cancelled().is_empty());
}

#[test]
fn unread_gets_a_text_message_and_failed_an_email() {
    let mut walk = start_demo();
    walk.message(State::Sent).message(State::Delivered).after(4);
    assert_eq!(walk.node(), "text");
    walk.message(State::Failed);
    assert_eq!(walk.node(), "email");
    walk.message(State::Sent).after(4);
    assert_eq!(walk.outcome(), Some("no_answer"));
    let channels: Vec<_> = walk.scheduled().iter().map(|schedule| schedule.channel).collect();
    assert_eq!(channels, [Whatsapp, Sms, Email]);
    assert_eq!(walk.scheduled()[2].body.text("subject"), Some("Spring offer"));
}

#[test]
fn a_receipt_that_overtakes_its_wait_counts() {
    let mut walk = start_demo();
    // READ comes before SENT: the message node moves on, and the wait finds what it waits for.
    walk.message(State::Read);
    assert_eq!(walk.node(), "answerAfterReading");
    walk.message(State::Sent)
        .message(State::Delivered)
        .message(State::Read);
    assert_eq!(walk.node(), "answerAfterReading");
    walk.after(4);
    assert_eq!(walk.outcome(), Some("read"));
}

#[test]
fn channels_are_not_shifted_but_chosen_by_address() {
    let walk = Walk::start(&demo(), &[Email], json!({}));
    // No WhatsApp address, no number: what the flow wires for it.
    assert_eq!(walk.node(), "email");
    let walk = Walk::start(&demo(), &[], json!({}));
    assert_eq!(walk.outcome(), Some("not_reached"));
    let mut walk = start_demo();
    walk.message(State::Refused);
    assert_eq!(walk.outcome(), Some("refused"));
}

#[test]
fn stop_cancels_what_is_open_and_nothing_moves_after_it() {
    let mut walk = start_demo();
    let activity = walk.scheduled()[0].activity_id();
    walk.apply(&Event::Stopped {
        outcome: StopOutcome::OptedOut,
    });
    assert_eq!(walk.outcome(), Some("opted_out"));
    assert_eq!(walk.cancelled(), [&activity]);
    // It had left already: a fact, no move.
    let before = walk.conversation.visit;
    walk.message(State::Sent)
        .message(State::Read)
        .says("hello")
        .after(9);
    assert_eq!(
        (walk.conversation.visit, walk.outcome()),
        (before, Some("opted_out"))
    );
    assert_eq!(walk.conversation.messages[0].state, State::Replied);
    let set = Event::DataSet {
        values: Default::default(),
        expected: Default::default(),
    };
    let refused = flows::step(&walk.flow, walk.conversation, &set, second(9), 9);
    assert_eq!(refused.unwrap_err(), StepError::Ended);
}

#[test]
fn timers_of_other_visits_and_early_ones_do_nothing() {
    let mut walk = start_demo();
    walk.message(State::Sent);
    let visit = walk.conversation.visit;
    for (now, timer) in [(3, visit), (9, visit - 1), (9, visit + 1)] {
        walk.now = now;
        let timer = Event::Timer { visit: timer };
        let step = flows::step(&walk.flow, walk.conversation.clone(), &timer, second(now), 9).unwrap();
        assert!(!step.changed && step.effects.is_empty());
        assert_eq!(step.conversation, walk.conversation);
    }
    walk.after(0);
    assert_eq!(walk.node(), "text");
}

#[test]
fn a_template_that_cannot_be_rendered_fails_and_blocks_nothing() {
    let mut document = demo();
    let text = "{% for a in profile.firstName * 9000 %}{{ profile.firstName * 9000 }}{% endfor %}";
    put(&mut document, "/nodes/text/channels/0/text", json!(text));
    put(
        &mut document,
        "/nodes/email/channels/0/text",
        json!("{% if not profile.firstName %}x{% endif %}"),
    );
    let mut walk = Walk::start(&document, &[Sms, Email], json!({}));
    // The text runs out of fuel, the e-mail is empty.
    assert_eq!(walk.outcome(), Some("not_reached"));
    walk.after(1);
    insta::assert_snapshot!(flows::explain(&walk.conversation.log), @r"
    2026-02-25T06:13:20.000Z: began at `invite`.
    2026-02-25T06:13:20.000Z: visit 1 of `invite` came out as `no_address`; went on to `text`.
    2026-02-25T06:13:20.000Z: visit 2 of `text` came out as `failed` (template: line 1: engine ran out of fuel); went on to `email`.
    2026-02-25T06:13:20.000Z: visit 3 of `email` came out as `failed` (template: comes out empty); went on to `notReached`.
    2026-02-25T06:13:20.000Z: ended at `notReached` as `not_reached`.
    ");
}

#[test]
fn data_is_set_by_expressions() {
    let mut walk = start_reminder(json!({"amount": "250.50", "discount": 50, "invoice": "R-7"}));
    assert_eq!(walk.conversation.data["due"].value, json!(125.25));
    assert_eq!(walk.node(), "remind");
    assert_eq!(
        walk.scheduled()[0].body.readable(),
        Some("Ann, 125.25 for invoice R-7 is still open.")
    );
    assert_eq!(walk.scheduled()[0].metadata["purpose"], "reminder");
    // Three reminders, the later ones firm, then a letter, then a person.
    let day = 24 * 3600;
    for _ in 0..3 {
        walk.message(State::Sent).after(3 * day);
    }
    assert_eq!(walk.node(), "letter");
    let texts: Vec<_> = walk
        .scheduled()
        .iter()
        .filter_map(|s| s.body.readable())
        .collect();
    assert!(
        !texts[1].starts_with("Last") && texts[2].starts_with("Last"),
        "{texts:?}"
    );
    assert!(flows::explain(&walk.conversation.log).contains("(exhausted:remind); went on to `letter`"));
    walk.message(State::Sent).after(7 * day);
    assert_eq!(walk.outcome(), Some("to_person"));
}

#[test]
fn expressions_without_a_value_take_their_own_way() {
    assert_eq!(start_reminder(json!({})).outcome(), Some("bad_data"));
    assert_eq!(
        start_reminder(json!({"amount": "many"})).outcome(),
        Some("bad_data")
    );
    // The class decides though the amount is small; a class that is missing decides nothing.
    let walk = start_reminder(json!({"amount": 1, "Customer class": "A", "invoice": "R"}));
    assert_eq!(walk.node(), "letter");
    let walk = start_reminder(json!({"amount": 1, "invoice": "R"}));
    assert_eq!(walk.node(), "remind");
    assert!(flows::explain(&walk.conversation.log).contains("case1:absent"));
}

#[test]
fn an_event_from_outside_ends_the_wait_even_if_it_comes_early() {
    let paid = Event::External {
        name: "payment".to_owned(),
        data: json!({"at": "2026-03-01T10:00:00+01:00", "by": "bank"}),
        at: second(1),
    };
    for is_early in [true, false] {
        let mut walk = start_reminder(json!({"amount": 10, "invoice": "R"}));
        if is_early {
            walk.apply(&paid).message(State::Sent);
        } else {
            walk.message(State::Sent).apply(&paid);
        }
        assert_eq!(walk.outcome(), Some("settled"));
        assert_eq!(
            walk.conversation.data["paidAt"].value,
            json!("2026-03-01T09:00:00.000Z")
        );
    }
    let mut walk = start_reminder(json!({"amount": 10, "invoice": "R"}));
    // Without its data the payment is one all the same.
    let bare = Event::External {
        name: "payment".to_owned(),
        data: json!(null),
        at: second(1),
    };
    walk.message(State::Sent).apply(&bare);
    assert_eq!(walk.outcome(), Some("settled"));
    let mut walk = start_reminder(json!({"amount": 10, "invoice": "R"}));
    let other = Event::External {
        name: "rain".to_owned(),
        data: json!({}),
        at: second(1),
    };
    let before = walk.conversation.clone();
    assert_eq!(walk.apply(&other).conversation, before);
}

#[test]
fn data_from_outside_is_typed_versioned_and_wakes() {
    let set = |values: Json, expected: Json| Event::DataSet {
        values: serde_json::from_value(values).unwrap(),
        expected: serde_json::from_value(expected).unwrap(),
    };
    let mut walk = start_reminder(json!({"amount": 10, "invoice": "R"}));
    walk.message(State::Sent);
    let refused = |event: Event| flows::step(&walk.flow, walk.conversation.clone(), &event, second(0), 9);
    let version = walk.conversation.data["tone"].version;
    for (values, expected, error) in [
        (
            json!({"mood": 1}),
            json!({}),
            StepError::UnknownVariable("mood".to_owned()),
        ),
        (
            json!({"tone": 1}),
            json!({}),
            StepError::Type {
                variable: "tone".to_owned(),
                expected: "string".to_owned(),
            },
        ),
        (
            json!({"tone": "x"}),
            json!({"tone": version + 1}),
            StepError::Conflict {
                variable: "tone".to_owned(),
                current: version,
            },
        ),
        (json!({"tone": "x".repeat(5_000)}), json!({}), StepError::TooLarge),
    ] {
        assert_eq!(refused(set(values, expected)).unwrap_err(), error);
    }
    walk.apply(&set(
        json!({"tone": "calm"}),
        json!({"tone": version, "paidAt": 0}),
    ));
    assert_eq!(walk.node(), "payment");
    assert!(walk.conversation.data["tone"].version > version);
    walk.apply(&set(json!({"tone": null}), json!({})));
    assert!(!walk.conversation.data.contains_key("tone"));
    walk.apply(&set(json!({"paidAt": "2026-03-01T10:00:00Z"}), json!({})));
    assert_eq!(walk.outcome(), Some("settled"));
}

#[test]
fn each_answer_counts_for_one_wait() {
    let mut walk = start_reminder(json!({"amount": 10, "invoice": "R"}));
    walk.message(State::Sent).says("who is this?");
    // Not a promise: the next reminder, and its wait must not take the same answer again.
    assert_eq!(walk.node(), "remind");
    walk.message(State::Sent);
    assert_eq!(walk.node(), "payment");
    walk.says("who is this?");
    assert_eq!(walk.node(), "payment", "a repeat of the same message");
    walk.now = 5;
    walk.says("OK, tomorrow");
    assert_eq!(walk.outcome(), Some("promised"));
}

#[test]
fn a_pause_holds_everything_and_loses_nothing() {
    let mut walk = start_demo();
    walk.message(State::Sent);
    let wake = walk.conversation.wake;
    let (read, visit) = (walk.changed(State::Read), walk.conversation.visit);
    walk.hold(&read).hold(&read).hold(&Event::Timer { visit });
    assert_eq!(
        (walk.node(), walk.conversation.wake, walk.conversation.held.len()),
        ("readOrReply", wake, 1)
    );
    walk.now = 60;
    walk.release();
    // The receipt comes first, though the wait has run out since; the next wait begins now.
    assert_eq!(
        (walk.node(), walk.conversation.wake),
        ("answerAfterReading", Some(second(64)))
    );
    walk.now = 99;
    walk.release();
    assert_eq!(walk.outcome(), Some("read"));

    let mut walk = start_demo();
    walk.hold(&walk.reply("No")).hold(&Event::Stopped {
        outcome: StopOutcome::OptedOut,
    });
    assert_eq!(walk.outcome(), Some("opted_out"), "an opt-out waits for nothing");
    assert_eq!(walk.conversation.response.as_ref().unwrap().text, "No");
    assert!(walk.conversation.held.is_empty());
}

#[test]
fn what_does_not_fit_the_inbox_is_kept_as_facts() {
    let mut walk = start_demo();
    walk.message(State::Sent);
    for number in 0..50 {
        walk.now = number;
        walk.hold(&walk.reply(&"x".repeat(1_000)));
    }
    assert!(serde_json::to_string(&walk.conversation.held).unwrap().len() <= flows::MAX_HELD_BYTES);
    assert!(walk.conversation.response.is_some());
    walk.release();
    assert_eq!(walk.outcome(), Some("replied"));
}

#[test]
fn data_set_during_a_pause_is_written_at_once_and_acts_on_release() {
    let mut walk = start_reminder(json!({"amount": 10, "invoice": "R"}));
    walk.message(State::Sent);
    let values = serde_json::from_value(json!({"paidAt": "2026-03-01T10:00:00Z"})).unwrap();
    walk.hold(&Event::DataSet {
        values,
        expected: Default::default(),
    });
    assert!(walk.conversation.data.contains_key("paidAt"));
    assert_eq!(walk.node(), "payment");
    walk.release();
    assert_eq!(walk.outcome(), Some("settled"));
}

#[test]
fn a_conversation_of_another_version_is_refused() {
    let walk = start_demo();
    let other = crate::common::flow(&reminder());
    let error = flows::step(&other, walk.conversation, &Event::Started, second(0), 2).unwrap_err();
    assert!(matches!(error, StepError::WrongFlow(_)));
}

#[test]
fn log_entries_carry_the_version_of_their_write() {
    let mut walk = start_demo();
    walk.version = 40;
    walk.message(State::Sent);
    let names: Vec<_> = walk
        .conversation
        .log
        .added_by(41)
        .map(|(_, event)| event.name())
        .collect();
    assert_eq!(names, ["conversation.moved"]);
    insta::assert_json_snapshot!(walk.conversation.log.entries(), @r#"
    [
      {
        "v": 1,
        "type": "conversation.started",
        "node": "invite",
        "at": "2026-02-25T06:13:20.000Z"
      },
      {
        "v": 41,
        "type": "conversation.moved",
        "visit": 1,
        "from": "invite",
        "outcome": "sent",
        "to": "readOrReply",
        "at": "2026-02-25T06:13:20.000Z"
      }
    ]
    "#);
}

#[test]
fn no_conversation_goes_on_for_ever() {
    let wait = |next: &str| {
        json!({
            "type": "wait", "timeout": "1s", "maxVisits": 100,
            "outcomes": {"timeout": next, "exhausted": "done"},
        })
    };
    let document = json!({
        "schema": 1, "start": "a",
        "nodes": {"a": wait("b"), "b": wait("a"), "done": {"type": "end", "label": "done"}},
    });
    let mut walk = Walk::start(&document, &[], json!({}));
    for _ in 0..flows::MAX_VISITS {
        walk.after(1);
    }
    assert_eq!(
        (walk.outcome(), walk.conversation.visit),
        (Some("exhausted"), flows::MAX_VISITS)
    );

    let message = json!({
        "type": "message", "maxVisits": 100, "channels": [{"channel": "sms", "text": "again"}],
        "outcomes": {
            "sent": "pause", "failed": "pause", "refused": "pause", "expired": "pause", "no_address": "pause",
            "unknown": "pause", "cancelled": "pause", "exhausted": "done",
        },
    });
    let document = json!({
        "schema": 1, "start": "nag",
        "nodes": {
            "nag": message,
            "pause": {"type": "wait", "timeout": "1s", "outcomes": {"timeout": "nag"}},
            "done": {"type": "end", "label": "done"},
        },
    });
    let mut walk = Walk::start(&document, &[Sms], json!({}));
    while walk.outcome().is_none() {
        walk.message(State::Sent).after(1);
    }
    assert_eq!(
        (walk.outcome(), walk.scheduled().len()),
        (Some("exhausted"), flows::MAX_MESSAGES)
    );
}
