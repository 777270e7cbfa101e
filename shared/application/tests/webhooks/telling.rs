//! Who is told what.

use application::activities;
use application::webhooks::{self, Definition};
use domain::activity::CancelReason;
use domain::id::ActivityId;
use domain::time::Millis;
use domain::webhook::delivery::DeliveryState;
use platform::bus::BusEvent;
use platform_memory::{Fault, Faults};
use serde_json::{Value, json};

use crate::desk::{Desk, definition, is_signed_by, parsed, tenant};

#[test]
fn every_endpoint_that_wants_an_event_is_told_once() {
    Desk::calm(|desk| async move {
        let secret = desk.register("a", &["activity.*"]).await;
        desk.register("b", &["campaign.*", "activity.read"]).await;
        desk.schedule("one", |_| {}).await;
        desk.run(Millis::minutes(3)).await;
        desk.consume_from_the_start().await;
        desk.run(Millis::minutes(3)).await;

        let requests = desk.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        let request = &requests[0];
        assert_eq!(request.url.as_str(), "https://a.example/hook");
        assert!(is_signed_by(request, &secret));
        assert_eq!(request.header("content-type"), "application/json");
        let body = parsed(&request.body);
        assert_eq!(body["type"], "activity.scheduled");
        assert_eq!(body["id"], request.header("webhook-id"));
        assert_eq!(body["data"]["activityId"], "one");

        let listed = desk.deliveries("a").await;
        assert_eq!((listed.len(), listed[0].state), (1, DeliveryState::Delivered));
        assert_eq!((listed[0].attempts, listed[0].log[0].status), (1, Some(200)));
    });
}

#[test]
fn without_endpoints_nothing_is_written_but_the_bus_carries_all() {
    Desk::calm(|desk| async move {
        desk.schedule("one", |_| {}).await;
        let before = desk.world.journal().len();
        desk.consume().await;
        assert_eq!(desk.world.journal().len(), before);
        let [BusEvent { detail_type, detail }] = desk.world.published().try_into().unwrap();
        assert_eq!(detail_type, "activity.scheduled");
        let detail = parsed(&detail);
        assert_eq!(
            (&detail["version"], &detail["tenantId"]),
            (&json!(1), &json!("t"))
        );
        assert_eq!(detail["type"], "activity.scheduled");
    });
}

/// The first JSON in the description of events.
fn documented() -> Value {
    let text = include_str!("../../../../infra/EVENTS.md");
    let (_, behind) = text.split_once("```json\n").unwrap();
    parsed(behind.split_once("```").unwrap().0)
}

#[test]
fn the_bus_carries_what_is_documented() {
    Desk::calm(|desk| async move {
        desk.schedule("act_appointment-4711", |plan| {
            plan.metadata = [("appointment".to_owned(), "4711".to_owned())].into();
        })
        .await;
        desk.consume().await;
        let [BusEvent { detail_type, detail }] = desk.world.published().try_into().unwrap();
        let documented = documented();
        assert_eq!(documented["detail-type"], detail_type);
        assert_eq!(documented["detail"], parsed(&detail), "{detail}");
    });
}

#[test]
fn a_callback_url_is_told_of_its_own_activity() {
    Desk::calm(|desk| async move {
        let url = "https://caller.example/back?ticket=7";
        desk.schedule("one", |plan| plan.callback_url = Some(url.parse().unwrap()))
            .await;
        desk.schedule("two", |_| {}).await;
        desk.run(Millis::minutes(1)).await;
        let secret = webhooks::rotate_callback_secret(&desk.context, &tenant())
            .await
            .unwrap();
        activities::cancel(
            &desk.context,
            &tenant(),
            &ActivityId::parse("one").unwrap(),
            None,
            CancelReason::Requested,
        )
        .await
        .unwrap();
        desk.run(Millis::minutes(1)).await;

        let requests = desk.requests();
        let told: Vec<(String, Value)> = requests
            .iter()
            .map(|request| (request.url.to_string(), parsed(&request.body)["type"].clone()))
            .collect();
        let expected = ["activity.scheduled", "activity.cancelled"];
        assert_eq!(told, expected.map(|kind| (url.to_owned(), Value::from(kind))));
        assert!(is_signed_by(&requests[1], &secret));
        assert_eq!(requests[1].header("webhook-signature").split(' ').count(), 2);

        let endpoint = webhooks::callback_endpoint(&url.parse().unwrap());
        let page = webhooks::list_deliveries(&desk.context, &tenant(), &endpoint, None, None, 10)
            .await
            .unwrap();
        assert_eq!(page.data.len(), 2);
    });
}

#[test]
fn cx_activities_are_told_in_cim_shape() {
    Desk::calm(|desk| async move {
        desk.send_to_cx("https://cx.example/activities").await;
        desk.lifecycle().await;
        desk.run(Millis::minutes(1)).await;
        let mut told: Vec<Value> = desk
            .requests()
            .iter()
            .map(|request| parsed(&request.body))
            .collect();
        told.sort_by_key(|message| (message["header"]["timestamp"].as_i64(), message["id"].to_string()));
        insta::assert_json_snapshot!(told);
    });
}

#[test]
fn only_the_campaign_asked_for_is_told() {
    Desk::calm(|desk| async move {
        let narrow = Definition {
            campaign_id: Some(desk.draft("spring").await),
            ..definition("a", &["*"])
        };
        webhooks::create(&desk.context, &tenant(), desk.id("a"), narrow)
            .await
            .unwrap();
        desk.schedule("one", |_| {}).await;
        desk.run(Millis::minutes(1)).await;
        assert!(desk.requests().is_empty());
    });
}

#[test]
fn whatever_goes_wrong_every_event_is_told_by_one_delivery() {
    // A crash would end the only process here; crashes are the simulation's.
    let faults = Faults::worst()
        .without(Fault::CrashBefore)
        .without(Fault::CrashAfter);
    for seed in 0..20 {
        Desk::with(seed, Faults::none(), |desk| {
            let faults = faults.clone();
            async move {
                desk.register("a", &["activity.*"]).await;
                for number in 0..10 {
                    desk.schedule(&format!("act{number}"), |_| {}).await;
                }
                desk.world.set_faults(faults);
                desk.run(Millis::minutes(40)).await;
                desk.world.set_faults(Faults::none());
                desk.run(Millis::minutes(10)).await;
                let deliveries = desk.deliveries("a").await;
                assert_eq!(deliveries.len(), 10, "seed {seed}");
                for delivery in deliveries {
                    assert_eq!(delivery.state, DeliveryState::Delivered, "seed {seed}");
                    assert_eq!(delivery.attempts, 1, "seed {seed}");
                    let calls = desk
                        .requests()
                        .iter()
                        .filter(|r| r.header("webhook-id") == delivery.event.as_str())
                        .count();
                    assert!((1..=3).contains(&calls), "seed {seed}: {calls} calls");
                }
            }
        });
    }
}
