//! Calls: how they are paced, and how they came out.

use serde::{Deserialize, Serialize};

use crate::activity::receipt::DeliveryStatus;
use crate::activity::state::State;

/// Reason codes and what they say, as data: `code <tab> result <tab> source`, `#` begins a comment.
const CAUSES: &str = include_str!("causes.tsv");

/// The reason code of a connector that knows that somebody answered and was put through to nobody, but not whether an
/// agent was to come: the call's plan tells ([`Dialing::of_answered_alone`]).
pub const ANSWERED_ALONE: &str = "ANSWERED_ALONE";

/// How a call came out for the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    /// A person answered, and was served.
    Answered,
    /// It rang, and nobody answered.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// A machine answered.
    Machine,
    /// A fax answered.
    Fax,
    /// There is no such number.
    Invalid,
    /// A person answered, and there was no agent in time: 47 CFR 64.1200(a)(7), 16 CFR
    /// 310.4(b)(1)(iv) count it as an abandoned call.
    Abandoned,
    /// The called side, or the network in its name, refused the call.
    Rejected,
    /// It did not come about for a technical reason.
    Failed,
}

impl CallResult {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Answered,
        Self::NoAnswer,
        Self::Busy,
        Self::Machine,
        Self::Fax,
        Self::Invalid,
        Self::Abandoned,
        Self::Rejected,
        Self::Failed,
    ];

    /// The name in flows and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
            Self::Machine => "machine",
            Self::Fax => "fax",
            Self::Invalid => "invalid",
            Self::Abandoned => "abandoned",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// Reads [`CallResult::name`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.name() == text)
    }

    /// The reason code that stands for it in receipts, as Expertflow's dialer reports it. A connector
    /// whose provider has words of its own translates them into these.
    pub const fn reason_code(self) -> &'static str {
        match self {
            Self::Answered => "NORMAL_CLEARING",
            Self::NoAnswer => "NO_ANSWER",
            Self::Busy => "USER_BUSY",
            Self::Machine => "ANSWERING_MACHINE",
            Self::Fax => "FAX_MACHINE",
            Self::Invalid => "INVALID_NUMBER",
            Self::Abandoned => "ABANDONED",
            Self::Rejected => "CALL_REJECTED",
            Self::Failed => "NORMAL_TEMPORARY_FAILURE",
        }
    }

    /// The receipt that tells it.
    pub const fn status(self) -> DeliveryStatus {
        match self {
            Self::Answered => DeliveryStatus::Connected,
            _ => DeliveryStatus::Failed,
        }
    }

    /// What a reason code says, whatever its case; codes that are not in the table say `failed`.
    pub fn of_reason(code: &str) -> Self {
        Self::of_known(code).unwrap_or(Self::Failed)
    }

    /// What a reason code says, if it is in the table.
    pub fn of_known(code: &str) -> Option<Self> {
        causes()
            .find(|(known, _)| known.eq_ignore_ascii_case(code.trim()))
            .and_then(|(_, result)| Self::parse(result))
    }

    /// How a call came out whose activity stands so, with the reason code of its last receipt; `None`
    /// while nobody can tell. The state is the stronger witness: a failure is none that was answered,
    /// whatever code came with it.
    pub fn of_activity(state: State, reason: Option<&str>) -> Option<Self> {
        match state {
            State::Connected | State::Read | State::Replied => Some(Self::Answered),
            State::Failed => Some(match reason.map(Self::of_reason) {
                None | Some(Self::Answered) => Self::Failed,
                Some(result) => result,
            }),
            _ => None,
        }
    }
}

/// The table's codes with their results.
fn causes() -> impl Iterator<Item = (&'static str, &'static str)> {
    CAUSES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split('\t');
            fields.next().zip(fields.next())
        })
}

/// Who starts a call when, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialingMode {
    /// The agent sees the contact first, and decides.
    Preview,
    /// An agent is reserved, then one call is started.
    Progressive,
    /// A fixed number of calls is started for each free agent.
    Power,
    /// As many calls are started as the state of the skill group bears.
    Predictive,
}

impl DialingMode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Preview, Self::Progressive, Self::Power, Self::Predictive];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Progressive => "progressive",
            Self::Power => "power",
            Self::Predictive => "predictive",
        }
    }

    /// Whether an agent is there before the call is: nobody who answers can be without one, unless that agent leaves.
    pub const fn reserves_first(self) -> bool {
        matches!(self, Self::Preview | Self::Progressive)
    }

    /// Reads [`DialingMode::name`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == text)
    }
}

/// The agents who may take a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pool {
    /// Those of a skill group.
    SkillGroup(String),
    /// One, by name.
    Agent(String),
}

/// How a voice activity is to be paced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", try_from = "Written")]
pub enum Dialing {
    /// A machine speaks: lines are the only bound.
    Ivr,
    /// An agent speaks: it is started when the pool's pacing says so.
    #[serde(rename_all = "camelCase")]
    Agent {
        /// Who starts it when.
        mode: DialingMode,
        /// For whom.
        pool: Pool,
    },
}

/// The same as it is written: a tagged enum would be read by way of a copy, which does not know where it was wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: Kind,
    mode: Option<DialingMode>,
    pool: Option<Pool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Ivr,
    Agent,
}

impl TryFrom<Written> for Dialing {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written {
                kind: Kind::Agent,
                mode,
                pool,
            } => Ok(Self::Agent {
                mode: mode.ok_or("missing field `mode`")?,
                pool: pool.ok_or("missing field `pool`")?,
            }),
            Written {
                kind: Kind::Ivr,
                mode: None,
                pool: None,
            } => Ok(Self::Ivr),
            Written { kind: Kind::Ivr, .. } => Err("takes `mode` and `pool` only with the kind `agent`"),
        }
    }
}

impl Dialing {
    /// How a call came out that somebody answered, and was put through to nobody.
    pub const fn of_answered_alone(&self) -> CallResult {
        match self {
            Self::Ivr => CallResult::Answered,
            Self::Agent { .. } => CallResult::Abandoned,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_whole() {
        let mut seen = BTreeSet::new();
        for line in CAUSES.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<_> = line.split('\t').collect();
            let [code, result, source] = fields[..] else {
                panic!("{line}")
            };
            assert!(seen.insert(code), "{code} stands twice");
            assert!(CallResult::parse(result).is_some(), "{line}");
            assert!(["freeswitch", "expertflow", "house"].contains(&source), "{line}");
            let fits = |b: u8| b.is_ascii_uppercase() || b == b'_';
            assert!(code.bytes().all(fits), "{line}");
        }
        assert_eq!(seen.len(), 87);
    }

    #[test]
    fn codes_say_what_happened() {
        for (code, result) in [
            ("NORMAL_CLEARING", CallResult::Answered),
            ("NO_ANSWER", CallResult::NoAnswer),
            ("NO_USER_RESPONSE", CallResult::NoAnswer),
            ("ORIGINATOR_CANCEL", CallResult::NoAnswer),
            ("USER_BUSY", CallResult::Busy),
            ("ANSWERING_MACHINE", CallResult::Machine),
            ("FAX_MACHINE", CallResult::Fax),
            ("INVALID_NUMBER", CallResult::Invalid),
            ("unallocated_number", CallResult::Invalid),
            (" CALL_REJECTED ", CallResult::Rejected),
            ("RECOVERY_ON_TIMER_EXPIRE", CallResult::Failed),
            ("NETWORK_OUT_OF_ORDER", CallResult::Failed),
            ("A_CAUSE_OF_TOMORROW", CallResult::Failed),
            ("# code", CallResult::Failed),
            ("", CallResult::Failed),
        ] {
            assert_eq!(CallResult::of_reason(code), result, "{code}");
        }
    }

    #[test]
    fn every_result_has_a_code_that_leads_back_to_it() {
        for result in CallResult::ALL {
            assert_eq!(CallResult::of_reason(result.reason_code()), result);
            assert_eq!(CallResult::parse(result.name()), Some(result));
        }
    }

    #[test]
    fn a_failure_was_not_answered_whatever_its_code_says() {
        let of = CallResult::of_activity;
        assert_eq!(
            of(State::Failed, Some("NORMAL_CLEARING")),
            Some(CallResult::Failed)
        );
        assert_eq!(of(State::Failed, Some("USER_BUSY")), Some(CallResult::Busy));
        assert_eq!(of(State::Failed, None), Some(CallResult::Failed));
        assert_eq!(of(State::Connected, None), Some(CallResult::Answered));
        for state in [State::Sent, State::Unknown, State::Cancelled, State::Scheduled] {
            assert_eq!(of(state, Some("USER_BUSY")), None);
        }
    }

    #[test]
    fn modes_are_named_as_they_are_written() {
        for mode in DialingMode::ALL {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
            assert_eq!(DialingMode::parse(mode.name()), Some(mode));
        }
    }

    #[test]
    fn dialing_is_written_as_published() {
        let dialing = Dialing::Agent {
            mode: DialingMode::Predictive,
            pool: Pool::SkillGroup("sales".into()),
        };
        let json =
            serde_json::json!({"kind": "agent", "mode": "predictive", "pool": {"skillGroup": "sales"}});
        assert_eq!(serde_json::to_value(&dialing).unwrap(), json);
        assert_eq!(serde_json::from_value::<Dialing>(json).unwrap(), dialing);
        assert_eq!(
            serde_json::to_value(Dialing::Ivr).unwrap(),
            serde_json::json!({"kind": "ivr"})
        );
    }
}
