//! First calls, made before the delivery is written.

use domain::time::Millis;
use domain::webhook::delivery::DeliveryState;

use crate::desk::{Answer, Desk};

/// What is told of an activity that has left: four times in `Desk::lifecycle`.
const LEFT: [&str; 3] = ["activity.sent", "activity.delivered", "activity.read"];

/// Every write of a delivery: whether it set a timer.
fn writes(desk: &Desk) -> Vec<bool> {
    let journal = desk.world.journal();
    journal
        .iter()
        .filter(|written| written.key.partition.contains("#WD#"))
        .filter_map(|written| Some(written.item.as_ref()?.due.is_some()))
        .collect()
}

#[test]
fn what_is_taken_at_once_is_written_once() {
    Desk::calm(|desk| async move {
        desk.register("a", &LEFT).await;
        desk.lifecycle().await;
        desk.consume().await;
        assert_eq!(desk.requests().len(), 4);
        let deliveries = desk.deliveries("a").await;
        assert_eq!(deliveries.len(), 4);
        for delivery in deliveries {
            assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 1));
        }
        assert_eq!(writes(&desk), [false; 4]);
        desk.consume_from_the_start().await;
        assert_eq!((desk.requests().len(), writes(&desk).len()), (4, 4));
    });
}

#[test]
fn all_parts_of_a_batch_have_one_budget_for_first_calls() {
    Desk::calm(|desk| async move {
        desk.register("a", &LEFT).await;
        desk.lifecycle().await;
        // A part of a batch in which half a second has gone by.
        let began = desk.context.now();
        desk.world.sleep(Millis::new(501)).await;
        desk.consume_of_batch(began).await;
        assert!(desk.requests().is_empty());
        assert_eq!(writes(&desk), [true; 4], "left to the worker");
        desk.run(Millis::minutes(1)).await;
        assert_eq!(desk.requests().len(), 4);
    });
}

#[test]
fn what_may_still_change_is_written_before_it_is_told() {
    Desk::calm(|desk| async move {
        desk.register("a", &["activity.scheduled"]).await;
        desk.schedule("one", |_| {}).await;
        desk.consume().await;
        assert!(desk.requests().is_empty());
        assert_eq!(writes(&desk), [true]);
        desk.run(Millis::minutes(1)).await;
        assert_eq!(desk.requests().len(), 1);
    });
}

#[test]
fn an_endpoint_that_fails_holds_nobody_up() {
    Desk::calm(|desk| async move {
        desk.register("a", &LEFT).await;
        desk.answer_always("a", Answer::Status(500));
        desk.lifecycle().await;
        desk.consume().await;
        // The others of the batch are left to the worker.
        assert_eq!(desk.requests().len(), 1);
        assert_eq!(writes(&desk), [true; 4]);
        desk.answer_always("a", Answer::Status(200));
        desk.run(Millis::minutes(10)).await;
        assert_eq!(desk.requests().len(), 5);
        for delivery in desk.deliveries("a").await {
            assert_eq!(delivery.state, DeliveryState::Delivered);
        }
    });
}

#[test]
fn an_endpoint_that_is_slow_does_not_fail() {
    Desk::calm(|desk| async move {
        desk.register("a", &["activity.*", "webhook.*"]).await;
        desk.answer_always("a", Answer::Takes(Millis::seconds(3)));
        desk.lifecycle().await;
        desk.run(Millis::minutes(2)).await;
        // The worker's patience was enough for all, at once, and nothing has failed or recovered.
        let deliveries = desk.deliveries("a").await;
        assert!(deliveries.len() > 4);
        for delivery in deliveries {
            assert!(delivery.event_type.starts_with("activity."), "{delivery:?}");
            assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 1));
        }
    });
}

#[test]
fn an_endpoint_whose_secret_is_lost_holds_nobody_up() {
    Desk::calm(|mut desk| async move {
        desk.register("a", &LEFT).await;
        desk.register("b", &LEFT).await;
        desk.lose_secret("a").await;
        desk.lifecycle().await;
        desk.consume().await;
        // The others were called, and that is written.
        assert_eq!(desk.requests_to("b").len(), 4);
        for delivery in desk.deliveries("b").await {
            assert_eq!(delivery.state, DeliveryState::Delivered);
        }
        // What could not be signed comes to an end like any attempt that did not reach.
        desk.run(Millis::hours(96)).await;
        assert_eq!(desk.requests_to("b").len(), 4);
        assert!(desk.requests_to("a").is_empty());
        for delivery in desk.deliveries("a").await {
            assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Failed, 10));
            assert_eq!(delivery.log[9].code.as_deref(), Some("unreachable"));
            assert!(
                delivery.log[9]
                    .detail
                    .as_ref()
                    .unwrap()
                    .contains("could not be read")
            );
        }
    });
}
