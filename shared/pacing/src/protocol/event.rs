//! What happens in a contact centre.

use serde::{Deserialize, Serialize};

use super::{Id, Pool, Why};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The run begins: the first line.
    Start(Start),
    /// The run is over: the last line.
    End,
    /// A second has passed.
    Tick,
    /// Something about an agent.
    Agent(Id, AgentEvent),
    /// Something about an outbound call.
    Call(Id, CallEvent),
    /// Something about an inbound call.
    Inbound(Id, InboundEvent),
    /// It is asked which side an agent is to serve.
    SeizeQuery {
        /// The agent.
        agent: Option<Id>,
        /// Why.
        why: Why,
        /// The side that the agent serves now.
        pool: Pool,
    },
    /// One of the events that a pacer need not know.
    Other(Box<str>),
}

/// What an agent did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AgentEvent {
    /// `agent_logon`.
    LogOn,
    /// `agent_logoff`.
    LogOff,
    /// `agent_break`.
    Break,
    /// `agent_back`: from the break.
    Back,
    /// `agent_available`: ready for the next call.
    Available(Option<Pool>),
    /// `agent_about_to_finish`: the seconds that are left, as the agent's desktop estimates them.
    AboutToFinish(f64),
    /// `wrap_start`: the conversation is over; seconds of wrap-up, where they are known.
    WrapStart(Option<f64>),
    /// `agent_missed`: a call was offered and not taken (RONA); the agent is no longer ready.
    Missed,
}

/// What became of an outbound call.
#[derive(Clone, Debug, PartialEq)]
pub enum CallEvent {
    /// `call_dialed`.
    Dialed,
    /// `ringing`.
    Ringing,
    /// `answered`: off hook, a person or a machine.
    Answered,
    /// `busy`.
    Busy,
    /// `no_answer`.
    NoAnswer,
    /// `invalid`: no such number.
    Invalid,
    /// `fax`.
    Fax,
    /// `amd_machine`: taken for an answering machine.
    Machine,
    /// `live_waiting`: a person, and no agent yet.
    LiveWaiting,
    /// `connected`: a person has an agent.
    Connected {
        /// The agent.
        agent: Id,
        /// Seconds that the person waited.
        wait: f64,
    },
    /// `abandoned`: a person got no agent in time.
    Abandoned,
}

/// What became of an inbound call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboundEvent {
    /// `inbound_queued`.
    Queued,
    /// `inbound_connected`.
    Connected,
    /// `inbound_abandoned`.
    Abandoned,
}

/// The run that begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Abandoned calls per live call that the run may have, 0 to 1.
    pub limit: f64,
    /// Seconds after which a live call without an agent is abandoned; 2 unless told.
    pub abandon_wait: f64,
    /// Seconds after which a ringing call is given up; 22 unless told.
    pub ring_max: f64,
    /// Most agents that are ever logged on; 0 if that is not known.
    pub agents_max: u32,
    /// Whether the agents serve inbound calls, too.
    pub blended: bool,
    /// Seconds of the run; none if it is open.
    pub duration: Option<f64>,
    /// Most lines per agent logged on; 12 unless told.
    pub max_lines_per_agent: f64,
    /// Seconds within which an inbound call should be answered.
    pub in_sla: Option<f64>,
    /// Seconds since local midnight when the run begins; 0 unless told.
    pub time_of_day: f64,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            limit: 0.03,
            abandon_wait: 2.0,
            ring_max: 22.0,
            agents_max: 0,
            blended: false,
            duration: None,
            max_lines_per_agent: 12.0,
            in_sla: None,
            time_of_day: 0.0,
        }
    }
}
