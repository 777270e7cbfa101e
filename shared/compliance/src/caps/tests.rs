use proptest::prelude::*;

use super::{release as release_of, reserve as reserve_for, *};

const START: i64 = 1_800_000_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1_000)
}

fn activity(n: usize) -> ActivityId {
    ActivityId::parse(&format!("act_{n}")).unwrap()
}

fn reserve(
    caps: &[Cap],
    ledger: &Ledger,
    activity: &ActivityId,
    channel: Channel,
    now: Timestamp,
) -> Result<Ledger, CapFull> {
    let contact = Contact {
        activity,
        redrives: 0,
        channel,
    };
    reserve_for(caps, ledger, contact, now)
}

fn release(ledger: &Ledger, activity: &ActivityId) -> Ledger {
    release_of(ledger, activity, 0)
}

fn cap(max: u32, seconds: u64, channels: Channels) -> Cap {
    Cap {
        max,
        window: Millis::seconds(seconds),
        channels,
    }
}

#[test]
fn a_slot_frees_exactly_one_window_later() {
    let caps = [cap(2, 60, Channels::All)];
    let ledger = reserve(&caps, &Ledger::default(), &activity(0), Channel::Sms, at(0)).unwrap();
    let ledger = reserve(&caps, &ledger, &activity(1), Channel::Voice, at(10)).unwrap();
    let full = reserve(&caps, &ledger, &activity(2), Channel::Sms, at(59)).unwrap_err();
    assert_eq!(full.free_at, at(60));
    assert!(reserve(&caps, &ledger, &activity(2), Channel::Sms, at(60)).is_ok());
}

#[test]
fn a_contact_that_is_tried_again_counts_from_then_on() {
    let caps = [cap(1, 60, Channels::All)];
    let first = reserve(&caps, &Ledger::default(), &activity(0), Channel::Sms, at(0)).unwrap();
    let again = reserve(&caps, &first, &activity(0), Channel::Sms, at(50)).unwrap();
    assert_eq!(again.reservations.len(), 1);
    let full = reserve(&caps, &again, &activity(1), Channel::Sms, at(61)).unwrap_err();
    assert_eq!(full.free_at, at(110));
    // Another contact came in between: the old slot gives no right to exceed the cap.
    let other = reserve(&caps, &first, &activity(1), Channel::Sms, at(60)).unwrap();
    assert!(reserve(&caps, &other, &activity(0), Channel::Sms, at(61)).is_err());
}

#[test]
fn what_a_person_sends_again_is_another_contact() {
    let caps = [cap(1, 60, Channels::All)];
    let first = reserve(&caps, &Ledger::default(), &activity(0), Channel::Sms, at(0)).unwrap();
    let again = Contact {
        activity: &activity(0),
        redrives: 1,
        channel: Channel::Sms,
    };
    assert_eq!(
        reserve_for(&caps, &first, again, at(50)).unwrap_err().free_at,
        at(60)
    );
    let both = reserve_for(&caps, &first, again, at(60)).unwrap();
    assert_eq!(both.reservations.len(), 2);
    assert_eq!(
        release_of(&both, &activity(0), 1),
        release_of(&first, &activity(0), 1).pruned(&caps, at(60))
    );
}

#[test]
fn of_several_full_caps_the_last_to_free_is_named() {
    let caps = [
        cap(1, 60, Channels::All),
        cap(1, 600, Channels::one(Channel::Sms)),
        cap(1, 6_000, Channels::one(Channel::Voice)),
    ];
    let ledger = reserve(&caps, &Ledger::default(), &activity(0), Channel::Sms, at(0)).unwrap();
    let full = reserve(&caps, &ledger, &activity(1), Channel::Sms, at(1)).unwrap_err();
    assert_eq!((full.free_at, &full.cap), (at(600), &caps[1]));
    let full = reserve(&caps, &ledger, &activity(1), Channel::Email, at(1)).unwrap_err();
    assert_eq!((full.free_at, &full.cap), (at(60), &caps[0]));
}

#[test]
fn a_lower_cap_waits_for_as_many_as_are_too_many() {
    let ledger = (0..5).fold(Ledger::default(), |ledger, i| {
        let seconds = i64::try_from(i).unwrap();
        reserve(&[], &ledger, &activity(i), Channel::Sms, at(seconds)).unwrap()
    });
    let full = reserve(
        &[cap(2, 60, Channels::All)],
        &ledger,
        &activity(9),
        Channel::Sms,
        at(10),
    )
    .unwrap_err();
    // Five are counted and two allowed: four must leave, the fourth at 63.
    assert_eq!(full.free_at, at(63));
}

#[test]
fn slots_are_kept_for_caps_that_come_later() {
    let month = i64::try_from(MIN_KEPT.get() / 1_000).unwrap();
    let ledger = reserve(&[], &Ledger::default(), &activity(0), Channel::Sms, at(0)).unwrap();
    let kept = reserve(&[], &ledger, &activity(1), Channel::Sms, at(month - 1)).unwrap();
    assert_eq!(kept.reservations.len(), 2);
    let pruned = reserve(&[], &ledger, &activity(1), Channel::Sms, at(month)).unwrap();
    assert_eq!(pruned.reservations.len(), 1);
    // A longer window is remembered even where it does not count.
    let year = [cap(9, 300 * 86_400, Channels::All)];
    let ledger = reserve(&year, &ledger, &activity(1), Channel::Sms, at(1)).unwrap();
    let kept = reserve(&[], &ledger, &activity(2), Channel::Sms, at(month)).unwrap();
    assert_eq!(kept.reservations.len(), 3);
}

#[test]
fn a_ledger_is_bounded() {
    let mut ledger = Ledger::default();
    for n in 0..MAX_RESERVATIONS {
        ledger = reserve(&[], &ledger, &activity(n), Channel::Sms, at(0)).unwrap();
    }
    let full = reserve(&[], &ledger, &activity(MAX_RESERVATIONS), Channel::Sms, at(1)).unwrap_err();
    assert_eq!(full.free_at, at(0) + MIN_KEPT);
    assert!(reserve(&[], &ledger, &activity(0), Channel::Sms, at(1)).is_ok());
    assert!(serde_json::to_vec(&ledger).unwrap().len() < 100_000);
}

#[test]
fn caps_are_checked() {
    assert!(cap(1, 60, Channels::All).check().is_ok());
    let errors = cap(0, 0, Channels::All).check().unwrap_err();
    let places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(places, ["/max", "/windowMs"]);
    let longer = Cap {
        window: MAX_WINDOW + Millis::new(1),
        ..cap(501, 0, Channels::All)
    };
    assert_eq!(longer.check().unwrap_err().len(), 2);
}

proptest! {
    /// Whatever is asked, in every span of the window at most `max` contacts were let through, and
    /// what was refused would have been one too many; the promised instant has room.
    #[test]
    fn windows_slide_exactly(
        max in 1_u32..4,
        window in 1_u64..100,
        steps in proptest::collection::vec((0_i64..40, 0_usize..30, any::<bool>()), 1..60),
    ) {
        let caps = [cap(max, window, Channels::All)];
        let span = i64::try_from(window).unwrap();
        let (mut ledger, mut now) = (Ledger::default(), 0);
        let mut allowed: Vec<(usize, i64)> = Vec::new();
        for (step, n, releasing) in steps {
            now += step;
            if releasing && step % 5 == 0 {
                ledger = release(&ledger, &activity(n));
                allowed.retain(|(known, _)| *known != n);
                continue;
            }
            // Its own slot would move, and does not count against it.
            let others = allowed.iter().filter(|(known, _)| *known != n);
            let counted = others.filter(|(_, at)| now - at < span).count();
            match reserve(&caps, &ledger, &activity(n), Channel::Sms, at(now)) {
                Ok(next) => {
                    prop_assert!(counted < usize::try_from(max).unwrap());
                    allowed.retain(|(known, _)| *known != n);
                    allowed.push((n, now));
                    ledger = next;
                }
                Err(full) => {
                    prop_assert!(counted >= usize::try_from(max).unwrap());
                    prop_assert!(full.free_at > at(now));
                    prop_assert!(reserve(&caps, &ledger, &activity(n), Channel::Sms, full.free_at).is_ok());
                    let before = Timestamp::from_millis(full.free_at.millis() - 1);
                    prop_assert!(reserve(&caps, &ledger, &activity(n), Channel::Sms, before).is_err());
                }
            }
        }
    }
}
