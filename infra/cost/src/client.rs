//! Who asks for the load, and brings its receipts back: over the real API.

use api::ApiState;
use authorizer::{Verdict, identify};
use axum::Router;
use axum::body::Body;
use domain::activity::receipt::DeliveryStatus;
use domain::time::Millis;
use http::{Request, header};
use platform::world::Clock;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::drive::{Failure, Load, Run};
use crate::meter::{Service, Step};
use crate::scenario::{self, Origin};

/// From creation to the due time, so that the sweep hands over.
const AHEAD: Millis = Millis::minutes(10);

/// Creates the load, then brings its receipts back.
pub(crate) async fn client(run: Run, origin: Origin) -> Result<(), Failure> {
    let key = scenario::set_up(&run.context).await?;
    let router = api::router(ApiState {
        context: run.context.clone(),
        public_url: None,
        tokens: None,
    });
    let client = Client { run, router, key };
    match origin {
        Origin::Api => client.create().await?,
        Origin::Campaign => client.start().await?,
    }
    client.bring_back().await
}

struct Client {
    run: Run,
    router: Router,
    key: String,
}

impl Client {
    async fn create(&self) -> Result<(), Failure> {
        let Load {
            activities,
            per_second,
            ..
        } = self.run.load;
        self.run.meter.reset();
        let pause = Millis::new(1_000 / u64::from(per_second.max(1)));
        for number in 0..activities {
            let body = scenario::request(number, self.run.world.now() + AHEAD);
            self.post(Step::Create, "/v1/scheduled-activities", Some(number), &body)
                .await?;
            self.run.world.sleep(pause).await;
        }
        Ok(())
    }

    async fn start(&self) -> Result<(), Failure> {
        let (context, load) = (&self.run.context, self.run.load);
        let import = scenario::import(context, load.activities).await?;
        while !scenario::is_imported(context, &import).await? {
            self.run.world.sleep(Millis::seconds(1)).await;
        }
        // What was told of the import is past.
        self.run.world.sleep(Millis::minutes(1)).await;
        scenario::publish(context, load.per_second).await?;
        self.run.meter.reset();
        Ok(())
    }

    /// Until nothing has come back for a while.
    async fn bring_back(&self) -> Result<(), Failure> {
        let mut idle = Millis::ZERO;
        while idle < AHEAD + AHEAD {
            let Some(receipt) = self.run.provider.next_receipt() else {
                self.run.world.sleep(Millis::new(100)).await;
                idle = idle + Millis::new(100);
                continue;
            };
            idle = Millis::ZERO;
            let (step, status) = match receipt.status {
                DeliveryStatus::Read => (Step::Read, "READ"),
                _ => (Step::Delivered, "DELIVERED"),
            };
            let id = receipt.activity.as_str();
            let message = json!({
                "id": format!("{id}-{status}"),
                "header": {"sender": {"type": "CONNECTOR"}, "originalMessageId": id},
                "body": {"type": "DELIVERYNOTIFICATION", "messageId": id, "status": status, "reasonCode": 200},
            });
            self.post(step, "/v1/cim-messages", None, &message).await?;
        }
        Ok(())
    }

    /// API Gateway asks the authorizer at every request: by default it remembers no answer.
    async fn authorize(&self) -> Result<Verdict, Failure> {
        let mut invocation = self.run.meter.invoked("authorizer");
        let asked = identify(&self.run.context, None, &self.key);
        Ok(invocation.record(Step::Authorize, asked).await?)
    }

    async fn post(&self, step: Step, path: &str, key: Option<usize>, body: &Value) -> Result<(), Failure> {
        let mut request = Request::post(path)
            .extension(self.authorize().await?)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", format!("request-{key:08}"));
        }
        let request = request
            .body(Body::from(body.to_string()))
            .map_err(|error| Failure::Api(error.to_string()))?;
        let mut invocation = self.run.meter.invoked("api");
        let answer = invocation
            .record(step, self.router.clone().oneshot(request))
            .await;
        let answer = answer.map_err(|never| Failure::Api(never.to_string()))?;
        self.run.meter.service(Service::Http, 1.0);
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(Failure::Api(answer.status().to_string()))
        }
    }
}
