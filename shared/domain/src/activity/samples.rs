//! An activity for tests.

use std::collections::BTreeMap;

use super::{Activity, Plan, Priority, Via, Writing};
use crate::address::Address;
use crate::channel::Channel;
use crate::cim::Body;
use crate::id::{ActivityId, ConnectorId, CustomerId, TenantId};
use crate::time::Timestamp;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

pub(crate) fn writing(millis: i64, version: u64) -> Writing {
    Writing {
        now: at(millis),
        version,
    }
}

pub(crate) fn via() -> Via {
    Via {
        connector: ConnectorId::parse("ccm").unwrap(),
        way: 7,
    }
}

pub(crate) fn scheduled() -> Activity {
    let plan = Plan {
        channel: Channel::Sms,
        to: Address::parse(Channel::Sms, "+447400123456").unwrap(),
        service_identifier: None,
        customer: CustomerId::parse("ann").unwrap(),
        campaign: None,
        step: None,
        due_at: at(1_000),
        expires_at: Some(at(100_000)),
        message: Body::plain("Hello"),
        dialing: None,
        assign_to: None,
        priority: Priority::Normal,
        callback_url: None,
        metadata: BTreeMap::new(),
    };
    Activity::schedule(
        ActivityId::generate(at(0), 7),
        TenantId::parse("t").unwrap(),
        plan,
        None,
        writing(0, 1),
    )
}
