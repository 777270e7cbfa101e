//! How many calls to one endpoint a process makes at once: a slow receiver must not hold every
//! worker, nor be overrun.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::id::{EventId, TenantId, WebhookId};
use domain::time::{Millis, Timestamp};
use domain::webhook::health::Sign;
use futures::channel::oneshot;

/// Deliveries that a worker has in hand at once.
pub const WORKER_AT_ONCE: u32 = 128;
/// Calls to one endpoint under way at once, per process, at most: a quarter of a worker's, so that one that
/// hangs leaves room for the others.
pub const MAX_AT_ONCE: usize = WORKER_AT_ONCE as usize / 4;
/// First calls to one endpoint under way: the rest is the worker's, so that who waits in line gets on.
pub const FIRST_AT_ONCE: usize = MAX_AT_ONCE / 2;
/// Deliveries that stay in hand, for each place of a quick endpoint, until there is one for them. Their line is the queue
/// then. With its calls they are less than all that a worker has in hand: if it begins to hang, there is room for the
/// others, and nobody stays as soon as one more comes.
const STAYING: usize = WORKER_AT_ONCE as usize / MAX_AT_ONCE - 2;
/// The shortest wait of a delivery that found no place: as long as places are given, and where none is any more.
const SHORT_WAIT: Duration = Duration::from_millis(50);
const LONG_WAIT: Duration = Duration::from_millis(500);
/// How far apart those who found no place come back, at most: as if a call took a second. Coming back costs a
/// write, so that a long line must not come back all at once.
const APART: Duration = Duration::from_millis(1_000 / MAX_AT_ONCE as u64);
/// How far apart at least: to look whether there is a place takes a part of this.
const APART_LEAST: Duration = Duration::from_micros(400);

/// An endpoint, of whichever tenant.
type Endpoint = (TenantId, WebhookId);

/// An answer that took longer than this is slow. An endpoint is while its quickest was: where this machine has much to do
/// for a while, all answers take long, and endpoints that are called less then have much to make up for.
const QUICK: Millis = Millis::new(500);
/// For how long an answer may be the quickest one.
const QUICKEST_FOR: Millis = Millis::seconds(10);
/// For how long an endpoint that was slow, or failed, is called by the worker only.
const AVOIDED_FOR: Millis = Millis::seconds(30);
/// For how long it is remembered how many calls an endpoint bore. Longer than the first pauses between attempts.
const REMEMBERED_FOR: Millis = Millis::minutes(10);

/// The calls to one endpoint.
struct Lane {
    calls: BTreeSet<EventId>,
    /// How many of them have ended, and are yet to be written down.
    ended: usize,
    /// When a place was taken last.
    moved: Timestamp,
    /// Those who stay until there is a place.
    staying: VecDeque<oneshot::Sender<()>>,
    /// How many may be under way: half as many after each that held its place for long and failed, one more
    /// after each that was taken.
    limit: usize,
    /// When the last of the waiting line comes back, since the epoch.
    line: Duration,
    /// How far apart those in it come back: as places become free, where all answer as the quickest does.
    apart: Duration,
    /// How long the quickest answer of late took, and when it came.
    quickest: Option<(Millis, Timestamp)>,
    /// When it failed last.
    failed: Option<Timestamp>,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            calls: BTreeSet::new(),
            ended: 0,
            moved: Timestamp::default(),
            staying: VecDeque::new(),
            limit: MAX_AT_ONCE,
            line: Duration::ZERO,
            apart: APART_LEAST,
            quickest: None,
            failed: None,
        }
    }
}

impl Lane {
    fn note(&mut self, sign: Sign, took: Millis, now: Timestamp) {
        let held = if sign == Sign::Works {
            self.limit = (self.limit + 1).min(MAX_AT_ONCE);
            self.answered(took, now)
        } else {
            if took > QUICK {
                self.limit = (self.limit / 2).max(1);
            }
            self.failed = Some(now);
            took
        };
        let places = u32::try_from(self.limit).unwrap_or(u32::MAX);
        self.apart = (held.duration() / places).clamp(APART_LEAST, APART);
        if !self.is_quick(now) {
            // Who stays would stay for long.
            self.staying.clear();
        }
    }

    /// Gives the next moment in the line.
    fn join_line(&mut self, now: Timestamp) -> Timestamp {
        let wait = if self.is_moving(now) {
            SHORT_WAIT
        } else {
            LONG_WAIT
        };
        self.line = self.line.max(since_epoch(now) + wait) + self.apart;
        Timestamp::default() + Millis::new(u64::try_from(self.line.as_millis()).unwrap_or(u64::MAX))
    }

    fn under_way(&self) -> usize {
        self.calls.len().saturating_sub(self.ended)
    }

    /// Whether there is a place again and again.
    fn is_moving(&self, now: Timestamp) -> bool {
        self.is_quick(now) && now <= self.moved + QUICK
    }

    /// Tells as many of those who stay as there are places.
    fn wake(&mut self) {
        let mut places = self.limit.saturating_sub(self.under_way());
        while places > 0
            && let Some(staying) = self.staying.pop_front()
        {
            places -= usize::from(staying.send(()).is_ok());
        }
    }

    /// Takes in how long an answer took; gives that of the quickest.
    fn answered(&mut self, took: Millis, now: Timestamp) -> Millis {
        let known = self.quickest.filter(|(_, at)| now < *at + QUICKEST_FOR);
        let (least, _) = *self.quickest.insert(match known {
            Some((least, at)) if least < took => (least, at),
            _ => (took, now),
        });
        least
    }

    /// When it was slow last, or failed.
    fn troubled(&self) -> Option<Timestamp> {
        let slow = self.quickest.filter(|(took, _)| *took > QUICK);
        self.failed.max(slow.map(|(_, at)| at))
    }

    fn is_quick(&self, now: Timestamp) -> bool {
        self.troubled().is_none_or(|at| now >= at + AVOIDED_FOR)
    }

    /// Whether there is nothing more to know about it.
    fn is_over(&self, now: Timestamp) -> bool {
        self.calls.is_empty() && self.troubled().is_none_or(|at| now >= at + REMEMBERED_FOR)
    }
}

fn since_epoch(now: Timestamp) -> Duration {
    now.since(Timestamp::default()).duration()
}

/// The calls of a process that are under way, and what it remembers of earlier ones.
#[derive(Clone, Default)]
pub struct Slots(Arc<Mutex<BTreeMap<Endpoint, Lane>>>);

/// What a delivery found.
pub(super) enum Entry {
    /// A place, held until this is dropped.
    Held(Slot),
    /// The same delivery is under way: its message was repeated.
    Repeated,
    /// No place, but there will be one soon: look again when this says so, or fails to.
    Soon(oneshot::Receiver<()>),
    /// No place; come back then.
    Full(Timestamp),
}

/// A place.
pub(super) struct Slot {
    slots: Slots,
    endpoint: Endpoint,
    event: EventId,
    has_ended: bool,
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Endpoint, Lane>> {
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
        let mut lanes = self.lock();
        let lane = lanes.entry(endpoint.clone()).or_default();
        if lane.calls.contains(event) {
            return Entry::Repeated;
        }
        if lane.under_way() < lane.limit {
            lane.calls.insert(event.clone());
            lane.moved = now;
            return Entry::Held(self.slot(endpoint, event));
        }
        if !lane.is_moving(now) {
            lane.staying.clear();
        } else if lane.staying.len() < STAYING * lane.limit {
            let (tells, told) = oneshot::channel();
            lane.staying.push_back(tells);
            return Entry::Soon(told);
        }
        Entry::Full(lane.join_line(now))
    }

    /// Takes a place for a first call, if there is one. Who finds none does not wait in line here.
    pub(super) fn enter_first(
        &self,
        tenant: &TenantId,
        webhook: &WebhookId,
        event: &EventId,
    ) -> Option<Slot> {
        let endpoint = (tenant.clone(), webhook.clone());
        let mut lanes = self.lock();
        let lane = lanes.entry(endpoint.clone()).or_default();
        let limit = FIRST_AT_ONCE.min(lane.limit);
        if lane.under_way() >= limit || lane.calls.contains(event) {
            return None;
        }
        lane.calls.insert(event.clone());
        Some(self.slot(endpoint, event))
    }

    fn slot(&self, endpoint: Endpoint, event: &EventId) -> Slot {
        Slot {
            slots: self.clone(),
            endpoint,
            event: event.clone(),
            has_ended: false,
        }
    }

    /// Whether an endpoint may be called by who has others to wait for: it is not known to be slow.
    pub(super) fn is_quick(&self, tenant: &TenantId, webhook: &WebhookId, now: Timestamp) -> bool {
        let endpoint = (tenant.clone(), webhook.clone());
        self.lock().get(&endpoint).is_none_or(|lane| lane.is_quick(now))
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
        let mut lanes = self.lock();
        let lane = lanes.entry((tenant.clone(), webhook.clone())).or_default();
        lane.note(sign, took, now);
        if lane.troubled() == Some(now) {
            lanes.retain(|_, lane| !lane.is_over(now));
        }
    }
}

impl Slot {
    /// Gives the place to another: the call has ended. It is under way until its result is written down, too.
    pub(super) fn end_call(&mut self) {
        let mut lanes = self.slots.lock();
        if let Some(lane) = lanes.get_mut(&self.endpoint)
            && !self.has_ended
        {
            self.has_ended = true;
            lane.ended += 1;
            lane.wake();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.end_call();
        let mut lanes = self.slots.lock();
        if let Some(lane) = lanes.get_mut(&self.endpoint) {
            lane.calls.remove(&self.event);
            lane.ended = lane.ended.saturating_sub(usize::from(self.has_ended));
            if lane.calls.is_empty() && lane.troubled().is_none() {
                lanes.remove(&self.endpoint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An endpoint, and the places that a process has for it.
    struct Called {
        slots: Slots,
        tenant: TenantId,
        webhook: WebhookId,
    }

    impl Called {
        fn new() -> Self {
            Self {
                slots: Slots::default(),
                tenant: TenantId::parse("t").unwrap(),
                webhook: WebhookId::parse("w").unwrap(),
            }
        }

        fn event(number: usize) -> EventId {
            EventId::parse(&format!("e{number}")).unwrap()
        }

        fn enter_at(&self, number: usize, now: Timestamp) -> Entry {
            self.slots
                .enter(&self.tenant, &self.webhook, &Self::event(number), now)
        }

        fn enter(&self, number: usize) -> Entry {
            self.enter_at(number, now())
        }

        fn enter_first(&self, number: usize) -> Option<Slot> {
            self.slots
                .enter_first(&self.tenant, &self.webhook, &Self::event(number))
        }

        fn note(&self, sign: Sign, took: Millis, now: Timestamp) {
            self.slots.note(&self.tenant, &self.webhook, sign, took, now);
        }

        fn is_quick(&self, now: Timestamp) -> bool {
            self.slots.is_quick(&self.tenant, &self.webhook, now)
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    #[test]
    fn a_full_endpoint_forms_a_line() {
        let called = Called::new();
        let enter = |number| called.enter(number);
        let mut held: Vec<Entry> = (0..32).map(enter).collect();
        assert!(held.iter().all(|entry| matches!(entry, Entry::Held(_))));
        assert!(matches!(enter(0), Entry::Repeated));
        let staying: Vec<Entry> = (32..96).map(enter).collect();
        let (Entry::Full(first), Entry::Full(second)) = (enter(96), enter(97)) else {
            panic!("not full")
        };
        assert!(now() < first && first <= second);
        held.pop();
        held.push(enter(32));
        assert!(matches!(held.last(), Some(Entry::Held(_))));
        drop((held, staying));
        assert!(called.slots.lock().is_empty());
    }

    #[test]
    fn who_stays_is_told_of_a_place_and_of_trouble() {
        let called = Called::new();
        let enter = |number| called.enter(number);
        let mut held: Vec<Entry> = (0..MAX_AT_ONCE).map(enter).collect();
        let stay = |number| match enter(number) {
            Entry::Soon(told) => told,
            _ => panic!("not soon"),
        };
        let mut staying: Vec<_> = (40..44).map(stay).collect();
        let mut told = || {
            let told = staying.iter_mut().map(|told| told.try_recv());
            told.collect::<Vec<_>>()
        };
        assert_eq!(told(), [Ok(None); 4]);
        held.pop();
        assert_eq!(told(), [Ok(Some(())), Ok(None), Ok(None), Ok(None)]);
        held.push(enter(40));
        called.note(Sign::Fails, Millis::ZERO, now());
        assert_eq!(told(), [Err(oneshot::Canceled); 4]);
        assert!(matches!(enter(41), Entry::Full(_)));
    }

    #[test]
    fn nobody_stays_where_no_place_is_given_any_more() {
        let called = Called::new();
        let _held: Vec<Entry> = (0..MAX_AT_ONCE).map(|number| called.enter(number)).collect();
        let Entry::Soon(mut told) = called.enter_at(40, now() + QUICK) else {
            panic!("not soon")
        };
        assert_eq!(told.try_recv(), Ok(None));
        let later = now() + QUICK + Millis::new(1);
        assert!(matches!(called.enter_at(41, later), Entry::Full(_)));
        assert_eq!(told.try_recv(), Err(oneshot::Canceled));
    }

    #[test]
    fn the_line_comes_back_as_places_become_free() {
        let called = Called::new();
        let _held: Vec<Entry> = (0..MAX_AT_ONCE).map(|number| called.enter(number)).collect();
        let _staying: Vec<Entry> = (100..164).map(|number| called.enter(number)).collect();
        let in_line = |numbers: std::ops::Range<usize>, at| {
            let place = |number| match called.enter_at(number, at) {
                Entry::Full(until) => until.since(at).get(),
                _ => panic!("not full"),
            };
            numbers.map(place).collect::<Vec<_>>()
        };
        called.note(Sign::Works, Millis::new(1), now());
        assert_eq!(in_line(200..205, now()), [50, 50, 51, 51, 52]);
        called.note(Sign::Works, Millis::new(320), now() + QUICKEST_FOR);
        assert_eq!(in_line(300..303, now() + Millis::new(400)), [60, 70, 80]);
        // Where none is given any more they wait for longer.
        assert_eq!(in_line(400..402, now() + Millis::seconds(2)), [510, 520]);
    }

    #[test]
    fn whose_call_has_ended_holds_no_place_and_is_not_begun_again() {
        let called = Called::new();
        let mut held: Vec<Entry> = (0..MAX_AT_ONCE).map(|number| called.enter(number)).collect();
        let Entry::Soon(mut told) = called.enter(40) else {
            panic!("not soon")
        };
        let Some(Entry::Held(slot)) = held.first_mut() else {
            panic!("not held")
        };
        slot.end_call();
        slot.end_call();
        assert_eq!(told.try_recv(), Ok(Some(())));
        assert!(matches!(called.enter(0), Entry::Repeated));
        let next = called.enter(40);
        assert!(matches!(next, Entry::Held(_)));
        held.remove(0);
        assert!(matches!(called.enter(0), Entry::Soon(_)));
        drop((held, next));
        assert!(called.slots.lock().is_empty());
    }

    #[test]
    fn first_calls_leave_room_and_lengthen_no_line() {
        let called = Called::new();
        let mut held: Vec<Slot> = (0..100).filter_map(|number| called.enter_first(number)).collect();
        assert_eq!(held.len(), FIRST_AT_ONCE);
        for number in FIRST_AT_ONCE..MAX_AT_ONCE {
            let Entry::Held(slot) = called.enter(number) else {
                panic!("no room for the worker")
            };
            held.push(slot);
        }
        assert!(called.enter_first(0).is_none());
        let staying: Vec<Entry> = (100..164).map(|number| called.enter(number)).collect();
        let Entry::Full(first) = called.enter(164) else {
            panic!("not full")
        };
        // Nobody is in line before it.
        assert_eq!(first, now() + Millis::new(50));
        drop(staying);
    }

    #[test]
    fn the_slow_and_the_failing_are_avoided_for_a_while() {
        let called = Called::new();
        assert!(called.is_quick(now()));
        for (sign, took) in [(Sign::Works, QUICK + Millis::new(1)), (Sign::Fails, Millis::ZERO)] {
            called.note(sign, took, now());
            assert!(!called.is_quick(now()));
            assert!(called.is_quick(now() + AVOIDED_FOR));
        }
        let later = now() + REMEMBERED_FOR;
        let other = WebhookId::parse("x").unwrap();
        called
            .slots
            .note(&called.tenant, &other, Sign::Fails, QUICK, later);
        assert_eq!(called.slots.lock().len(), 1);
    }

    #[test]
    fn a_busy_machine_makes_no_endpoint_slow_at_once() {
        let called = Called::new();
        let answers = |millis, at| {
            called.note(Sign::Works, Millis::new(millis), at);
            called.is_quick(at)
        };
        assert!(answers(32, now()));
        assert!(answers(2_000, now() + Millis::seconds(9)));
        assert!(!answers(2_000, now() + QUICKEST_FOR));
        assert!(answers(32, now() + Millis::seconds(11)));
    }

    #[test]
    fn who_holds_places_for_nothing_gets_fewer() {
        let called = Called::new();
        let places = || {
            let entries = (0..100).map(|number| called.enter(number));
            let held: Vec<Entry> = entries.filter(|entry| matches!(entry, Entry::Held(_))).collect();
            held.len()
        };
        let note = |sign, seconds| called.note(sign, Millis::seconds(seconds), now());
        assert_eq!(places(), MAX_AT_ONCE);
        // A refusal at once holds nobody up.
        note(Sign::Fails, 0);
        assert_eq!(places(), MAX_AT_ONCE);
        for left in [16, 8, 4, 2, 1, 1] {
            note(Sign::Fails, 15);
            assert_eq!(places(), left);
        }
        for _ in 0..40 {
            note(Sign::Works, 0);
        }
        assert_eq!(places(), MAX_AT_ONCE);
    }
}
