//! How many calls to one endpoint a process makes at once: a slow receiver must not hold every
//! worker, nor be overrun.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::{EventId, TenantId, WebhookId};
use domain::time::{Millis, Timestamp};

/// Calls to one endpoint under way at once, per process.
pub const MAX_AT_ONCE: usize = 32;
/// The shortest wait of a delivery that found no place.
const FIRST_WAIT: Millis = Millis::new(500);
/// How far apart those who found no place come back: as if a call took a second. Coming back costs a
/// write, so that a long line must not come back all at once.
const APART: Millis = Millis::new(1_000 / MAX_AT_ONCE as u64);

/// An endpoint, of whichever tenant.
type Endpoint = (TenantId, WebhookId);

#[derive(Default)]
struct Busy {
    calls: BTreeSet<EventId>,
    /// When the last of the waiting line comes back.
    line: Timestamp,
}

/// The calls of a process that are under way.
#[derive(Clone, Default)]
pub struct Slots(Arc<Mutex<BTreeMap<Endpoint, Busy>>>);

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
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Endpoint, Busy>> {
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
        let busy = all.entry(endpoint.clone()).or_default();
        if busy.calls.contains(event) {
            return Entry::Repeated;
        }
        if busy.calls.len() >= MAX_AT_ONCE {
            busy.line = busy.line.max(now + FIRST_WAIT) + APART;
            return Entry::Full(busy.line);
        }
        busy.calls.insert(event.clone());
        Entry::Held(Slot {
            slots: self.clone(),
            endpoint,
            event: event.clone(),
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut all = self.slots.lock();
        if let Some(busy) = all.get_mut(&self.endpoint) {
            busy.calls.remove(&self.event);
            if busy.calls.is_empty() {
                all.remove(&self.endpoint);
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
        assert!(slots.lock().is_empty());
    }
}
