use std::collections::BTreeMap;

use domain::address::Address;
use domain::channel::Channel;
use domain::id::{ActivityId, CampaignId, CustomerId};
use domain::time::{Millis, Timestamp};
use domain::voice::{Dialing, DialingMode, Pool};
use serde_json::json;

use super::*;
use crate::caps::{self, Cap};
use crate::channels::Channels;
use crate::consent::ConsentBasis;
use crate::consent::ConsentStatus;
use crate::do_not_contact::Subject;
use crate::windows::WeeklyWindows;
use crate::zones::{TimeZone, ZonePolicy};

mod person;
mod properties;
mod time;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::parse(name).unwrap()
}

fn office_hours() -> WeeklyWindows {
    let days: serde_json::Map<_, _> = ["mon", "tue", "wed", "thu", "fri"]
        .iter()
        .map(|day| ((*day).to_owned(), json!(["09:00-18:00"])))
        .collect();
    WeeklyWindows::parse(&json!({ "days": days })).unwrap()
}

fn whole_week(range: &str) -> WeeklyWindows {
    let days: serde_json::Map<_, _> = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .iter()
        .map(|day| ((*day).to_owned(), json!([range])))
        .collect();
    WeeklyWindows::parse(&json!({ "days": days })).unwrap()
}

/// A contact that may leave on a Monday at noon in London, to be changed by each test.
#[derive(Clone, Debug)]
struct Case {
    activity: ActivityId,
    channel: Channel,
    dialing: Option<Dialing>,
    address: Address,
    customer: CustomerId,
    expires_at: Option<Timestamp>,
    stopped: bool,
    tenant: TenantPolicy,
    state: Option<CampaignState>,
    campaign: CampaignPolicy,
    zones: ZoneInputs,
    consents: Vec<Consent>,
    entries: Vec<Entry>,
    ledger: Option<Ledger>,
    abandoned_at: Option<Timestamp>,
    now: Timestamp,
}

impl Case {
    fn new() -> Self {
        Self {
            activity: ActivityId::parse("act_1").unwrap(),
            channel: Channel::Sms,
            dialing: None,
            address: Address::parse(Channel::Sms, "+442079460958").unwrap(),
            customer: CustomerId::parse("cus_1").unwrap(),
            expires_at: None,
            stopped: false,
            tenant: TenantPolicy::default(),
            state: Some(CampaignState::Published),
            campaign: CampaignPolicy {
                consent_basis: ConsentBasis::ExistingRelationship,
                purpose: Some("marketing".to_owned()),
                time_zone: zone("Europe/Vienna"),
                zone_policy: ZonePolicy::Explicit,
                windows: Some(office_hours()),
                channel_windows: BTreeMap::new(),
                caps: Vec::new(),
            },
            zones: ZoneInputs::default(),
            consents: Vec::new(),
            entries: Vec::new(),
            ledger: Some(Ledger::default()),
            abandoned_at: None,
            now: at("2026-11-23T12:00:00Z"),
        }
    }

    fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut case = Self::new();
        change(&mut case);
        case
    }

    fn decide(&self) -> Decision {
        let id = CampaignId::parse("cmp_1").unwrap();
        let input = GateInput {
            activity: &self.activity,
            redrives: 0,
            channel: self.channel,
            dialing: self.dialing.as_ref(),
            address: &self.address,
            customer: Some(&self.customer),
            expires_at: self.expires_at,
            tenant: TenantInput {
                stopped: self.stopped,
                version: 7,
                policy: &self.tenant,
            },
            campaign: self.state.map(|state| CampaignInput {
                id: &id,
                state,
                version: 3,
                policy: &self.campaign,
            }),
            zones: self.zones,
            consents: &self.consents,
            do_not_contact: &self.entries,
            ledger: self.ledger.as_ref(),
            abandoned_at: self.abandoned_at,
        };
        decide(&input, self.now)
    }

    fn code(&self) -> Code {
        self.decide().record.code
    }

    fn deferred_to(&self) -> String {
        match self.decide().verdict {
            Verdict::Defer { until, .. } => until.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

fn consent(status: ConsentStatus, channels: Channels, at: Timestamp) -> Consent {
    Consent {
        channels,
        status,
        purpose: None,
        source: "form".to_owned(),
        at,
    }
}

fn entry(subject: Subject) -> Entry {
    Entry {
        subject,
        channels: Channels::All,
        reason: "asked by phone".to_owned(),
        source: "agent".to_owned(),
        at: at("2026-01-01T00:00:00Z"),
        expires: None,
    }
}

fn cap(max: u32, hours: u64) -> Cap {
    Cap {
        max,
        window: Millis::hours(hours),
        channels: Channels::All,
    }
}

fn filled(ledger: &Ledger, name: &str, channel: Channel, at: Timestamp) -> Ledger {
    let contact = caps::Contact {
        activity: &ActivityId::parse(name).unwrap(),
        redrives: 0,
        channel,
    };
    caps::reserve(&[], ledger, contact, at).unwrap()
}

#[test]
fn what_nothing_forbids_is_allowed_and_reserved() {
    let Verdict::Allow { ledger: Some(ledger) } = Case::new().decide().verdict else {
        panic!("allowed")
    };
    assert_eq!(ledger.reservations.len(), 1);
    let uncounted = Case::with(|case| case.ledger = None).decide().verdict;
    assert_eq!(uncounted, Verdict::Allow { ledger: None });
    let first = Case::with(|case| {
        case.ledger = None;
        case.tenant.caps = vec![cap(1, 1)];
    });
    assert!(matches!(
        first.decide().verdict,
        Verdict::Allow { ledger: Some(_) }
    ));
}

#[test]
fn each_rule_decides_in_its_place() {
    use CampaignState::{Draft, Paused, Stopped};
    // From the weakest rule to the strongest: every change is added to those before it and wins.
    let mut case = Case::new();
    type Change = Box<dyn Fn(&mut Case)>;
    let steps: Vec<(Code, Change)> = vec![
        (
            Code::AfterAbandoned,
            Box::new(|c| {
                c.channel = Channel::Voice;
                c.abandoned_at = Some(c.now);
            }),
        ),
        (
            Code::CapFull,
            Box::new(|c| {
                c.tenant.caps = vec![cap(1, 1)];
                c.ledger = Some(filled(&Ledger::default(), "act_0", Channel::Voice, c.now));
            }),
        ),
        (
            Code::WindowClosed,
            Box::new(|c| c.now = at("2026-11-23T20:00:00Z")),
        ),
        (
            Code::ExpiresBeforePossible,
            Box::new(|c| c.expires_at = Some(at("2026-11-24T09:00:00Z"))),
        ),
        (
            Code::WindowNeverOpens,
            Box::new(|c| {
                c.zones.profile = Some(zone("Pacific/Kiritimati"));
                c.zones.contact = Some(zone("Europe/London"));
            }),
        ),
        (
            Code::ConsentMissing,
            Box::new(|c| c.campaign.consent_basis = ConsentBasis::ExplicitConsent),
        ),
        (
            Code::ConsentDenied,
            Box::new(|c| {
                let denied = consent(ConsentStatus::Denied, Channels::All, at("2026-02-01T00:00:00Z"));
                c.consents.push(denied);
            }),
        ),
        (
            Code::OptedOut,
            Box::new(|c| {
                let words = Consent::opt_out(Channels::one(Channel::Voice), at("2026-02-02T00:00:00Z"));
                c.consents.push(words);
            }),
        ),
        (
            Code::DoNotContact,
            Box::new(|c| c.entries.push(entry(Subject::Address(c.address.clone())))),
        ),
        (Code::CampaignPaused, Box::new(|c| c.state = Some(Paused))),
        (Code::Expired, Box::new(|c| c.expires_at = Some(c.now))),
        (Code::CampaignNotPublished, Box::new(|c| c.state = Some(Draft))),
        (Code::CampaignStopped, Box::new(|c| c.state = Some(Stopped))),
        (Code::TenantStopped, Box::new(|c| c.stopped = true)),
    ];
    assert_eq!(case.code(), Code::Allowed);
    for (code, change) in steps {
        change(&mut case);
        assert_eq!(case.code(), code);
    }
}

#[test]
fn verdicts_say_what_becomes_of_the_activity() {
    let verdict = |change: fn(&mut Case)| Case::with(change).decide().verdict;
    assert_eq!(verdict(|c| c.state = Some(CampaignState::Paused)), Verdict::Park);
    assert_eq!(
        verdict(|c| c.state = Some(CampaignState::Stopped)),
        Verdict::Cancel {
            reason: Code::CampaignStopped
        }
    );
    assert_eq!(
        verdict(|c| c.state = Some(CampaignState::Draft)),
        Verdict::Cancel {
            reason: Code::CampaignNotPublished
        }
    );
    assert_eq!(
        verdict(|c| c.stopped = true),
        Verdict::Cancel {
            reason: Code::TenantStopped
        }
    );
    assert_eq!(
        verdict(|c| c.expires_at = Some(c.now)),
        Verdict::Expire {
            reason: Code::Expired
        }
    );
    assert_eq!(
        verdict(|c| c.entries.push(entry(Subject::CustomerId(c.customer.clone())))),
        Verdict::Refuse {
            reason: Code::DoNotContact
        }
    );
    assert!(matches!(
        verdict(|c| c.expires_at = Some(c.now + Millis::new(1))),
        Verdict::Allow { .. }
    ));
}

#[test]
fn activities_without_campaign_answer_to_person_and_tenant_only() {
    let code = |change: fn(&mut Case)| {
        let case = Case::with(|c| {
            c.state = None;
            // A Sunday night, closed for the campaign that this does not belong to.
            c.now = at("2026-11-22T02:00:00Z");
            change(c);
        });
        case.code()
    };
    assert_eq!(code(|_| {}), Code::Allowed);
    assert_eq!(
        code(|c| c.consents.push(Consent::opt_out(Channels::All, c.now))),
        Code::OptedOut
    );
    assert_eq!(
        code(|c| c
            .consents
            .push(consent(ConsentStatus::Denied, Channels::All, c.now))),
        Code::ConsentDenied
    );
    assert_eq!(
        code(|c| c.entries.push(entry(Subject::Address(c.address.clone())))),
        Code::DoNotContact
    );
    assert_eq!(
        code(|c| {
            c.tenant.channel_windows.insert(Channel::Sms, office_hours());
        }),
        Code::WindowClosed
    );
    assert_eq!(
        code(|c| {
            c.tenant.channel_windows.insert(Channel::Voice, office_hours());
        }),
        Code::Allowed
    );
}

#[test]
fn whoever_was_abandoned_rests_until_an_agent_is_sure() {
    let called = |mode: Option<DialingMode>, change: fn(&mut Case)| {
        Case::with(|c| {
            c.channel = Channel::Voice;
            c.dialing = mode.map(|mode| Dialing::Agent {
                mode,
                pool: Pool::SkillGroup("sales".to_owned()),
            });
            c.abandoned_at = Some(c.now);
            c.now = c.now + Millis::minutes(1);
            change(c);
        })
    };
    let untouched: fn(&mut Case) = |_| {};
    for mode in [Some(DialingMode::Power), Some(DialingMode::Predictive), None] {
        assert_eq!(called(mode, untouched).code(), Code::AfterAbandoned, "{mode:?}");
    }
    // Three days later, a Thursday, to the second; at night the next morning.
    assert_eq!(called(None, untouched).deferred_to(), "2026-11-26T12:00:00.000Z");
    let at_night = called(None, |c| c.abandoned_at = Some(at("2026-11-20T20:00:00Z")));
    assert_eq!(at_night.deferred_to(), "2026-11-24T09:00:00.000Z");
    for mode in [DialingMode::Preview, DialingMode::Progressive] {
        assert_eq!(called(Some(mode), untouched).code(), Code::Allowed, "{mode:?}");
    }
    assert_eq!(called(None, |c| c.channel = Channel::Sms).code(), Code::Allowed);
    let rested = called(None, |c| c.abandoned_at = Some(at("2026-11-20T12:01:00Z")));
    assert_eq!(rested.code(), Code::Allowed);
    let switched_off = called(None, |c| c.tenant.rest_after_abandoned = Millis::ZERO);
    assert_eq!(switched_off.code(), Code::Allowed);
    let too_late = called(None, |c| c.expires_at = Some(at("2026-11-25T12:00:00Z")));
    assert_eq!(too_late.code(), Code::ExpiresBeforePossible);
}

#[test]
fn a_ledger_remembers_the_latest_abandoned_call() {
    let (first, second) = (at("2026-11-20T12:00:00Z"), at("2026-11-21T12:00:00Z"));
    let ledger = filled(&Ledger::default(), "act_1", Channel::Voice, first).abandoned(second);
    assert_eq!(ledger.abandoned(first), ledger);
    let released = caps::release(&ledger, &ActivityId::parse("act_1").unwrap(), 0);
    assert_eq!(released.abandoned_at, Some(second));
    let later = filled(&released, "act_2", Channel::Voice, second + Millis::hours(800));
    assert_eq!(later.abandoned_at, Some(second));
    let text = serde_json::to_value(Ledger::default()).unwrap();
    assert_eq!(serde_json::from_value::<Ledger>(text).unwrap(), Ledger::default());
}

#[test]
fn a_repeated_claim_keeps_its_slot() {
    let case = Case::with(|c| c.tenant.caps = vec![cap(1, 24)]);
    let Verdict::Allow { ledger: Some(ledger) } = case.decide().verdict else {
        panic!("allowed")
    };
    let again = Case {
        ledger: Some(ledger.clone()),
        ..case.clone()
    };
    assert_eq!(
        again.decide().verdict,
        Verdict::Allow {
            ledger: Some(ledger.clone())
        }
    );
    let other = Case {
        activity: ActivityId::parse("act_2").unwrap(),
        ..again
    };
    assert_eq!(other.code(), Code::CapFull);
    let released = caps::release(&ledger, &case.activity, 0);
    assert_eq!(
        Case {
            ledger: Some(released),
            ..other
        }
        .code(),
        Code::Allowed
    );
}

#[test]
fn decisions_explain_themselves() {
    let cases = [
        Case::new(),
        Case::with(|c| c.stopped = true),
        Case::with(|c| c.state = Some(CampaignState::Stopped)),
        Case::with(|c| c.state = Some(CampaignState::Draft)),
        Case::with(|c| c.state = Some(CampaignState::Paused)),
        Case::with(|c| c.expires_at = Some(c.now)),
        Case::with(|c| c.entries.push(entry(Subject::Address(c.address.clone())))),
        Case::with(|c| c.consents.push(Consent::opt_out(Channels::All, c.now))),
        Case::with(|c| {
            c.consents
                .push(consent(ConsentStatus::Denied, Channels::All, c.now))
        }),
        Case::with(|c| c.campaign.consent_basis = ConsentBasis::ExplicitConsent),
        Case::with(|c| {
            c.zones.profile = Some(zone("Pacific/Kiritimati"));
            c.zones.contact = Some(zone("Europe/London"));
        }),
        Case::with(|c| {
            c.now = at("2026-11-22T12:00:00Z");
            c.address = Address::parse(Channel::Sms, "+18502340100").unwrap();
        }),
        Case::with(|c| {
            c.tenant.caps = vec![cap(1, 48)];
            c.ledger = Some(filled(&Ledger::default(), "act_0", Channel::Email, c.now));
        }),
        Case::with(|c| {
            c.now = at("2026-11-22T12:00:00Z");
            c.expires_at = Some(at("2026-11-22T18:00:00Z"));
        }),
        Case::with(|c| {
            c.channel = Channel::Voice;
            c.abandoned_at = Some(c.now);
        }),
        Case::with(|c| {
            c.state = None;
            let dateless = consent(ConsentStatus::Granted, Channels::All, Timestamp::default());
            c.consents.push(dateless);
        }),
    ];
    let texts: Vec<String> = cases.iter().map(|case| explain(&case.decide().record)).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_record_is_small_and_names_no_address() {
    let case = Case::with(|c| c.address = Address::parse(Channel::Sms, "+79161234567").unwrap());
    let text = serde_json::to_string(&case.decide().record).unwrap();
    assert!(!text.contains("7916"));
    assert!(text.len() < 1_500, "{} bytes", text.len());
    insta::assert_json_snapshot!(Case::new().decide().record);
}

#[test]
fn policies_have_a_stable_form() {
    let value = json!({
        "consentBasis": "explicitConsent",
        "purpose": "marketing",
        "timeZone": "Europe/Berlin",
        "zonePolicy": "intersect",
        "windows": {"days": {"mon": ["09:00-18:00"]}},
        "channelWindows": {"voice": {"days": {"mon": ["10:00-13:00"]}}},
        "caps": [{"max": 3, "windowMs": 86_400_000, "channels": ["sms", "whatsapp"]}],
    });
    let policy: CampaignPolicy = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(&policy).unwrap(), value);
    assert!(policy.check().is_ok());
    let wrong = CampaignPolicy {
        purpose: Some(" ".to_owned()),
        caps: vec![cap(1, 1), cap(0, 1)],
        ..policy
    };
    let errors = wrong.check().unwrap_err();
    let places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(places, ["/caps/1/max", "/purpose"]);
    let endless = TenantPolicy {
        rest_after_abandoned: Millis::hours(9_000),
        ..TenantPolicy::default()
    };
    assert_eq!(endless.check().unwrap_err()[0].pointer, "/restAfterAbandonedMs");
    let many = TenantPolicy {
        caps: vec![cap(1, 1); 11],
        ..TenantPolicy::default()
    };
    assert_eq!(many.check().unwrap_err()[0].pointer, "/caps");
    let without_basis = json!({"timeZone": "Europe/Berlin"});
    assert!(serde_json::from_value::<CampaignPolicy>(without_basis).is_err());
    assert_eq!(
        serde_json::from_value::<TenantPolicy>(json!({})).unwrap(),
        TenantPolicy::default()
    );
}
