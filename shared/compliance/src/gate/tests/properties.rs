//! The gate under random contacts, around clock changes.

use proptest::prelude::*;

use super::*;
use crate::consent::Standing;
use crate::windows::{Status, status};
use crate::zones;

fn any_case() -> impl Strategy<Value = Case> {
    let addresses = vec![
        "+442079460958",
        "+12085550100",
        "+79161234567",
        "+61412345678",
        "+5592912345678",
    ];
    let windows = vec!["09:00-18:00", "00:00-24:00", "08:00-09:15", "20:00-24:00"];
    let states = vec![
        None,
        Some(CampaignState::Published),
        Some(CampaignState::Published),
        Some(CampaignState::Paused),
        Some(CampaignState::Stopped),
    ];
    let named = proptest::option::of(proptest::sample::select(vec![
        "Europe/Berlin",
        "America/St_Johns",
        "Asia/Kathmandu",
        "Pacific/Chatham",
    ]));
    let known = (
        proptest::collection::vec((0_i64..72, any::<bool>(), any::<bool>()), 0..3),
        proptest::collection::vec(0_i64..72, 0..5),
        proptest::option::of(0_i64..48),
        0_u8..10,
    );
    (
        proptest::sample::select(addresses),
        proptest::sample::select(windows.clone()),
        proptest::option::of(proptest::sample::select(windows)),
        proptest::sample::select(states),
        named,
        (1_u32..4, 1_u64..60),
        known,
        // Around the clock changes of Berlin in March and October.
        proptest::sample::select(vec![
            "2026-03-27T00:00:00Z",
            "2026-10-23T00:00:00Z",
            "2026-11-23T00:00:00Z",
        ]),
        0_u64..4 * 24 * 60,
    )
        .prop_map(
            |(address, window, channel, state, named, (max, hours), known, start, minute)| {
                let (consents, contacts, expiry, rare) = known;
                let mut case = Case::new();
                case.now = at(start) + Millis::minutes(minute);
                case.address = Address::parse(Channel::Sms, address).unwrap();
                case.campaign.windows = Some(whole_week(window));
                if let Some(range) = channel {
                    case.tenant
                        .channel_windows
                        .insert(Channel::Sms, whole_week(range));
                }
                case.state = state;
                case.zones.profile = named.map(zone);
                case.tenant.caps = vec![cap(max, hours)];
                let ago = |hours: i64| Timestamp::from_millis(case.now.millis() - hours * 3_600_000);
                let status = |granted| {
                    if granted {
                        ConsentStatus::Granted
                    } else {
                        ConsentStatus::Denied
                    }
                };
                case.consents = consents
                    .iter()
                    .map(|(hours, granted, all)| {
                        let channels = if *all {
                            Channels::All
                        } else {
                            Channels::one(Channel::Voice)
                        };
                        consent(status(*granted), channels, ago(*hours))
                    })
                    .collect();
                let mut contacts: Vec<Timestamp> = contacts.into_iter().map(ago).collect();
                contacts.sort_unstable();
                let ledger = contacts
                    .iter()
                    .enumerate()
                    .fold(Ledger::default(), |ledger, (i, at)| {
                        filled(&ledger, &format!("act_old_{i}"), Channel::Sms, *at)
                    });
                case.ledger = Some(ledger);
                case.expires_at = expiry.map(|hours| case.now + Millis::hours(hours.unsigned_abs()));
                case.stopped = rare == 0;
                case
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_leaves_past_a_rule(case in any_case()) {
        let Decision { verdict, record } = case.decide();
        prop_assert_eq!(replay(&record), record.code);
        let text = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Record>(&text).unwrap(), &record);
        prop_assert!(!explain(&record).is_empty());

        let default = if case.state.is_some() { case.campaign.time_zone } else { case.tenant.time_zone };
        let zones: Vec<TimeZone> = zones::candidates(case.zones, &case.address, ZonePolicy::Explicit, default)
            .into_iter()
            .map(|candidate| candidate.zone)
            .collect();
        let windows: Vec<&WeeklyWindows> = case
            .state
            .and(case.campaign.windows.as_ref())
            .into_iter()
            .chain(case.tenant.channel_windows.get(&Channel::Sms))
            .collect();
        let open_at = |at| {
            zones.iter().all(|zone| matches!(status(&windows, &[*zone], at), Status::Open { .. }))
        };
        match verdict {
            Verdict::Allow { ledger } => {
                prop_assert!(open_at(case.now));
                prop_assert!(!case.stopped);
                prop_assert!(matches!(case.state, None | Some(CampaignState::Published)));
                prop_assert!(case.expires_at.is_none_or(|end| case.now < end));
                // The caps hold at this instant, this contact included.
                let cap = &case.tenant.caps[0];
                let counted = ledger.unwrap().reservations.iter().filter(|slot| case.now < slot.at + cap.window).count();
                prop_assert!(counted <= usize::try_from(cap.max).unwrap());
                let refused = matches!(record.consent, Standing::Denied { .. } | Standing::OptedOut { .. });
                prop_assert!(!refused);
            }
            Verdict::Defer { until, .. } => {
                prop_assert!(until > case.now);
                prop_assert!(open_at(until));
                prop_assert!(case.expires_at.is_none_or(|end| until < end));
                // Asked again then, with nothing changed, it may leave; a moment before, it may not.
                let then = Case { now: until, ..case.clone() };
                prop_assert_eq!(then.code(), Code::Allowed);
                let before = Case { now: Timestamp::from_millis(until.millis() - 1), ..case };
                prop_assert_ne!(before.code(), Code::Allowed);
            }
            Verdict::Park | Verdict::Cancel { .. } | Verdict::Expire { .. } | Verdict::Refuse { .. } => {}
        }
    }
}
