//! How many calls to one endpoint a process makes at once: a slow receiver must not hold every
//! worker, nor be overrun.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::{EventId, TenantId, WebhookId};
use domain::time::{Millis, Timestamp};
use domain::webhook::health::Sign;

/// Calls to one endpoint under way at once, per process.
pub const MAX_AT_ONCE: usize = 32;
/// Of these, first calls under way: the rest is the worker's, so that who waits in line gets on.
pub const FIRST_AT_ONCE: usize = MAX_AT_ONCE / 2;
/// The shortest wait of a delivery that found no place.
const FIRST_WAIT: Millis = Millis::new(500);
/// How far apart those who found no place come back: as if a call took a second. Coming back costs a
/// write, so that a long line must not come back all at once.
const APART: Millis = Millis::new(1_000 / MAX_AT_ONCE as u64);

/// An endpoint, of whichever tenant.
type Endpoint = (TenantId, WebhookId);

/// An answer that took longer than this is slow.
const QUICK: Millis = Millis::new(500);
/// For how long an endpoint that was slow, or failed, is called by the worker only.
const AVOIDED_FOR: Millis = Millis::seconds(30);

#[derive(Default)]
struct Busy {
    calls: BTreeSet<EventId>,
    /// When the last of the waiting line comes back.
    line: Timestamp,
}

#[derive(Default)]
struct State {
    busy: BTreeMap<Endpoint, Busy>,
    /// Endpoints that were slow, or failed, and until when that is remembered.
    avoided: BTreeMap<Endpoint, Timestamp>,
}

/// The calls of a process that are under way, and what it remembers of earlier ones.
#[derive(Clone, Default)]
pub struct Slots(Arc<Mutex<State>>);

/// What a delivery found.
pub(super) enum Entry {
    /// A place, held until this is dropped.
    Held(Slot),
    /// The same delivery is under way: its message was repeated.
    Repeated,
    /// No place; come back then.
    Full(Timestamp),
}

/// A place.
pub(super) struct Slot {
    slots: Slots,
    endpoint: Endpoint,
    event: EventId,
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place, if there is one.
    pub(super) fn enter(
        &self,
        tenant: &TenantId,
        webhook: &WebhookId,
        event: &EventId,
        now: Timestamp,
    ) -> Entry {
        let endpoint = (tenant.clone(), webhook.clone());
        let mut all = self.lock();
        let busy = all.busy.entry(endpoint.clone()).or_default();
        if busy.calls.contains(event) {
            return Entry::Repeated;
        }
        if busy.calls.len() >= MAX_AT_ONCE {
            busy.line = busy.line.max(now + FIRST_WAIT) + APART;
            return Entry::Full(busy.line);
        }
        busy.calls.insert(event.clone());
        Entry::Held(self.slot(endpoint, event))
    }

    /// Takes a place for a first call, if there is one. Who finds none does not wait in line here.
    pub(super) fn enter_first(
        &self,
        tenant: &TenantId,
        webhook: &WebhookId,
        event: &EventId,
    ) -> Option<Slot> {
        let endpoint = (tenant.clone(), webhook.clone());
        let mut all = self.lock();
        let calls = all.busy.get(&endpoint).map(|busy| &busy.calls);
        if calls.is_some_and(|calls| calls.len() >= FIRST_AT_ONCE || calls.contains(event)) {
            return None;
        }
        let busy = all.busy.entry(endpoint.clone()).or_default();
        busy.calls.insert(event.clone());
        Some(self.slot(endpoint, event))
    }

    fn slot(&self, endpoint: Endpoint, event: &EventId) -> Slot {
        Slot {
            slots: self.clone(),
            endpoint,
            event: event.clone(),
        }
    }
}

impl Slots {
    /// Whether an endpoint may be called by who has others to wait for: it is not known to be slow.
    pub(super) fn is_quick(&self, tenant: &TenantId, webhook: &WebhookId, now: Timestamp) -> bool {
        let endpoint = (tenant.clone(), webhook.clone());
        self.lock()
            .avoided
            .get(&endpoint)
            .is_none_or(|until| now >= *until)
    }

    /// Takes in how a call went.
    pub(super) fn note(
        &self,
        tenant: &TenantId,
        webhook: &WebhookId,
        sign: Sign,
        took: Millis,
        now: Timestamp,
    ) {
        if sign == Sign::Works && took <= QUICK {
            return;
        }
        let mut all = self.lock();
        all.avoided.retain(|_, until| now < *until);
        all.avoided
            .insert((tenant.clone(), webhook.clone()), now + AVOIDED_FOR);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut all = self.slots.lock();
        if let Some(busy) = all.busy.get_mut(&self.endpoint) {
            busy.calls.remove(&self.event);
            if busy.calls.is_empty() {
                all.busy.remove(&self.endpoint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_endpoint_forms_a_line() {
        let (tenant, webhook) = (TenantId::parse("t").unwrap(), WebhookId::parse("w").unwrap());
        let now = Timestamp::from_millis(1_800_000_000_000);
        let slots = Slots::default();
        let enter = |number: u32| {
            slots.enter(
                &tenant,
                &webhook,
                &EventId::parse(&format!("e{number}")).unwrap(),
                now,
            )
        };
        let mut held: Vec<Entry> = (0..32).map(enter).collect();
        assert!(held.iter().all(|entry| matches!(entry, Entry::Held(_))));
        assert!(matches!(enter(0), Entry::Repeated));
        let (Entry::Full(first), Entry::Full(second)) = (enter(32), enter(33)) else {
            panic!("not full")
        };
        assert!(now + FIRST_WAIT < first && first < second);
        held.pop();
        assert!(matches!(enter(32), Entry::Held(_)));
        drop(held);
        assert!(slots.lock().busy.is_empty());
    }

    #[test]
    fn first_calls_leave_room_and_lengthen_no_line() {
        let (tenant, webhook) = (TenantId::parse("t").unwrap(), WebhookId::parse("w").unwrap());
        let now = Timestamp::from_millis(1_800_000_000_000);
        let slots = Slots::default();
        let event = |number: usize| EventId::parse(&format!("e{number}")).unwrap();
        let mut held: Vec<Slot> = (0..100)
            .filter_map(|number| slots.enter_first(&tenant, &webhook, &event(number)))
            .collect();
        assert_eq!(held.len(), FIRST_AT_ONCE);
        for number in FIRST_AT_ONCE..MAX_AT_ONCE {
            let Entry::Held(slot) = slots.enter(&tenant, &webhook, &event(number), now) else {
                panic!("no room for the worker")
            };
            held.push(slot);
        }
        assert!(slots.enter_first(&tenant, &webhook, &event(0)).is_none());
        let Entry::Full(first) = slots.enter(&tenant, &webhook, &event(100), now) else {
            panic!("not full")
        };
        assert_eq!(first, now + FIRST_WAIT + APART);
    }

    #[test]
    fn the_slow_and_the_failing_are_avoided_for_a_while() {
        let (tenant, webhook) = (TenantId::parse("t").unwrap(), WebhookId::parse("w").unwrap());
        let now = Timestamp::from_millis(1_800_000_000_000);
        let slots = Slots::default();
        assert!(slots.is_quick(&tenant, &webhook, now));
        slots.note(&tenant, &webhook, Sign::Works, QUICK, now);
        assert!(slots.is_quick(&tenant, &webhook, now));
        for (sign, took) in [(Sign::Works, QUICK + Millis::new(1)), (Sign::Fails, Millis::ZERO)] {
            slots.note(&tenant, &webhook, sign, took, now);
            assert!(!slots.is_quick(&tenant, &webhook, now));
            assert!(slots.is_quick(&tenant, &webhook, now + AVOIDED_FOR));
        }
        let later = now + AVOIDED_FOR;
        slots.note(
            &tenant,
            &WebhookId::parse("x").unwrap(),
            Sign::Fails,
            QUICK,
            later,
        );
        assert_eq!(slots.lock().avoided.len(), 1);
    }
}
