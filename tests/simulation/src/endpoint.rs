//! A webhook endpoint that is told everything: it fails, times out, and remembers what it was told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::time::Millis;
use platform::web::{WebClient, WebError, WebRequest, WebResponse};
use platform_memory::{Fault, World};

/// The endpoint. Clones share its memory.
#[derive(Clone)]
pub struct Endpoint {
    world: World,
    told: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Endpoint {
    /// An endpoint in a world.
    pub fn new(world: World) -> Self {
        Self {
            world,
            told: Arc::default(),
        }
    }

    /// What it took, by event id.
    pub fn told(&self) -> BTreeMap<String, String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl WebClient for Endpoint {
    async fn post(&self, request: WebRequest) -> Result<WebResponse, WebError> {
        self.world.sleep(Millis::new(self.world.pick(1_500) as u64)).await;
        let answer = |status| {
            Ok(WebResponse {
                status,
                retry_after: None,
                excerpt: String::new(),
            })
        };
        if self.world.has(Fault::LostCall, 150) {
            return answer(503);
        }
        let id = request
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("webhook-id"));
        let Some((_, id)) = id else { return answer(400) };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = told.insert(id.clone(), request.body.clone())
            && before != request.body
        {
            self.world.complain(format!(
                "{id} was told in two ways: {before} and {}",
                request.body
            ));
        }
        drop(told);
        if self.world.has(Fault::LostAnswer, 150) {
            return Err(WebError::Timeout(request.timeout));
        }
        answer(200)
    }
}
