//! What really happens in a centre, told as it happens.

use pacing::protocol::Pool;

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not logged on.
    Off,
    /// In a break.
    Break,
    /// Free, while it is asked for which side; takes no time.
    Free,
    /// Free, for the side told.
    Idle(Pool),
    /// Talks, with a caller of the side told.
    Talk(Pool),
    /// Wraps up a call of the side told.
    Wrap(Pool),
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// A person.
    Person,
    /// An answering machine.
    Machine,
}

/// How an outbound call ends for the pacer: each has exactly one ending.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// The line was busy.
    Busy,
    /// There is no such number.
    Invalid,
    /// Nobody answered.
    NoAnswer,
    /// Taken for a machine and hung up; a person is who was hung up by mistake.
    HungUp(Party),
    /// Connected to an agent, after so many seconds; a machine was taken for a person.
    Connected(Party, f64),
    /// Taken for a person, and no agent came in time.
    Abandoned(Party),
    /// Still open when the run ended.
    Cut,
}

/// Why a call that the pacer wanted was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// All lines are taken.
    Lines,
    /// All contacts have been called.
    Contacts,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fact {
    /// An agent begins a phase.
    Agent(usize, Phase),
    /// An outbound call is started.
    Dialed(usize),
    /// An outbound call ends, for the pacer.
    Ended(usize, Ending),
    /// So many calls were not started.
    Refused(u32, Refusal),
    /// An inbound call arrives.
    InboundQueued(usize),
    /// An inbound call gets an agent, after so many seconds.
    InboundConnected(usize, f64),
    /// An inbound caller gives up, after so many seconds.
    InboundAbandoned(usize, f64),
    /// The run is over.
    End,
}
