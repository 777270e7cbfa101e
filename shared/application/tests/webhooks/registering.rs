//! Endpoints and their secrets.

use application::error::Error;
use application::expected::Expected;
use application::webhooks::{self, Definition};
use domain::id::{CampaignId, EventId, WebhookId};
use domain::time::Millis;

use crate::desk::{Desk, definition, is_signed_by, parsed, tenant};

#[test]
fn a_replaced_secret_signs_along_for_a_day() {
    Desk::calm(|desk| async move {
        let old = desk.register("a", &["*"]).await;
        let rotated = webhooks::rotate_secret(
            &desk.context,
            &tenant(),
            &desk.id("a"),
            Some(Expected::Version(1)),
        )
        .await
        .unwrap();
        assert_eq!(rotated.webhook.version, 2);
        desk.schedule("one", |_| {}).await;
        desk.run(Millis::hours(25)).await;
        desk.schedule("two", |_| {}).await;
        desk.run(Millis::minutes(1)).await;
        let [first, second] = desk.requests().try_into().unwrap();
        assert!(is_signed_by(&first, &old) && is_signed_by(&first, &rotated.secret));
        assert!(!is_signed_by(&second, &old) && is_signed_by(&second, &rotated.secret));

        let stale = webhooks::rotate_secret(
            &desk.context,
            &tenant(),
            &desk.id("a"),
            Some(Expected::Version(1)),
        )
        .await;
        assert_eq!(stale, Err(Error::PreconditionFailed { current: 3 }));
    });
}

#[test]
fn a_test_event_passes_any_filter() {
    Desk::calm(|desk| async move {
        desk.register("a", &["campaign.stopped"]).await;
        let event = EventId::generate(desk.start(), 1);
        let first = webhooks::test(&desk.context, &tenant(), &desk.id("a"), event.clone())
            .await
            .unwrap();
        let again = webhooks::test(&desk.context, &tenant(), &desk.id("a"), event)
            .await
            .unwrap();
        assert_eq!(first, again);
        desk.run(Millis::minutes(1)).await;
        let [request] = desk.requests().try_into().unwrap();
        assert_eq!(parsed(&request.body)["type"], "webhook.test");
    });
}

#[test]
fn registering_names_what_is_wrong_and_can_be_repeated() {
    Desk::calm(|desk| async move {
        let first = webhooks::create(&desk.context, &tenant(), desk.id("a"), definition("a", &["*"])).await;
        let again = webhooks::create(&desk.context, &tenant(), desk.id("a"), definition("a", &["*"])).await;
        assert_eq!(first, again);
        let bad = Definition {
            url: "https://ann:pw@example.com/".parse().unwrap(),
            ..definition("b", &["*"])
        };
        let Err(Error::Invalid(fields)) = webhooks::create(&desk.context, &tenant(), desk.id("b"), bad).await
        else {
            panic!("taken")
        };
        assert_eq!(fields[0].pointer, "/url");
        let nowhere = Definition {
            campaign_id: Some(CampaignId::parse("spring").unwrap()),
            ..definition("b", &["*"])
        };
        let refused = webhooks::create(&desk.context, &tenant(), desk.id("b"), nowhere.clone()).await;
        let detail = "names no campaign: there is no spring";
        assert_eq!(refused, Err(Error::field("/campaignId", detail)));
        desk.draft("spring").await;
        assert!(
            webhooks::create(&desk.context, &tenant(), desk.id("b"), nowhere)
                .await
                .is_ok()
        );
        let Err(Error::Invalid(fields)) =
            webhooks::event_filter(&["activity.sent".into(), "activity.posted".into()])
        else {
            panic!("taken")
        };
        assert_eq!(fields[0].pointer, "/eventTypes/1");
        assert_eq!(
            fields[0].detail,
            "names no event type: there is no 'activity.posted'"
        );
        for number in 0..webhooks::MAX_WEBHOOKS - 2 {
            let id = WebhookId::parse(&format!("whk_{number}")).unwrap();
            webhooks::create(&desk.context, &tenant(), id, definition("c", &["*"]))
                .await
                .unwrap();
        }
        let full = webhooks::create(&desk.context, &tenant(), desk.id("z"), definition("z", &["*"])).await;
        assert!(matches!(
            full,
            Err(Error::Conflict {
                code: "too-many-webhooks",
                ..
            })
        ));
    });
}
