//! What the person allowed and forbade.

use super::*;
use crate::consent::OPT_OUT_SOURCE;

#[test]
fn an_entry_binds_its_channels_until_it_expires() {
    let refused = |change: fn(&mut Entry)| {
        let case = Case::with(|c| {
            let mut own = entry(Subject::CustomerId(c.customer.clone()));
            change(&mut own);
            c.entries.push(own);
        });
        case.code() == Code::DoNotContact
    };
    assert!(refused(|_| {}));
    assert!(refused(|e| e.channels = Channels::one(Channel::Sms)));
    assert!(!refused(|e| e.channels = Channels::one(Channel::Voice)));
    assert!(!refused(
        |e| e.subject = Subject::CustomerId(CustomerId::parse("cus_2").unwrap())
    ));
    assert!(!refused(|e| e.expires = Some(at("2026-11-23T12:00:00Z"))));
    assert!(refused(|e| e.expires = Some(at("2026-11-23T12:00:00.001Z"))));
}

#[test]
fn the_last_word_about_this_channel_and_purpose_counts() {
    let code = |records: Vec<Consent>| {
        let case = Case::with(|c| {
            c.campaign.consent_basis = ConsentBasis::ExplicitConsent;
            c.consents = records;
        });
        case.code()
    };
    let (early, late) = (at("2026-01-01T00:00:00Z"), at("2026-06-01T00:00:00Z"));
    let granted = |channels, at| consent(ConsentStatus::Granted, channels, at);
    let denied = |channels, at| consent(ConsentStatus::Denied, channels, at);
    let sms = Channels::one(Channel::Sms);
    let voice = Channels::one(Channel::Voice);
    assert_eq!(code(vec![]), Code::ConsentMissing);
    assert_eq!(code(vec![granted(voice.clone(), early)]), Code::ConsentMissing);
    assert_eq!(code(vec![granted(Channels::All, early)]), Code::Allowed);
    assert_eq!(
        code(vec![granted(sms.clone(), early), denied(Channels::All, late)]),
        Code::ConsentDenied
    );
    assert_eq!(
        code(vec![denied(Channels::All, early), granted(sms.clone(), late)]),
        Code::Allowed
    );
    assert_eq!(
        code(vec![denied(voice, late), granted(sms.clone(), early)]),
        Code::Allowed
    );
    assert_eq!(
        code(vec![denied(sms.clone(), late), granted(sms.clone(), late)]),
        Code::ConsentDenied
    );
    let mut opted_out = denied(sms.clone(), late);
    opted_out.source = OPT_OUT_SOURCE.to_owned();
    assert_eq!(code(vec![denied(sms.clone(), late), opted_out]), Code::OptedOut);

    let about = |purpose: &str, record: Consent| Consent {
        purpose: Some(purpose.to_owned()),
        ..record
    };
    assert_eq!(
        code(vec![about("service", granted(sms.clone(), late))]),
        Code::ConsentMissing
    );
    assert_eq!(
        code(vec![about("marketing", granted(sms.clone(), late))]),
        Code::Allowed
    );
    assert_eq!(
        code(vec![about(" Marketing", denied(sms.clone(), late))]),
        Code::ConsentDenied
    );
    assert_eq!(
        code(vec![
            granted(sms.clone(), early),
            about("service", denied(sms.clone(), late))
        ]),
        Code::Allowed
    );
    // A contact without a purpose: a refusal for any purpose counts, an agreement for one does not.
    let purposeless = |record| {
        let case = Case::with(|c| {
            c.campaign.purpose = None;
            c.campaign.consent_basis = ConsentBasis::ExplicitConsent;
            c.consents = vec![record];
        });
        case.code()
    };
    assert_eq!(
        purposeless(about("service", granted(sms.clone(), late))),
        Code::ConsentMissing
    );
    assert_eq!(
        purposeless(about("service", denied(sms, late))),
        Code::ConsentDenied
    );
}

#[test]
fn only_explicit_consent_needs_a_record() {
    for basis in ConsentBasis::ALL {
        let case = Case::with(|c| c.campaign.consent_basis = basis);
        let refused = case.code() == Code::ConsentMissing;
        assert_eq!(refused, basis == ConsentBasis::ExplicitConsent, "{basis:?}");
    }
}
