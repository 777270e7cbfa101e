//! The HTTP API as a caller sees it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::time::{Millis, Timestamp};
use platform::world::Clock;
use platform_embedded::world::SystemClock;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::target::patience;

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn in_millis(millis: u64) -> Timestamp {
    now() + Millis::new(millis)
}

/// Looks again and again until there is something to see, for so long as the program may take.
pub(crate) async fn until<T>(seconds: u64, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let patience = patience(seconds);
    let deadline = Instant::now() + patience;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer that must be a success.
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.body
    }
}

#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    base: String,
    key: String,
}

impl Api {
    pub(crate) fn new(base: String, key: &str) -> Self {
        Self {
            client: connectors::http_client().unwrap(),
            base,
            key: key.to_owned(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, self.url(path))
            .bearer_auth(&self.key)
            .timeout(Duration::from_secs(30))
    }

    /// Sends a request; none if the server is gone.
    pub(crate) async fn answer(request: RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let etag = response
            .headers()
            .get("etag")
            .map(|etag| etag.to_str().unwrap().to_owned());
        let body = response.bytes().await.ok()?;
        Some(Answer {
            status,
            etag,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Self::answer(self.request(Method::GET, path)).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Self::answer(self.request(Method::POST, path).json(body))
            .await
            .unwrap()
    }

    /// Puts a file to where an import wants it: the key is for this API's own addresses only.
    pub(crate) async fn upload(&self, address: &str, csv: &'static str) {
        let upload = self
            .client
            .put(address)
            .header("content-type", "text/csv")
            .body(csv);
        let upload = if address.starts_with(&self.base) {
            upload.bearer_auth(&self.key)
        } else {
            upload
        };
        Self::answer(upload).await.unwrap().ok();
    }

    /// All entries of a list.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        let sign = if path.contains('?') { '&' } else { '?' };
        loop {
            let mut page = self.get(&format!("{path}{sign}limit=250{cursor}")).await.ok();
            all.append(page["data"].as_array_mut().unwrap());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    pub(crate) async fn activity(&self, id: &str) -> Value {
        self.get(&format!("/v1/scheduled-activities/{id}")).await.ok()
    }

    /// Waits until an activity is in a state.
    pub(crate) async fn state(&self, id: &str, state: &str) -> Value {
        until(20, state, async || {
            Some(self.activity(id).await).filter(|activity| activity["state"] == state)
        })
        .await
    }

    /// The campaign's activities by state.
    pub(crate) async fn states(&self, campaign: &str) -> BTreeMap<String, usize> {
        let mut states = BTreeMap::new();
        for activity in self
            .all(&format!("/v1/scheduled-activities?campaignId={campaign}"))
            .await
        {
            *states
                .entry(activity["state"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
        states
    }

    /// A published campaign with this flow, over these lists.
    pub(crate) async fn campaign(&self, flow: Value, lists: &[&str]) -> String {
        let campaign = json!({
            "name": "Spring", "contactLists": lists, "flow": flow,
            "policy": {"consentBasis": "existingRelationship", "timeZone": "Europe/Berlin"},
        });
        let id = id(&self.post("/v1/campaigns", &campaign).await.ok());
        self.post(&format!("/v1/campaigns/{id}/publish"), &json!({}))
            .await
            .ok();
        id
    }

    /// A published campaign that other systems schedule activities in: its own flow only ends.
    pub(crate) async fn open_campaign(&self) -> String {
        let list = id(&self
            .post("/v1/contact-lists", &json!({"name": "nobody"}))
            .await
            .ok());
        let flow = json!({"schema": 1, "start": "end", "nodes": {"end": {"type": "end", "label": "done"}}});
        self.campaign(flow, &[&list]).await
    }

    /// Schedules an activity.
    pub(crate) async fn schedule(&self, activity: &Value) -> Value {
        self.post("/v1/scheduled-activities", activity).await.ok()
    }
}

/// The id of a resource.
pub(crate) fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap().to_owned()
}

/// An activity to schedule: a text message to a number of its own.
pub(crate) fn text_message(number: u32, due_at: Timestamp) -> Value {
    json!({
        "channel": "sms", "to": format!("+49152{number:08}"), "dueAt": due_at,
        "message": {"type": "PLAIN", "markdownText": "Your parcel arrives today."},
        "metadata": {"order": number.to_string()},
    })
}
