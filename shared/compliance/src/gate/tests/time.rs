//! Windows, clock changes and caps.

use super::*;

#[test]
fn campaign_and_channel_windows_hold_together_in_every_zone() {
    let case = Case::with(|c| {
        // The Florida Panhandle: Eastern and Central.
        c.address = Address::parse(Channel::Sms, "+18502340100").unwrap();
        c.campaign
            .channel_windows
            .insert(Channel::Sms, whole_week("10:00-20:00"));
        c.tenant
            .channel_windows
            .insert(Channel::Sms, whole_week("08:00-17:00"));
        c.now = at("2026-11-23T13:00:00Z");
    });
    // 10:00 in Chicago is 16:00 UTC; by then it is 11:00 in New York.
    assert_eq!(case.deferred_to(), "2026-11-23T16:00:00.000Z");
    let late = Case {
        now: at("2026-11-23T22:00:00Z"),
        ..case
    };
    // 17:00 in New York: closed there, though Chicago is open until 23:00 UTC.
    assert_eq!(late.deferred_to(), "2026-11-24T16:00:00.000Z");
    let record = late.decide().record;
    let open: Vec<(&str, bool)> = record.zones.iter().map(|z| (z.zone.name(), z.open)).collect();
    assert_eq!(open, [("America/New_York", false), ("America/Chicago", true)]);
}

#[test]
fn nights_in_which_clocks_change() {
    // Berlin, 29 March 2026: 02:00 becomes 03:00; 25 October 2026: 03:00 becomes 02:00.
    let case = |now: &str, range: &str| {
        Case::with(|c| {
            c.zones.profile = Some(zone("Europe/Berlin"));
            c.campaign.windows = Some(whole_week(range));
            c.now = at(now);
        })
    };
    assert_eq!(
        case("2026-03-29T00:30:00Z", "02:00-02:30").deferred_to(),
        "2026-03-30T00:00:00.000Z"
    );
    assert_eq!(
        case("2026-03-29T00:30:00Z", "09:00-18:00").deferred_to(),
        "2026-03-29T07:00:00.000Z"
    );
    assert_eq!(
        case("2026-03-28T00:30:00Z", "09:00-18:00").deferred_to(),
        "2026-03-28T08:00:00.000Z"
    );
    assert_eq!(
        case("2026-10-25T00:29:59Z", "02:30-02:45").deferred_to(),
        "2026-10-25T00:30:00.000Z"
    );
    assert_eq!(
        case("2026-10-25T00:45:00Z", "02:30-02:45").deferred_to(),
        "2026-10-25T01:30:00.000Z"
    );
    assert_eq!(
        case("2026-10-25T01:44:59.999Z", "02:30-02:45").code(),
        Code::Allowed
    );
}

#[test]
fn a_full_cap_defers_to_the_next_open_hour_after_it_frees() {
    let case = |hours| {
        Case::with(|c| {
            c.tenant.caps = vec![cap(1, hours)];
            c.ledger = Some(filled(&Ledger::default(), "act_0", Channel::Email, c.now));
        })
    };
    assert_eq!(case(2).deferred_to(), "2026-11-23T14:00:00.000Z");
    // Free at 20:00, open at 09:00 the next day.
    assert_eq!(case(8).deferred_to(), "2026-11-24T09:00:00.000Z");
    let expiring = Case {
        expires_at: Some(at("2026-11-23T14:00:00Z")),
        ..case(2)
    };
    assert_eq!(expiring.code(), Code::ExpiresBeforePossible);
    let later = Case {
        expires_at: Some(at("2026-11-23T14:00:00.001Z")),
        ..case(2)
    };
    assert_eq!(later.code(), Code::CapFull);
}
