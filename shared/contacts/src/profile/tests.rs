use compliance::consent::{Standing, standing};
use serde_json::json;

use super::*;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-23T12:00:00Z").unwrap()
}

fn parse(value: serde_json::Value) -> Result<CustomerProfile, Vec<FieldError>> {
    serde_json::from_value::<ProfileIn>(value).unwrap().parse(now())
}

#[test]
fn a_profile_is_read_and_normalised() {
    let profile = parse(json!({
        "firstName": " Zoë ",
        "lastName": "Müller",
        "addresses": {"sms": "+44 20 7946 0958", "email": "Zoe@Example.ORG"},
        "timeZone": "Europe/London",
        "language": "de_at",
        "attributes": {"plan": "gold"},
        "consent": [{"channel": "sms", "status": "granted", "purpose": "marketing"}],
    }))
    .unwrap();
    insta::assert_json_snapshot!(profile);
    let text = serde_json::to_string(&profile).unwrap();
    assert_eq!(serde_json::from_str::<CustomerProfile>(&text).unwrap(), profile);
    assert_eq!(parse(json!({})).unwrap(), CustomerProfile::default());
}

#[test]
fn everything_wrong_is_named() {
    let errors = parse(json!({
        "firstName": "",
        "lastName": "x".repeat(101),
        "addresses": {"sms": "123", "fax": "+442079460958", "email": "ann"},
        "timeZone": "Mars/Olympus",
        "language": "English",
        "attributes": {"a/b": "x\u{1}", "": "y", "long": "x".repeat(2_001)},
        "consent": [{"status": "granted", "at": "2026-11-24T00:00:00Z", "source": ""}],
    }))
    .unwrap_err();
    let places: Vec<(&str, &str)> = errors.iter().map(|e| (e.pointer.as_str(), e.code)).collect();
    assert_eq!(
        places,
        [
            ("/firstName", "empty"),
            ("/lastName", "tooLong"),
            ("/addresses/email", "address"),
            ("/addresses/fax", "channel"),
            ("/addresses/sms", "address"),
            ("/timeZone", "timeZone"),
            ("/language", "language"),
            ("/attributes/", "empty"),
            ("/attributes/a~1b", "controlCharacter"),
            ("/attributes/long", "tooLong"),
            ("/consent/0/source", "empty"),
            ("/consent/0/at", "future"),
        ]
    );
}

#[test]
fn an_import_adds_and_forgets_nothing() {
    let profile = parse(json!({
        "firstName": "Ann",
        "timeZone": "Europe/London",
        "addresses": {"email": "ann@example.org"},
        "consent": [{"status": "denied", "source": "optOut"}],
    }))
    .unwrap();
    let granted = Consent {
        channels: Channels::All,
        status: ConsentStatus::Granted,
        purpose: None,
        source: "import".to_owned(),
        at: Timestamp::default(),
    };
    let contact = Contact {
        id: domain::id::ContactId::parse("con_1").unwrap(),
        customer_id: domain::id::CustomerId::parse("cus_1").unwrap(),
        addresses: Addresses::from([(
            Channel::Sms,
            Address::parse(Channel::Sms, "+442079460958").unwrap(),
        )]),
        first_name: Some(PersonName::parse("Anna").unwrap()),
        last_name: None,
        time_zone: None,
        language: None,
        consent: vec![granted],
        columns: Attributes::new(),
    };
    let merged = profile.with_contact(&contact).with_contact(&contact);
    assert_eq!(merged.first_name.as_ref().unwrap().as_str(), "Anna");
    assert_eq!(merged.addresses.len(), 2);
    assert_eq!(merged.consent.len(), 2);
    assert_eq!(
        standing(&merged.consent, Channel::Sms, None),
        Standing::OptedOut { at: now() }
    );
    assert_eq!(merged.time_zone.unwrap().name(), "Europe/London");
}

#[test]
fn refusals_outlive_agreements() {
    let mut profile = CustomerProfile::default();
    profile.record_consent(Consent::opt_out(
        Channels::one(Channel::Voice),
        Timestamp::from_millis(1),
    ));
    for i in 0..2 * i64::try_from(MAX_RECORDS).unwrap() {
        profile.record_consent(Consent {
            channels: Channels::one(Channel::Sms),
            status: ConsentStatus::Granted,
            purpose: None,
            source: "form".to_owned(),
            at: Timestamp::from_millis(10 + i),
        });
    }
    assert_eq!(profile.consent.len(), MAX_RECORDS);
    assert!(matches!(
        standing(&profile.consent, Channel::Voice, None),
        Standing::OptedOut { .. }
    ));
}
