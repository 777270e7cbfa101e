//! One flat object per line, and what it stands for.

use serde::{Deserialize, Serialize};

use super::lenient;
use super::{
    AgentEvent, Answer, CallEvent, Counts, Event, Id, InboundEvent, Line, Pool, Question, Start, Why,
};

/// Why a line is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A key that the event needs is not there.
    #[error("`{event}` needs the key `{key}`")]
    Missing {
        /// The event.
        event: String,
        /// The key.
        key: &'static str,
    },
    /// A number is out of its range.
    #[error("`{key}` is {value}, but must be {range}")]
    Range {
        /// The key.
        key: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        range: &'static str,
    },
}

/// The keys of a line.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Wire {
    ev: String,
    t: f64,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::question"
    )]
    q: Option<Question>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pool: Option<Pool>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::whole"
    )]
    idle: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::whole"
    )]
    talk: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::whole"
    )]
    wrap: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::whole"
    )]
    inflight: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::whole"
    )]
    waiting: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::whole"
    )]
    idle_in: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::whole"
    )]
    in_queue: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_wait: Option<f64>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::whole"
    )]
    pending: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_of_day: Option<f64>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::unread"
    )]
    proto: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    abandon_wait: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ring_max: Option<f64>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::whole"
    )]
    agents_max: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blended: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_lines_per_agent: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_sla: Option<f64>,
}

/// The version of the protocol.
pub const PROTOCOL: u32 = 1;

/// Reads "out", "outbound", "seized" and the like; what begins with "in" is inbound.
impl<'de> Deserialize<'de> for Pool {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Ok(if name.starts_with("in") || name.starts_with("IN") {
            Self::Inbound
        } else {
            Self::Outbound
        })
    }
}

impl TryFrom<Wire> for Line {
    type Error = Malformed;

    fn try_from(mut wire: Wire) -> Result<Self, Malformed> {
        within("t", wire.t, 0.0, MAX_SECONDS)?;
        Ok(Self {
            t: wire.t,
            event: wire.event()?,
            question: wire.q,
            counts: wire.counts()?,
        })
    }
}

/// No time is longer: a hundred years.
const MAX_SECONDS: f64 = 3_155_760_000.0;
/// No centre has more agents or calls at once.
const MAX_COUNT: u32 = 1_000_000;

fn within(key: &'static str, value: f64, least: f64, most: f64) -> Result<f64, Malformed> {
    if value >= least && value <= most {
        return Ok(value);
    }
    Err(Malformed::Range {
        key,
        value: value.to_string(),
        range: "a number that is not negative and not absurdly large",
    })
}

impl Wire {
    fn event(&mut self) -> Result<Event, Malformed> {
        use AgentEvent as A;
        use CallEvent as C;
        use InboundEvent as I;
        let ev = std::mem::take(&mut self.ev);
        Ok(match ev.as_str() {
            "start" => Event::Start(self.start()?),
            "end" => Event::End,
            "tick" => Event::Tick,
            "agent_logon" => Event::Agent(self.agent(&ev)?, A::LogOn),
            "agent_logoff" => Event::Agent(self.agent(&ev)?, A::LogOff),
            "agent_break" => Event::Agent(self.agent(&ev)?, A::Break),
            "agent_back" => Event::Agent(self.agent(&ev)?, A::Back),
            "agent_missed" => Event::Agent(self.agent(&ev)?, A::Missed),
            "agent_available" => Event::Agent(self.agent(&ev)?, A::Available(self.pool)),
            "agent_about_to_finish" => {
                let left = need(self.left, &ev, "left")?;
                Event::Agent(
                    self.agent(&ev)?,
                    A::AboutToFinish(within("left", left, 0.0, MAX_SECONDS)?),
                )
            }
            "wrap_start" => {
                let left = self.left.map(|left| within("left", left, 0.0, MAX_SECONDS));
                Event::Agent(self.agent(&ev)?, A::WrapStart(left.transpose()?))
            }
            "call_dialed" => Event::Call(self.call(&ev)?, C::Dialed),
            "ringing" => Event::Call(self.call(&ev)?, C::Ringing),
            "answered" => Event::Call(self.call(&ev)?, C::Answered),
            "busy" => Event::Call(self.call(&ev)?, C::Busy),
            "no_answer" => Event::Call(self.call(&ev)?, C::NoAnswer),
            "invalid" => Event::Call(self.call(&ev)?, C::Invalid),
            "fax" => Event::Call(self.call(&ev)?, C::Fax),
            "amd_machine" => Event::Call(self.call(&ev)?, C::Machine),
            "live_waiting" => Event::Call(self.call(&ev)?, C::LiveWaiting),
            "abandoned" => Event::Call(self.call(&ev)?, C::Abandoned),
            "connected" => {
                let wait = within("wait", self.wait.unwrap_or(0.0), 0.0, MAX_SECONDS)?;
                let agent = self.agent(&ev)?;
                Event::Call(self.call(&ev)?, C::Connected { agent, wait })
            }
            "inbound_queued" => Event::Inbound(self.call(&ev)?, I::Queued),
            "inbound_connected" => Event::Inbound(self.call(&ev)?, I::Connected),
            "inbound_abandoned" => Event::Inbound(self.call(&ev)?, I::Abandoned),
            "seize_query" => Event::SeizeQuery {
                agent: self.agent.take(),
                why: need(self.why, &ev, "why")?,
                pool: need(self.pool, &ev, "pool")?,
            },
            _ => Event::Other(ev.into()),
        })
    }

    fn agent(&mut self, event: &str) -> Result<Id, Malformed> {
        need(self.agent.take(), event, "agent")
    }

    fn call(&mut self, event: &str) -> Result<Id, Malformed> {
        need(self.call.take(), event, "call")
    }

    fn start(&self) -> Result<Start, Malformed> {
        let limit = within("limit", need(self.limit, "start", "limit")?, 0.0, 1.0)?;
        let positive = |key, value: Option<f64>, otherwise: f64| match value {
            Some(value) => within(key, value, 0.0, MAX_SECONDS),
            None => Ok(otherwise),
        };
        Ok(Start {
            limit,
            abandon_wait: positive("abandon_wait", self.abandon_wait, 2.0)?,
            ring_max: positive("ring_max", self.ring_max, 22.0)?,
            agents_max: self.agents_max.unwrap_or(0),
            blended: self.blended.unwrap_or(false),
            duration: self
                .duration
                .map(|duration| within("duration", duration, 0.0, MAX_SECONDS))
                .transpose()?,
            max_lines_per_agent: positive("max_lines_per_agent", self.max_lines_per_agent, 12.0)?,
            in_sla: self
                .in_sla
                .map(|seconds| within("in_sla", seconds, 0.0, MAX_SECONDS))
                .transpose()?,
            time_of_day: positive("time_of_day", self.time_of_day, 0.0)?,
        })
    }

    fn counts(&self) -> Result<Counts, Malformed> {
        for (key, count) in [
            ("idle", self.idle),
            ("talk", self.talk),
            ("wrap", self.wrap),
            ("inflight", self.inflight),
            ("waiting", self.waiting),
            ("idle_in", self.idle_in),
            ("in_queue", self.in_queue),
        ] {
            within(key, f64::from(count.unwrap_or(0)), 0.0, f64::from(MAX_COUNT))?;
        }
        Ok(Counts {
            idle: self.idle,
            talk: self.talk,
            wrap: self.wrap,
            inflight: self.inflight,
            waiting: self.waiting,
            idle_in: self.idle_in,
            in_queue: self.in_queue,
            in_wait: self
                .in_wait
                .map(|seconds| within("in_wait", seconds, 0.0, MAX_SECONDS))
                .transpose()?,
            pending: self.pending,
        })
    }
}

fn need<T>(value: Option<T>, event: &str, key: &'static str) -> Result<T, Malformed> {
    value.ok_or_else(|| Malformed::Missing {
        event: event.to_owned(),
        key,
    })
}

impl From<Line> for Wire {
    fn from(line: Line) -> Self {
        let counts = line.counts;
        let mut wire = Self {
            t: line.t,
            q: line.question,
            idle: counts.idle,
            talk: counts.talk,
            wrap: counts.wrap,
            inflight: counts.inflight,
            waiting: counts.waiting,
            idle_in: counts.idle_in,
            in_queue: counts.in_queue,
            in_wait: counts.in_wait,
            pending: counts.pending,
            ..Self::default()
        };
        wire.set_event(line.event);
        wire
    }
}

impl Wire {
    fn set_event(&mut self, event: Event) {
        self.ev = match event {
            Event::Start(start) => {
                self.set_start(&start);
                "start".into()
            }
            Event::End => "end".into(),
            Event::Tick => "tick".into(),
            Event::Agent(agent, event) => {
                self.agent = Some(agent);
                self.set_agent_event(event).into()
            }
            Event::Call(call, event) => {
                self.call = Some(call);
                self.set_call_event(event).into()
            }
            Event::Inbound(call, event) => {
                self.call = Some(call);
                match event {
                    InboundEvent::Queued => "inbound_queued",
                    InboundEvent::Connected => "inbound_connected",
                    InboundEvent::Abandoned => "inbound_abandoned",
                }
                .into()
            }
            Event::SeizeQuery { agent, why, pool } => {
                (self.agent, self.why, self.pool) = (agent, Some(why), Some(pool));
                "seize_query".into()
            }
            Event::Other(name) => name.into(),
        };
    }

    fn set_start(&mut self, start: &Start) {
        self.proto = Some(PROTOCOL);
        self.limit = Some(start.limit);
        self.abandon_wait = Some(start.abandon_wait);
        self.ring_max = Some(start.ring_max);
        self.agents_max = Some(start.agents_max);
        self.blended = Some(start.blended);
        self.duration = start.duration;
        self.max_lines_per_agent = Some(start.max_lines_per_agent);
        self.in_sla = start.in_sla;
        self.time_of_day = Some(start.time_of_day);
    }

    fn set_agent_event(&mut self, event: AgentEvent) -> &'static str {
        match event {
            AgentEvent::LogOn => "agent_logon",
            AgentEvent::LogOff => "agent_logoff",
            AgentEvent::Break => "agent_break",
            AgentEvent::Back => "agent_back",
            AgentEvent::Missed => "agent_missed",
            AgentEvent::Available(pool) => {
                self.pool = pool;
                "agent_available"
            }
            AgentEvent::AboutToFinish(left) => {
                self.left = Some(left);
                "agent_about_to_finish"
            }
            AgentEvent::WrapStart(left) => {
                self.left = left;
                "wrap_start"
            }
        }
    }

    fn set_call_event(&mut self, event: CallEvent) -> &'static str {
        match event {
            CallEvent::Dialed => "call_dialed",
            CallEvent::Ringing => "ringing",
            CallEvent::Answered => "answered",
            CallEvent::Busy => "busy",
            CallEvent::NoAnswer => "no_answer",
            CallEvent::Invalid => "invalid",
            CallEvent::Fax => "fax",
            CallEvent::Machine => "amd_machine",
            CallEvent::LiveWaiting => "live_waiting",
            CallEvent::Abandoned => "abandoned",
            CallEvent::Connected { agent, wait } => {
                (self.agent, self.wait) = (Some(agent), Some(wait));
                "connected"
            }
        }
    }
}

/// What a line asks, read from it even where the rest of the line cannot be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Asked {
    /// The question, as it is written.
    #[serde(default, deserialize_with = "lenient::text")]
    pub q: Option<String>,
    /// The side that the agent serves now.
    #[serde(default)]
    pub pool: Option<Pool>,
}

impl Asked {
    /// The reply that changes nothing: no call, and the agent stays; to a question that is not known, that it is not.
    pub fn safe_reply(&self) -> Option<Reply> {
        Some(match self.q.as_deref()? {
            "dial" => Answer::Dial(0).into(),
            "seize" => Answer::Seize(self.pool.unwrap_or(Pool::Inbound)).into(),
            other => Reply::Unknown {
                error: format!("`q` is {other:?}, but must be \"dial\" or \"seize\""),
            },
        })
    }
}

/// What is written back for a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// Its answer.
    Answer(Answer),
    /// The question is not known. No command has this key, so that nobody takes it for one.
    Unknown {
        /// What is wrong.
        error: String,
    },
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// A side as whether it is outbound.
pub(super) mod seized {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Pool;

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(in super::super) fn serialize<S: Serializer>(pool: &Pool, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*pool == Pool::Outbound)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Pool, D::Error> {
        Ok(if bool::deserialize(deserializer)? {
            Pool::Outbound
        } else {
            Pool::Inbound
        })
    }
}
