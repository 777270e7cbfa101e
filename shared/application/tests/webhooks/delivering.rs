//! Attempts, and what becomes of an endpoint that does not take them.

use application::error::Error;
use application::webhooks::{self, Revision, WebhookState};
use domain::time::Millis;
use domain::webhook::delivery::DeliveryState;
use domain::webhook::health::DisabledReason;
use serde_json::Value;

use crate::desk::{Answer, Desk, parsed, tenant};

#[test]
fn failures_are_tried_again_by_the_schedule() {
    Desk::calm(|desk| async move {
        desk.register("a", &["activity.*"]).await;
        desk.answer(
            "a",
            [
                Answer::Status(500),
                Answer::Timeout,
                Answer::Status(301),
                Answer::Status(204),
            ],
        );
        desk.schedule("one", |_| {}).await;
        desk.run(Millis::hours(1)).await;

        let requests = desk.requests();
        let ids: Vec<String> = requests
            .iter()
            .map(|request| request.header("webhook-id"))
            .collect();
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
        let pauses: Vec<u64> = requests
            .windows(2)
            .map(|pair| pair[1].at.since(pair[0].at).get() / 1_000)
            .collect();
        let [first, second, third] = pauses.try_into().unwrap();
        assert!((4..=6).contains(&first), "{first}");
        assert!((240..=360).contains(&second), "{second}");
        assert!((1_440..=2_160).contains(&third), "{third}");

        let delivery = &desk.deliveries("a").await[0];
        assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 4));
        assert_eq!(delivery.log[1].code.as_deref(), Some("timeout"));
    });
}

#[test]
fn retry_after_is_honoured() {
    Desk::calm(|desk| async move {
        desk.register("a", &["activity.*"]).await;
        desk.answer("a", [Answer::RetryAfter(429, Millis::minutes(10))]);
        desk.schedule("one", |_| {}).await;
        desk.run(Millis::minutes(30)).await;
        let [first, second] = desk.requests().try_into().unwrap();
        let pause = second.at.since(first.at).get() / 1_000;
        assert!((600..=735).contains(&pause), "{pause}");
    });
}

#[test]
fn an_endpoint_that_is_gone_is_disabled_and_the_others_are_told() {
    Desk::calm(|desk| async move {
        desk.register("a", &["activity.*"]).await;
        desk.register("b", &["webhook.*"]).await;
        desk.answer("a", [Answer::Status(500), Answer::Status(410)]);
        desk.schedule("one", |_| {}).await;
        desk.consume().await;
        desk.schedule("two", |_| {}).await;
        desk.run(Millis::minutes(10)).await;

        let state = desk.state("a").await;
        assert!(matches!(
            state,
            WebhookState::Disabled {
                reason: DisabledReason::Gone,
                ..
            }
        ));
        let told: Vec<Value> = desk
            .requests_to("b")
            .iter()
            .map(|request| parsed(&request.body))
            .collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["type"], "webhook.disabled");
        assert_eq!(told[0]["data"]["webhookId"], "whk_a");
        assert_eq!(told[0]["data"]["reason"], "gone");
        let states: Vec<_> = desk
            .deliveries("a")
            .await
            .iter()
            .map(|delivery| delivery.state)
            .collect();
        assert!(
            states.contains(&DeliveryState::Failed) && !states.contains(&DeliveryState::Pending),
            "{states:?}"
        );
        assert_eq!(desk.requests_to("a").len(), 2);

        // Nothing more is derived for it, until it is enabled again.
        desk.schedule("three", |_| {}).await;
        desk.run(Millis::minutes(1)).await;
        assert_eq!(desk.deliveries("a").await.len(), 2);
        let enable = Revision {
            enabled: Some(true),
            ..Revision::default()
        };
        webhooks::change(&desk.context, &tenant(), &desk.id("a"), None, enable)
            .await
            .unwrap();
        desk.schedule("four", |_| {}).await;
        desk.run(Millis::minutes(1)).await;
        assert_eq!(desk.requests_to("a").len(), 3);
    });
}

#[test]
fn five_days_of_failure_disable_an_endpoint() {
    Desk::calm(|desk| async move {
        desk.register("a", &["activity.*"]).await;
        desk.answer_always("a", Answer::Status(500));
        desk.schedule("one", |_| {}).await;
        desk.run(Millis::hours(60)).await;
        desk.schedule("two", |_| {}).await;
        desk.run(Millis::hours(90)).await;
        let state = desk.state("a").await;
        let WebhookState::Disabled {
            reason: DisabledReason::Failing,
            since,
        } = state
        else {
            panic!("{state:?}")
        };
        assert!(since >= desk.start() + Millis::hours(120));
        let one = desk.deliveries("a").await.pop().unwrap();
        assert_eq!((one.state, one.attempts), (DeliveryState::Failed, 10));
    });
}

#[test]
fn failures_far_apart_disable_nobody() {
    Desk::calm(|desk| async move {
        desk.register("a", &["activity.*"]).await;
        desk.answer_always("a", Answer::Status(500));
        desk.schedule("one", |_| {}).await;
        desk.run(Millis::hours(96)).await;
        assert_eq!(desk.deliveries("a").await[0].state, DeliveryState::Failed);

        // Nothing is told for days, in which it is repaired; then it fails once more, in passing.
        desk.run(Millis::hours(96)).await;
        desk.answer_always("a", Answer::Status(200));
        desk.answer("a", [Answer::Status(503)]);
        desk.schedule("two", |_| {}).await;
        desk.run(Millis::hours(1)).await;
        let state = desk.state("a").await;
        assert_eq!(state, WebhookState::Enabled);
        assert_eq!(desk.deliveries("a").await[0].state, DeliveryState::Delivered);
    });
}

#[test]
fn a_recovery_is_told() {
    Desk::calm(|desk| async move {
        desk.register("a", &["*"]).await;
        desk.answer("a", [Answer::Status(503)]);
        desk.schedule("one", |_| {}).await;
        desk.run(Millis::minutes(10)).await;
        let types: Vec<Value> = desk
            .requests()
            .iter()
            .map(|request| parsed(&request.body)["type"].clone())
            .collect();
        assert_eq!(
            types,
            ["activity.scheduled", "activity.scheduled", "webhook.recovered"]
        );
    });
}

#[test]
fn a_delivery_is_started_anew_on_request() {
    Desk::calm(|desk| async move {
        desk.register("a", &["*"]).await;
        desk.answer("a", [Answer::Forbidden]);
        desk.schedule("one", |_| {}).await;
        desk.run(Millis::minutes(1)).await;
        let failed = desk.deliveries("a").await.pop().unwrap();
        assert_eq!((failed.state, failed.attempts), (DeliveryState::Failed, 1));
        assert_eq!(failed.log[0].code.as_deref(), Some("address-not-allowed"));

        webhooks::redeliver(&desk.context, &tenant(), &desk.id("a"), &failed.event)
            .await
            .unwrap();
        desk.run(Millis::minutes(1)).await;
        let again = webhooks::delivery(&desk.context, &tenant(), &desk.id("a"), &failed.event)
            .await
            .unwrap();
        assert_eq!(
            (again.value.state, again.value.attempts),
            (DeliveryState::Delivered, 2)
        );
        // A message of the first generation is void.
        let old = webhooks::deliver(&desk.context, &tenant(), &desk.id("a"), &failed.event, 1).await;
        assert_eq!(old, Ok(webhooks::Outcome::Void));
    });
}

#[test]
fn what_a_deleted_endpoint_was_to_be_told_is_dropped() {
    Desk::calm(|desk| async move {
        desk.register("a", &["*"]).await;
        desk.answer("a", [Answer::Status(500)]);
        desk.schedule("one", |_| {}).await;
        desk.run(Millis::seconds(1)).await;
        webhooks::delete(&desk.context, &tenant(), &desk.id("a"), None)
            .await
            .unwrap();
        desk.run(Millis::minutes(10)).await;
        assert_eq!(desk.requests().len(), 1);
        let listed = webhooks::list_deliveries(&desk.context, &tenant(), &desk.id("a"), None, None, 10).await;
        assert_eq!(listed, Err(Error::not_found("webhook", "whk_a")));
        desk.register("a", &["*"]).await;
        assert_eq!(desk.deliveries("a").await[0].state, DeliveryState::Dropped);
    });
}

#[test]
fn deliveries_are_listed_by_state_and_page() {
    Desk::calm(|desk| async move {
        desk.register("a", &["activity.*"]).await;
        desk.answer("a", [Answer::Forbidden, Answer::Status(200), Answer::Forbidden]);
        for id in ["one", "two", "three", "four"] {
            desk.schedule(id, |_| {}).await;
            desk.run(Millis::seconds(20)).await;
        }
        let (mut failed, mut cursor) = (Vec::new(), None);
        loop {
            let id = desk.id("a");
            let state = Some(DeliveryState::Failed);
            let page = webhooks::list_deliveries(&desk.context, &tenant(), &id, state, cursor.as_deref(), 1)
                .await
                .unwrap();
            failed.extend(
                page.data
                    .iter()
                    .map(|s| parsed(&s.value.body)["data"]["activityId"].clone()),
            );
            // A page goes on until it is full, whatever lies in between.
            assert!(!page.data.is_empty() || page.next.is_none());
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(failed, ["three", "one"]);
    });
}

#[test]
fn whoever_waits_for_a_quick_endpoint_is_not_written_down() {
    Desk::calm(|desk| async move {
        desk.register("a", &["activity.*"]).await;
        desk.answer_always("a", Answer::Takes(Millis::new(100)));
        for number in 0..100 {
            desk.schedule(&format!("act{number}"), |_| {}).await;
        }
        for _ in 0..3 {
            desk.consume().await;
        }
        desk.work(Millis::seconds(5)).await;
        let deliveries = desk.deliveries("a").await;
        assert_eq!(deliveries.len(), 100);
        for delivery in deliveries {
            assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 1));
        }
        let journal = desk.world.journal();
        let writes = journal
            .iter()
            .filter(|written| written.key.partition.contains("#WD#"));
        // Each when it is made and when it is told.
        assert_eq!(writes.count(), 200);
    });
}

#[test]
fn endpoints_that_hang_leave_room_for_the_others() {
    // One of them never has more than its part; of several that is seen when their first calls end.
    for (hanging, told_within) in [(1, Millis::seconds(2)), (4, Millis::seconds(17))] {
        Desk::calm(move |desk| async move {
            desk.register("good", &["activity.*"]).await;
            for number in 0..hanging {
                let name = format!("hangs{number}");
                desk.register(&name, &["activity.*"]).await;
                desk.answer_always(&name, Answer::Takes(Millis::hours(1)));
            }
            for number in 0..200 {
                desk.schedule(&format!("act{number}"), |_| {}).await;
            }
            for _ in 0..3 {
                desk.consume().await;
            }
            let began = desk.context.now();
            desk.work(Millis::minutes(1)).await;

            let told = desk.requests_to("good");
            assert_eq!(told.len(), 200);
            let last = told.iter().map(|request| request.at).max().unwrap();
            assert!(last <= began + told_within, "{:?}", last.since(began));
            let calls = desk.requests_to("hangs0");
            let at_once = |at| {
                calls
                    .iter()
                    .filter(|call| call.at <= at && at < call.at + Millis::seconds(15))
                    .count()
            };
            let most = calls.iter().map(|call| at_once(call.at)).max();
            assert_eq!(most, Some(webhooks::MAX_AT_ONCE));
            // As it hung, it is given fewer places: a minute has room for four rounds of all.
            assert!(calls.len() < 2 * webhooks::MAX_AT_ONCE, "{}", calls.len());
        });
    }
}
