//! A trace goes with what a request asks for, from process to process.

use connectors::simulator::Simulator;
use domain::channel::Channel;
use domain::trace::{TRACE_HEADER, TraceId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, id, in_millis, now, text_message, until};
use crate::outside::{busy, connect, provider};
use crate::target::{Stand, Target, target};

/// The traces of two requests, as their callers have them.
const ROOTS: [&str; 2] = [
    "1-67891233-abcdef012345678912345678",
    "1-67891234-12456789abcdef0123456789",
];

/// Schedules activities by one request.
async fn schedule(api: &Api, root: &str, numbers: [u32; 2]) -> Vec<String> {
    let items = numbers.map(|number| {
        let mut activity = text_message(number, now());
        activity["expiresAt"] = json!(in_millis(60_000));
        activity
    });
    let request = api
        .request(Method::POST, "/v1/scheduled-activities/batch")
        .header(
            TRACE_HEADER,
            format!("Root={root};Parent=463ac35c9f6413ad;Sampled=1"),
        )
        .json(&json!({"items": items}));
    let scheduled = Api::answer(request).await.unwrap().ok();
    let results: &Vec<Value> = scheduled["results"].as_array().unwrap();
    results.iter().map(|result| id(&result["activity"])).collect()
}

/// The one trace under which these activities have come, each at least twice.
async fn trace_of(provider: &Simulator, activities: &[String]) -> TraceId {
    let mut traces = Vec::new();
    for activity in activities {
        let told = until(20, "it comes again", async || {
            let mut requests = provider.requests();
            requests.retain(|request| request.key.starts_with(activity));
            (requests.len() >= 2).then_some(requests)
        })
        .await;
        traces.extend(told.into_iter().map(|request| request.trace.expect("a trace")));
    }
    traces.dedup();
    assert_eq!(traces.len(), 1, "{traces:?}");
    traces.remove(0)
}

#[tokio::test]
async fn what_a_request_asks_for_reaches_the_connector_under_its_trace() {
    let stand = Stand::new().await;
    let api = &stand.api;
    // What is put off comes again from the table, as what the sweep finds does.
    let provider = provider(&[(Channel::Sms, busy())]).await;
    connect(api, &provider, &[Channel::Sms], &[]).await;
    let activities = [
        schedule(api, ROOTS[0], [1, 2]).await,
        schedule(api, ROOTS[1], [3, 4]).await,
    ];
    let traces = [
        trace_of(&provider, &activities[0]).await,
        trace_of(&provider, &activities[1]).await,
    ];
    match target() {
        Target::Own => assert_eq!(traces.each_ref().map(TraceId::as_str), ROOTS),
        // HTTP APIs of API Gateway do not carry their callers' traces on: each invocation has one of its own.
        Target::Deployed(_) => assert_ne!(traces[0], traces[1]),
    }
    stand.end().await;
}
