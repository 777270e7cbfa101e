//! Stand-ins for the domain's types in the description of the API: the domain does not know OpenAPI.

#![allow(dead_code, reason = "only their descriptions are used")]

use utoipa::ToSchema;

/// An instant: RFC 3339 with any offset; answers use UTC.
#[derive(ToSchema)]
#[schema(value_type = String, format = DateTime, max_length = 64, example = "2026-11-23T09:30:00.000Z")]
pub(crate) struct Instant(String);

/// An identifier.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
pub(crate) struct Id(String);

/// A name of the caller's own.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 128)]
pub(crate) struct Name(String);

/// A phone number in international form, or an e-mail address.
#[derive(ToSchema)]
#[schema(value_type = String, max_length = 320, example = "+442079460958")]
pub(crate) struct AnyAddress(String);

/// An IANA time zone.
#[derive(ToSchema)]
#[schema(value_type = String, max_length = 64, example = "Europe/Berlin")]
pub(crate) struct Zone(String);

/// A value of the caller's own data, in bytes.
#[derive(ToSchema)]
#[schema(value_type = String, max_length = 512)]
pub(crate) struct MetadataValue(String);

/// A value that is known of a customer, in bytes.
#[derive(ToSchema)]
#[schema(value_type = String, max_length = 2000)]
pub(crate) struct Attribute(String);

/// A setting or secret of a connector, in bytes; without control characters.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 8192)]
pub(crate) struct Setting(String);

/// A type of events, such as `activity.sent`; or `activity.*`, all of a kind; or `*`, all.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 64, example = "activity.sent")]
pub(crate) struct EventPattern(String);

/// A range of a day's hours.
#[derive(ToSchema)]
#[schema(value_type = String, max_length = 11, example = "09:00-18:00")]
pub(crate) struct Hours(String);

/// A day.
#[derive(ToSchema)]
#[schema(value_type = String, format = Date, max_length = 10, example = "2026-12-25")]
pub(crate) struct Day(String);

/// How a customer is reached.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Channel {
    Sms,
    Whatsapp,
    Email,
    Voice,
}

/// `"all"`, one channel, or a list of channels.
#[derive(ToSchema)]
#[schema(value_type = Value, example = json!(["sms", "whatsapp"]))]
pub(crate) struct Channels(serde_json::Value);

/// Where an activity stands.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ActivityState {
    Scheduled,
    Dispatching,
    Unknown,
    Sent,
    Failed,
    Expired,
    Refused,
    Cancelled,
    Delivered,
    Connected,
    Read,
    Replied,
}

/// Which activities go first when many are due.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Priority {
    High,
    Normal,
}

/// For whom the customer's answer is meant: `agentId` or `queue`, up to 128 characters. Kept and passed on.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum AssignTo {
    /// A named agent.
    AgentId(Name),
    /// A queue.
    Queue(Name),
}

/// Who starts a call when.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum DialingMode {
    /// The agent sees the contact first, and decides.
    Preview,
    /// An agent is reserved, then one call is started.
    Progressive,
    /// A fixed number of calls is started for each free agent.
    Power,
    /// As many calls are started as the state of the skill group bears.
    Predictive,
}

/// The agents who may take a call: `skillGroup` or `agent`, by id.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum Pool {
    /// Those of a skill group.
    SkillGroup(Name),
    /// One, in the modes that reserve the agent first.
    Agent(Name),
}

/// How a call is paced: `kind` is `agent`, with `mode` and `pool`, or `ivr`: a machine speaks.
#[derive(ToSchema)]
#[schema(example = json!({"kind": "agent", "mode": "progressive", "pool": {"skillGroup": "sales"}}))]
pub(crate) struct Dialing {
    kind: String,
    #[schema(required = false)]
    mode: DialingMode,
    #[schema(required = false)]
    pool: Pool,
}

/// A limit of abandonment: abandoned calls per live call.
#[derive(ToSchema)]
pub(crate) struct Budget {
    /// Measured over `30m`, `24h`, `30d` or `life`.
    #[schema(example = "30d")]
    over: String,
    /// Above 0 and up to 1.
    #[schema(example = 0.03)]
    limit: f64,
}

/// How a campaign's calls through agents are paced. Formulas are described in the guide to pacing.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct CampaignPacing {
    /// INIT: how many calls to start; by the mode of the node if absent.
    #[schema(max_length = 2000, example = "min(predictive(0.03), power(parameters.most))")]
    init: Option<String>,
    /// SEIZE: which agents serve outbound, in a blended group; `credit()` if absent.
    #[schema(max_length = 2000, example = "threshold(2)")]
    seize: Option<String>,
    /// What formulas read as `parameters.<name>`.
    #[schema(required = false)]
    parameters: std::collections::BTreeMap<String, f64>,
    /// Calls for each free agent in power mode.
    #[schema(minimum = 1, maximum = 10, default = 1.5)]
    #[schema(required = false)]
    ratio: f64,
    /// The limits of abandonment that are switched on; `30d` with 0.03 if absent, none if empty.
    #[schema(required = false, max_items = 4)]
    budgets: Vec<Budget>,
    /// A campaign of a higher priority has the group's agents first.
    #[schema(minimum = 0, maximum = 9, default = 5)]
    #[schema(required = false)]
    priority: u8,
    /// Its share of the agents, against campaigns of the same priority.
    #[schema(minimum = 1, maximum = 100, default = 1)]
    #[schema(required = false)]
    weight: u32,
}

/// A message body in Expertflow's CIM shape: an object with a `type` such as PLAIN (with
/// `markdownText`) or TEMPLATE (with `name` and `language`). At most 64 KB.
#[derive(ToSchema)]
#[schema(value_type = Object, example = json!({"type": "PLAIN", "markdownText": "Your parcel arrives today."}))]
pub(crate) struct CimBody(serde_json::Value);

/// Where a campaign stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum CampaignState {
    Draft,
    Published,
    Paused,
    Stopped,
}

/// The type of a contact column or profile attribute.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum FieldType {
    String,
    Number,
    Boolean,
}

/// What the person said.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum ConsentStatus {
    Granted,
    Denied,
}

/// The ground on which a campaign contacts people: what a missing consent record means.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum ConsentBasis {
    /// Nobody without a granted record is contacted.
    ExplicitConsent,
    /// A missing record allows.
    ExistingRelationship,
    /// A missing record allows.
    Contract,
    /// A missing record allows.
    LegalObligation,
    /// A missing record allows.
    LegitimateInterest,
}

/// What counts when the profile or the contact's row names a time zone.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum ZonePolicy {
    /// The named zones alone; the number is asked only where none is named.
    Explicit,
    /// The named zones and those of the number.
    Intersect,
}

/// Weekly windows, in the local time of the person.
#[derive(ToSchema)]
#[schema(example = json!({"days": {"mon": ["09:00-12:00", "13:00-18:00"]}, "except": ["2026-12-25"]}))]
pub(crate) struct Windows {
    /// Per day (`mon` to `sun`) its ranges, such as `09:00-18:00`. A day that is not named is closed.
    #[schema(required = false)]
    days: std::collections::BTreeMap<String, Vec<Hours>>,
    /// Dates that are closed all day.
    #[schema(max_items = 366)]
    #[schema(required = false)]
    except: Vec<Day>,
}

/// At most `max` contacts of a person in any span of `windowMs`, over `channels` together.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Cap {
    #[schema(minimum = 1, maximum = 500)]
    max: u32,
    #[schema(minimum = 1_000, maximum = 31_622_400_000_i64)]
    window_ms: u64,
    #[schema(required = false)]
    channels: Channels,
}

/// What a campaign sets for the compliance gate.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct CampaignPolicy {
    consent_basis: ConsentBasis,
    /// What the contact is for; consent records name the same word.
    #[schema(min_length = 1, max_length = 100)]
    purpose: Option<String>,
    /// The IANA zone of people about whom nothing is known.
    time_zone: Zone,
    #[schema(required = false)]
    zone_policy: ZonePolicy,
    /// When people are contacted; absent: at any hour.
    windows: Option<Windows>,
    /// The same for one channel, within `windows`.
    #[schema(required = false)]
    channel_windows: std::collections::BTreeMap<String, Windows>,
    #[schema(max_items = 10)]
    #[schema(required = false)]
    caps: Vec<Cap>,
}

/// What a tenant sets for the compliance gate, for everything that it sends.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct TenantPolicy {
    /// The IANA zone of people about whom nothing is known, where no campaign says another.
    #[schema(required = false)]
    time_zone: Zone,
    #[schema(required = false)]
    zone_policy: ZonePolicy,
    #[schema(required = false)]
    channel_windows: std::collections::BTreeMap<String, Windows>,
    #[schema(max_items = 10)]
    #[schema(required = false)]
    caps: Vec<Cap>,
    /// How long a person who answered a call for which no agent was there is not called again, unless an agent is
    /// reserved first, in milliseconds; 0 switches this off. 72 hours if absent.
    #[schema(maximum = 31_622_400_000_u64)]
    #[schema(required = false)]
    rest_after_abandoned_ms: u64,
}

/// The side that an agent serves when free.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Side {
    Inbound,
    Outbound,
}

/// What became of an inbound call.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum InboundEvent {
    Queued,
    Connected,
    Abandoned,
}

/// A time for which an agent is promised elsewhere.
#[derive(ToSchema)]
pub(crate) struct Commitment {
    #[schema(value_type = Instant)]
    from: String,
    /// After `from`.
    #[schema(value_type = Instant)]
    until: String,
}

/// What an agent does now: `type`, and what belongs to it.
#[derive(ToSchema)]
#[schema(example = json!({"type": "about_to_finish", "left": 12.5}))]
pub(crate) struct AgentEvent {
    #[schema(rename = "type")]
    of: AgentEventType,
    /// With `offered` and `busy`: which activity, if it is one of ours.
    #[schema(value_type = Option<Id>)]
    activity: Option<String>,
    /// In how many seconds it is over: needed with `about_to_finish`, possible with `wrap_up`.
    #[schema(minimum = 0)]
    left: Option<f64>,
    /// Why, with `break`.
    #[schema(max_length = 100)]
    reason: Option<String>,
}

/// The kinds of agents' events.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum AgentEventType {
    /// Came to work; not ready yet.
    LogOn,
    /// Free for the next conversation.
    Ready,
    /// Is offered a conversation.
    Offered,
    /// In conversation.
    Busy,
    /// Will have finished what is in hand in `left` seconds.
    AboutToFinish,
    /// The conversation is over, and something is left to do.
    WrapUp,
    /// Goes on a break as soon as what is in hand is over.
    BreakFollows,
    /// Not to be given anything.
    Break,
    /// Did not take what was offered (RONA): not ready until `ready`.
    Missed,
    /// Left work.
    LogOff,
}

/// How the pacing of a skill group stands.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PacingView {
    /// Of which moment this is told.
    #[schema(value_type = Instant)]
    at: String,
    /// Agents at work.
    agents: u32,
    /// Agents who could take a call at once.
    free: u32,
    /// Inbound calls that wait.
    in_queue: u32,
    /// What is done.
    works: Vec<WorkView>,
}

/// The calls of one campaign in one mode.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct WorkView {
    /// Whose; null for calls that belong to no campaign.
    #[schema(value_type = Option<Id>)]
    campaign: Option<String>,
    mode: DialingMode,
    /// Agents who serve it.
    agents: u32,
    /// Contacts that agents look at.
    offered: u32,
    /// Calls on their way.
    in_flight: u32,
    /// Customers on the line without an agent.
    live_waiting: u32,
    /// Calls that were started.
    dialed: u64,
    /// Conversations with an agent.
    connected: u64,
    /// Customers who got no agent in time.
    abandoned: u64,
    /// Machines, or persons who were taken for one: hung up on.
    machines: u64,
    /// Other calls that reached nobody.
    unanswered: u64,
}

/// What a gateway bears of a skill group's calls.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Gateway {
    /// Most calls on their way at once; unbounded if absent.
    #[schema(minimum = 1, maximum = 10_000)]
    lines: Option<u32>,
    /// Most calls started in any second; unbounded if absent.
    #[schema(minimum = 1, maximum = 1_000)]
    calls_per_second: Option<u32>,
}

/// Which formula.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum FormulaKind {
    Init,
    Seize,
}

/// A moment, in the numbers that matter most to formulas. What is not given is 0, except the answer rate.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Moment {
    /// Agents on the outbound side who are free.
    #[schema(maximum = 1_000)]
    #[schema(required = false)]
    idle: u32,
    /// Agents in conversation.
    #[schema(maximum = 1_000)]
    #[schema(required = false)]
    talking: u32,
    /// Agents in wrap-up.
    #[schema(maximum = 1_000)]
    #[schema(required = false)]
    wrapping: u32,
    /// Calls dialed and without a verdict.
    #[schema(maximum = 1_000)]
    #[schema(required = false)]
    in_flight: u32,
    /// Live calls without an agent.
    #[schema(maximum = 1_000)]
    #[schema(required = false)]
    waiting: u32,
    /// Contacts that may still be called; null if that is not known.
    pending: Option<u32>,
    /// Part of the calls that a person answers; 0.3 unless given.
    #[schema(minimum = 0.01, maximum = 1)]
    #[schema(required = false)]
    answer_rate: f64,
    /// Abandoned calls per live call since the beginning.
    #[schema(minimum = 0, maximum = 1)]
    #[schema(required = false)]
    abandonment: f64,
    /// Agents of the inbound side who are free.
    #[schema(maximum = 1_000)]
    #[schema(required = false)]
    idle_inbound: u32,
    /// Inbound callers who queue.
    #[schema(maximum = 1_000)]
    #[schema(required = false)]
    queue: u32,
    /// Seconds that the oldest of them has waited.
    #[schema(minimum = 0, maximum = 86_400)]
    #[schema(required = false)]
    oldest_wait: f64,
}
