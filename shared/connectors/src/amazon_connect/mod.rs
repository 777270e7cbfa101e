//! `amazon-connect`: calls by Amazon Connect (`StartOutboundVoiceContact`, `connect` 2017-08-08).
//!
//! AWS REST JSON, signed. The call is dialed and handed to a flow of the instance, which speaks, or
//! queues it for an agent.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `instanceId` | the Connect instance | required |
//! | `contactFlowId` | the flow that an answered call runs; the message's `ivr` comes before it | required |
//! | `queueId` | the queue of the call; its number is shown unless another is named | |
//! | `sourcePhoneNumber` | the number that the customer sees; the activity's service identifier comes before it | the queue's |
//! | `trafficType` | `CAMPAIGN`, which Amazon must have enabled, or `GENERAL` | `CAMPAIGN` |
//! | `machineDetection` | whether answering machines are looked for; needs `CAMPAIGN` | `true` |
//! | `awaitPrompt` | whether a machine's greeting is waited out, to leave a message | `false` |
//!
//! The further settings and the secrets are those of [`crate::aws`].
//!
//! | CIM body | becomes |
//! |---|---|
//! | `VOICE` | a call: `ringLimitSeconds` its ring time-out, `ivr` its flow; `markdownText` the attribute `say` |
//!
//! Attributes of the contact, for its flow to read. Contact events do not carry them, so results find the
//! activity by the contact's id.
//!
//! | attribute | meaning |
//! |---|---|
//! | `echo` | our attempt |
//! | `say` | the message's text |
//! | `agent` | the only agent for the call, who is kept for it in the modes that reserve first: the flow's working queue |
//! | `skillGroup` | whose agents may take the call |
//! | `abandonedMessage` | what a customer hears for whom no agent is there in time, before the flow hangs up |
//!
//! A call through an agent (`schedulingMetaData.dialing` of the kind `agent`) is dialed when the pacing of its
//! skill group has released it (`schedulingMetaData.paced`). Others are refused: they would ring at once, whether
//! an agent is free or not, and Connect's own campaigns do not pace calls that are started by API.
//!
//! Idempotency: `ClientToken` is the attempt's key; within 7 days the same token gives the same contact.
//! Repetitions of an unclear attempt come within seconds to minutes.
//!
//! The way back: an EventBridge rule for `Amazon Connect Contact Event` whose target is the SNS topic.
//! Events come unordered and on a best-effort basis.
//!
//! Sources: service model `connect` 2017-08-08; administrator guide, "Contact events", "Contact records
//! data model" (`AnsweringMachineDetectionStatus`, `DisconnectReason`, `InitiationMethod`).

mod errors;
mod events;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::activity::AssignTo;
use domain::channel::Channel;
use domain::time::Millis;
use domain::voice::{Dialing, Pool};
use platform::connector::{
    Callback, CallbackError, CallbackOutcome, Connector, ConnectorConfig, EnquiryOutcome, Repeat,
    SendFailure, SendOutcome, SendRequest, SettingError,
};
use platform::secrets::Secret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::aws::{self, Endpoint, Service, Surroundings, Topics, Verb};
use crate::http::{Answer, failure};
use crate::settings::Settings;

const ENDPOINT: Endpoint = Endpoint {
    verb: Verb::Put,
    host: "connect",
    service: "connect",
    path: &["contact", "outbound-voice"],
    headers: &[("content-type", "application/json")],
};

const SETTINGS: &[&str] = &[
    "region",
    "instanceId",
    "contactFlowId",
    "queueId",
    "sourcePhoneNumber",
    "trafficType",
    "machineDetection",
    "awaitPrompt",
    "topicArns",
    "baseUrl",
    "snsUrl",
    "timeoutMs",
];

/// The ring time-outs that Connect takes, in seconds.
const RING: (u64, u64) = (15, 60);

struct AmazonConnect {
    service: Service,
    topics: Topics,
    /// What every request has, but for the recipient, the attempt and what the message says.
    common: Map<String, Value>,
}

/// Makes a connector of this kind.
pub(crate) fn build(
    client: reqwest::Client,
    config: &ConnectorConfig,
    secrets: &BTreeMap<String, Secret>,
    surroundings: &Surroundings,
) -> Result<Arc<dyn Connector>, SettingError> {
    let settings = Settings::new(config, secrets, &[Channel::Voice], SETTINGS)?;
    Ok(Arc::new(AmazonConnect {
        service: Service::new(&ENDPOINT, client.clone(), &settings, surroundings)?,
        topics: Topics::new(client, &settings, surroundings)?,
        common: common(&settings)?,
    }))
}

/// The parts of a request that the settings give.
fn common(settings: &Settings<'_>) -> Result<Map<String, Value>, SettingError> {
    let mut common = Map::new();
    common.insert("InstanceId".into(), settings.required("instanceId")?.into());
    common.insert("ContactFlowId".into(), settings.required("contactFlowId")?.into());
    for (member, setting) in [("QueueId", "queueId"), ("SourcePhoneNumber", "sourcePhoneNumber")] {
        if let Some(text) = settings.optional(setting) {
            common.insert(member.into(), text.into());
        }
    }
    if !common.contains_key("QueueId") && !common.contains_key("SourcePhoneNumber") {
        return Err(Settings::problem(
            "sourcePhoneNumber",
            "is missing; without a `queueId` Connect has no number to call from",
        ));
    }
    let traffic = settings.optional("trafficType").unwrap_or("CAMPAIGN");
    if !["CAMPAIGN", "GENERAL"].contains(&traffic) {
        return Err(Settings::problem(
            "trafficType",
            "must be `CAMPAIGN` or `GENERAL`",
        ));
    }
    let detects = settings.flag("machineDetection", traffic == "CAMPAIGN")?;
    if detects && traffic != "CAMPAIGN" {
        return Err(Settings::problem(
            "machineDetection",
            "needs the traffic type `CAMPAIGN`",
        ));
    }
    common.insert("TrafficType".into(), traffic.into());
    let awaits = settings.flag("awaitPrompt", false)?;
    if detects {
        common.insert(
            "AnswerMachineDetectionConfig".into(),
            json!({ "EnableAnswerMachineDetection": true, "AwaitAnswerMachinePrompt": awaits }),
        );
    }
    Ok(common)
}

impl AmazonConnect {
    fn body(&self, request: &SendRequest) -> Result<Value, SendFailure> {
        let body = &request.message.body;
        if body.kind() != "VOICE" {
            return Err(failure(
                "unsupported-body",
                format!("this connector does not send {} bodies", body.kind()),
            ));
        }
        let metadata = request.message.header.scheduling_meta_data.as_ref();
        let way = metadata.map_or(Way::Machine, Way::read);
        if way == Way::Unpaced {
            return Err(failure(
                "unpaced",
                "a call through an agent waits for one in a skill group with `pacing`; this connector dials at once",
            ));
        }
        let mut members = self.common.clone();
        members.insert("DestinationPhoneNumber".into(), request.to.as_str().into());
        members.insert("ClientToken".into(), request.idempotency_key.as_str().into());
        members.insert("Attributes".into(), attributes(request, &way).into());
        if let Some(service) = &request.service_identifier {
            members.insert("SourcePhoneNumber".into(), service.as_str().into());
        }
        if let Some(flow) = body.text("ivr") {
            members.insert("ContactFlowId".into(), flow.into());
        }
        if let Some(ring) = body.field("ringLimitSeconds").and_then(Value::as_u64) {
            members.insert("RingTimeoutInSeconds".into(), ring.clamp(RING.0, RING.1).into());
        }
        Ok(Value::Object(members))
    }
}

/// Who is to talk to whoever answers.
#[derive(PartialEq, Eq)]
enum Way {
    /// The flow itself.
    Machine,
    /// An agent of these, for whom the pacing has released the call.
    Paced(Pool),
    /// An agent, and nobody knows whether one is free.
    Unpaced,
}

impl Way {
    fn read(metadata: &Map<String, Value>) -> Self {
        let dialing = metadata
            .get("dialing")
            .and_then(|dialing| Dialing::deserialize(dialing).ok());
        let Some(Dialing::Agent { pool, .. }) = dialing else {
            return Self::Machine;
        };
        if metadata.get("paced") != Some(&Value::Bool(true)) {
            return Self::Unpaced;
        }
        let kept = metadata
            .get("assignTo")
            .and_then(|to| AssignTo::deserialize(to).ok());
        match kept {
            Some(AssignTo::AgentId(agent)) => Self::Paced(Pool::Agent(agent)),
            Some(AssignTo::Queue(_)) | None => Self::Paced(pool),
        }
    }
}

/// What the flow of the instance can read.
fn attributes(request: &SendRequest, way: &Way) -> Map<String, Value> {
    let body = &request.message.body;
    let mut attributes = Map::new();
    attributes.insert("echo".into(), request.echo.text().into());
    if let Some(text) = body.readable() {
        attributes.insert("say".into(), text.into());
    }
    if let Some(text) = body.text("abandonedMessage") {
        attributes.insert("abandonedMessage".into(), text.into());
    }
    match way {
        Way::Paced(Pool::Agent(agent)) => attributes.insert("agent".into(), agent.as_str().into()),
        Way::Paced(Pool::SkillGroup(group)) => attributes.insert("skillGroup".into(), group.as_str().into()),
        Way::Machine | Way::Unpaced => None,
    };
    attributes
}

fn outcome(answer: &Answer) -> SendOutcome {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reading {
        contact_id: Option<String>,
    }
    if answer.status.is_success() {
        let reading: Reading = serde_json::from_slice(&answer.body).unwrap_or_default();
        return SendOutcome::Accepted {
            provider_message_id: reading.contact_id,
        };
    }
    aws::outcome(answer, |name, _| errors::find(name))
}

#[async_trait]
impl Connector for AmazonConnect {
    fn repeat(&self) -> Repeat {
        Repeat::WithSameKey
    }

    fn timeout(&self) -> Millis {
        self.service.longest()
    }

    async fn send(&self, request: &SendRequest) -> SendOutcome {
        let body = match self.body(request) {
            Ok(body) => body,
            Err(failure) => return SendOutcome::Rejected(failure),
        };
        match self.service.call(&body).await {
            Ok(answer) => outcome(&answer),
            Err(outcome) => outcome,
        }
    }

    async fn enquire(&self, _request: &SendRequest) -> EnquiryOutcome {
        EnquiryOutcome::Unclear(failure(
            "unsupported",
            "Connect is asked by repeating the request with its token",
        ))
    }

    async fn read_callback(&self, callback: &Callback) -> Result<CallbackOutcome, CallbackError> {
        self.topics.take(callback, events::read).await
    }
}
