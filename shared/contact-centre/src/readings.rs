//! How the protocol is read where it is silent.

/// What comes first when an agent gets free while a live call waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// `agent_available` (with the agent idle and the call waiting), then `connected`.
    #[default]
    AvailableFirst,
    /// Only `connected`: the agent was never idle.
    ConnectedOnly,
}

/// Which live calls `live_waiting` is told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Announcement {
    /// Those that find no agent idle.
    #[default]
    OnlyWaiting,
    /// Each, also when it is connected at once.
    EveryLive,
}

/// Which agents `talk` and `wrap` count in a blended centre.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BusyCount {
    /// All.
    #[default]
    Everyone,
    /// Those who serve or served an outbound call.
    Outbound,
}

/// One reading of the protocol; by default the most literal one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// What comes first.
    pub order: Order,
    /// Which live calls are announced.
    pub announcement: Announcement,
    /// Who is counted as busy.
    pub busy: BusyCount,
}
