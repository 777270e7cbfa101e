//! Campaigns: from a file of contacts to conversations that have ended, and held on the way.

use connectors::simulator::{Script, Span};
use domain::channel::Channel;
use domain::time::Timestamp;
use serde_json::{Value, json};

use crate::api::{Api, id, in_millis, now, text_message, until};
use crate::outside::{connect, provider};
use crate::target::Stand;

/// Three are reached by WhatsApp, two by SMS; one row holds no number, one repeats the first.
const CONTACTS: &str = "\
customerId,firstName,whatsapp,sms
1,Ann,+4915211111111,
2,Ben,+4915222222222,
3,Cid,+4915233333333,
4,Dora,,+4915244444444
5,Eve,,+4915255555555
6,Finn,,12
1,Ann,+4915211111111,
";

fn answering(text: &str) -> Script {
    Script {
        reply: 1.0,
        delivered_after: Span::millis(50, 50),
        reply_after: Span::millis(100, 200),
        replies: vec![(1, text.into())],
        ..Script::default()
    }
}

/// Whoever does not answer within so many seconds is lost.
fn flow(timeout: u64) -> Value {
    json!({"schema": 1, "start": "invite", "nodes": {
        "invite": {
            "type": "message",
            "channels": [
                {"channel": "whatsapp", "text": "Hello {{ profile.firstName }}"},
                {"channel": "sms", "text": "Hello {{ profile.firstName }}"},
            ],
            "outcomes": {"sent": "answer", "failed": "lost", "refused": "lost", "expired": "lost",
                "no_address": "lost", "unknown": "lost", "cancelled": "lost"},
        },
        "answer": {
            "type": "wait", "for": [{"on": "reply", "to": "invite", "outcome": "replied"}],
            "timeout": format!("{timeout}s"),
            "outcomes": {"replied": "answered", "timeout": "lost"},
        },
        "answered": {"type": "end", "label": "replied"},
        "lost": {"type": "end", "label": "lost"},
    }})
}

/// Imports the contacts into a new list.
async fn import(api: &Api) -> String {
    let list = id(&api
        .post("/v1/contact-lists", &json!({"name": "Spring"}))
        .await
        .ok());
    let imports = format!("/v1/contact-lists/{list}/imports");
    let import = api.post(&imports, &json!({})).await.ok();
    api.upload(import["uploadUrl"].as_str().unwrap(), CONTACTS).await;
    let import = id(&import);
    api.post(&format!("{imports}/{import}/start"), &json!({}))
        .await
        .ok();
    let path = format!("{imports}/{import}");
    let done = until(20, "the file is read", async || {
        Some(api.get(&path).await.ok()).filter(|i| i["state"] == "done")
    })
    .await;
    assert_eq!(
        done["rows"],
        json!({"accepted": 5, "duplicates": 1, "rejected": 1})
    );
    let rejects = api.all(&format!("{path}/rejects")).await;
    assert_eq!(rejects[0]["row"], 7, "{rejects:?}");
    list
}

/// Waits until all five conversations have ended.
async fn ended(api: &Api, campaign: &str) -> Value {
    let path = format!("/v1/campaigns/{campaign}/progress");
    until(30, "all five conversations end", async || {
        let progress = api.get(&path).await.ok();
        let outcomes = progress["conversations"].as_object()?.clone();
        let total: i64 = outcomes.values().filter_map(Value::as_i64).sum();
        (total == 5 && !outcomes.contains_key("running")).then_some(progress)
    })
    .await
}

#[tokio::test]
async fn a_campaign_from_its_file_to_its_end() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let provider = provider(&[
        (Channel::Whatsapp, answering("STOP")),
        (Channel::Sms, answering("Yes")),
    ])
    .await;
    connect(api, &provider, &[Channel::Whatsapp, Channel::Sms], &[]).await;
    let list = import(api).await;
    let campaign = api.campaign(flow(20), &[&list]).await;

    let progress = ended(api, &campaign).await;
    assert_eq!(progress["conversations"]["replied"], 2, "{progress}");
    assert_eq!(
        progress["activities"],
        json!({"whatsapp": {"REPLIED": 3}, "sms": {"REPLIED": 2}})
    );
    assert_eq!(api.states(&campaign).await, [("REPLIED".to_owned(), 5)].into());
    assert_eq!(provider.stats().requests, 5);

    // STOP ended the conversation and bars the person; the others may still be reached.
    let mut barred = text_message(1, now());
    barred["channel"] = json!("whatsapp");
    barred["to"] = json!("+4915211111111");
    let barred = api.schedule(&barred).await;
    let refused = api.state(&id(&barred), "REFUSED").await;
    assert!(refused["events"][1]["reason"].is_string(), "{refused}");
    let mut welcome = text_message(1, now());
    welcome["to"] = json!("+4915244444444");
    let welcome = api.schedule(&welcome).await;
    api.state(&id(&welcome), "REPLIED").await;
    assert_eq!(provider.stats().requests, 6);
    stand.end().await;
}

/// Schedules activities that come due one after the other, from now on.
async fn schedule_a_row(api: &Api, campaign: &str, from: u32, count: u32) -> Vec<String> {
    let items: Vec<Value> = (0..count)
        .map(|number| {
            let mut activity = text_message(from + number, in_millis(u64::from(number) * 50));
            activity["campaignId"] = json!(campaign);
            activity
        })
        .collect();
    let results = api
        .post("/v1/scheduled-activities/batch", &json!({"items": items}))
        .await
        .ok();
    results["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| id(&result["activity"]))
        .collect()
}

async fn act(api: &Api, campaign: &str, action: &str) -> Value {
    api.post(&format!("/v1/campaigns/{campaign}/{action}"), &json!({}))
        .await
        .ok()
}

fn quiet_after(campaign: &Value) -> Timestamp {
    Timestamp::parse(campaign["quietAfter"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn pause_holds_resume_releases_stop_ends() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let provider = provider(&[]).await;
    connect(api, &provider, &[Channel::Sms], &[]).await;
    let campaign = api.open_campaign().await;

    let ids = schedule_a_row(api, &campaign, 0, 200).await;
    until(10, "the first are sent", async || {
        (provider.stats().requests > 20).then_some(())
    })
    .await;
    let quiet = quiet_after(&act(api, &campaign, "pause").await);
    until(30, "all that are due are parked", async || {
        let listed = api
            .all(&format!("/v1/scheduled-activities?campaignId={campaign}"))
            .await;
        let settled = |activity: &&Value| activity["parked"] == true || activity["state"] == "DELIVERED";
        (listed.len() == 200 && listed.iter().filter(settled).count() == 200).then_some(())
    })
    .await;
    let sent = provider.requests();
    assert!(sent.len() < 200, "nothing was left to hold");
    assert!(
        sent.iter().all(|request| request.at <= quiet),
        "sent after {quiet}"
    );

    act(api, &campaign, "resume").await;
    until(30, "all are sent", async || {
        (api.states(&campaign).await == [("DELIVERED".to_owned(), ids.len())].into()).then_some(())
    })
    .await;

    schedule_a_row(api, &campaign, 1_000, 200).await;
    until(10, "some more are sent", async || {
        (provider.stats().requests > 220).then_some(())
    })
    .await;
    let quiet = quiet_after(&act(api, &campaign, "stop").await);
    let states = until(30, "the rest is cancelled", async || {
        let states = api.states(&campaign).await;
        (states
            .keys()
            .all(|state| state == "DELIVERED" || state == "CANCELLED")
            && states.values().sum::<usize>() == 400)
            .then_some(states)
    })
    .await;
    assert!(states["CANCELLED"] > 0, "{states:?}");
    assert!(
        provider.requests().iter().all(|request| request.at <= quiet),
        "sent after {quiet}"
    );
    assert_eq!(provider.stats().effects, states["DELIVERED"] as u64);
    let mut late = text_message(1, now());
    late["campaignId"] = json!(campaign);
    let refused = api.post("/v1/scheduled-activities", &late).await;
    assert_eq!(refused.status / 100, 4, "{refused:?}");
}

#[tokio::test]
async fn what_happens_during_a_pause_is_acted_on_after_it() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let answering = Script {
        reply_after: Span::millis(12_000, 12_000),
        ..answering("Yes")
    };
    let provider = provider(&[(Channel::Whatsapp, answering)]).await;
    connect(api, &provider, &[Channel::Whatsapp, Channel::Sms], &[]).await;
    let list = import(api).await;
    let campaign = api.campaign(flow(14), &[&list]).await;
    until(10, "all five are reached", async || {
        (provider.stats().requests == 5).then_some(())
    })
    .await;
    act(api, &campaign, "pause").await;
    // By then every process knows of the pause.
    let mut urgent = text_message(1, in_millis(3_000));
    urgent["campaignId"] = json!(campaign);
    urgent["priority"] = json!("high");
    let urgent = id(&api.schedule(&urgent).await);
    until(10, "what comes due is parked", async || {
        (api.activity(&urgent).await["parked"] == true).then_some(())
    })
    .await;
    // Three answer, and the time of the other two is up.
    let all_is_over = in_millis(16_000);
    until(20, "everything has happened", async || {
        (provider.stats().reports_taken == 8 && now() > all_is_over).then_some(())
    })
    .await;
    let progress = api.get(&format!("/v1/campaigns/{campaign}/progress")).await.ok();
    assert_eq!(progress["conversations"], json!({"running": 5}));

    act(api, &campaign, "resume").await;
    let progress = ended(api, &campaign).await;
    assert_eq!(progress["conversations"], json!({"replied": 3, "lost": 2}));
    api.state(&urgent, "DELIVERED").await;
    assert_eq!(provider.stats().requests, 6);
    stand.end().await;
}

#[tokio::test]
async fn unpublish_flushes_and_goes_back_to_draft() {
    let stand = Stand::new().await;
    let api = &stand.api;
    let campaign = api.open_campaign().await;
    let mut later = text_message(1, in_millis(3_600_000));
    later["campaignId"] = json!(campaign);
    let later = api.schedule(&later).await;
    until(5, "the campaign knows it", async || {
        (api.states(&campaign).await.len() == 1).then_some(())
    })
    .await;
    let draft = act(api, &campaign, "unpublish").await;
    assert_eq!(draft["state"], "draft");
    quiet_after(&draft);
    api.state(&id(&later), "CANCELLED").await;
}
