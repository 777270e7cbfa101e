//! A lane under a load of activities that come back when they were told to.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

/// Whoever waits asks at least so often.
const ASKS_AGAIN: Millis = Millis::minutes(15);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    at: Timestamp,
    id: usize,
}

/// Activities at one connector.
struct Desk {
    rate: u32,
    lane: Lane,
    blocks: Blocks,
    queue: BinaryHeap<Reverse<Waiting>>,
    turns: Vec<Option<Turn>>,
    urgent: Vec<bool>,
    cancelled: Vec<bool>,
    /// The moments with which they went out, in the order of going.
    sent: Vec<(usize, Timestamp)>,
    asked: usize,
}

impl Desk {
    fn new(rate: u32) -> Self {
        Self {
            rate,
            lane: Lane::default(),
            blocks: Blocks::default(),
            queue: BinaryHeap::new(),
            turns: Vec::new(),
            urgent: Vec::new(),
            cancelled: Vec::new(),
            sent: Vec::new(),
            asked: 0,
        }
    }

    /// With so many that came at once a minute ago.
    fn after_a_minute(rate: u32, count: usize) -> Self {
        let mut desk = Self::new(rate);
        desk.come(at(0), count, false);
        desk.until(at(60_000));
        desk
    }

    /// Several at once; the first.
    fn come(&mut self, at: Timestamp, count: usize, is_urgent: bool) -> usize {
        let first = self.turns.len();
        for _ in 0..count {
            self.comes(at, is_urgent);
        }
        first
    }

    fn comes(&mut self, at: Timestamp, is_urgent: bool) -> usize {
        let id = self.turns.len();
        self.turns.push(None);
        self.urgent.push(is_urgent);
        self.cancelled.push(false);
        self.queue.push(Reverse(Waiting { at, id }));
        id
    }

    /// Lets everything happen that is due before a moment.
    fn until(&mut self, end: Timestamp) {
        self.late_until(end, || Millis::new(0));
    }

    /// The same, where whoever was told to come back does so with a delay.
    fn late_until(&mut self, end: Timestamp, mut late: impl FnMut() -> Millis) {
        while let Some(Reverse(next)) = self.queue.peek().copied().filter(|next| next.0.at < end) {
            self.queue.pop();
            if !self.cancelled[next.id] {
                self.ask(next.id, next.at, late());
            }
        }
    }

    fn ask(&mut self, id: usize, now: Timestamp, late: Millis) {
        if let Some(Turn::Slot(slot)) = self.turns[id]
            && slot <= now
        {
            return self.sent.push((id, slot));
        }
        let asker = Asker::of(self.turns[id], self.urgent[id], now);
        self.asked += 1;
        let turn = self.blocks.take(asker, now).unwrap_or_else(|| {
            let (lane, given) = self.lane.clone().ask(self.rate, asker, now);
            self.lane = lane;
            self.blocks.keep(asker, given, now).unwrap()
        });
        let again = match turn {
            Turn::Slot(slot) if slot <= now => return self.sent.push((id, slot)),
            Turn::Slot(slot) => slot,
            Turn::Place(place) => place.min(now + ASKS_AGAIN),
        };
        assert!(again > now, "{again} is no later than {now}");
        self.turns[id] = Some(turn);
        self.queue.push(Reverse(Waiting { at: again + late, id }));
    }

    fn sent_at(&self, id: usize) -> Timestamp {
        self.sent
            .iter()
            .find(|(sent, _)| *sent == id)
            .expect("it was sent")
            .1
    }
}

#[test]
fn moments_of_any_second_are_no_more_than_the_rate() {
    for rate in [1, 7, 45, 80, 997, 3_000] {
        let start = at(0);
        let asker = Asker::of(None, true, start);
        let (mut lane, mut moments) = (Lane::default(), Vec::new());
        let mut now = start;
        while moments.len() < 3 * rate as usize {
            let (after, given) = lane.ask(rate, asker, now);
            lane = after;
            match given {
                Given::Slots(slots) => moments.extend(slots),
                _ => now = now + Millis::new(100),
            }
        }
        never_more_than_the_rate(rate, moments);
    }
}

#[test]
fn a_backlog_goes_out_at_the_rate_and_in_its_order() {
    for rate in [1, 10, 45, 1_000] {
        let mut desk = Desk::new(rate);
        let count = 200 * rate as usize;
        desk.come(at(0), count, false);
        desk.until(at(3_600_000));
        assert_eq!(desk.sent.len(), count);
        let last = desk.sent.last().unwrap().1.since(at(0));
        assert!(last <= Millis::seconds(215), "{rate}/s: {last}");
        assert!(desk.sent.is_sorted_by_key(|(id, _)| *id), "{rate}/s");
        // Each asks when it comes and when its place has come.
        assert!(desk.asked <= 2 * count + count / 20, "{rate}/s: {}", desk.asked);
    }
}

#[test]
fn what_is_urgent_waits_two_seconds_whatever_the_backlog() {
    let mut desk = Desk::after_a_minute(10, 36_000);
    let urgent = desk.comes(at(60_000), true);
    desk.until(at(70_000));
    let waited = desk.sent_at(urgent).since(at(60_000));
    assert!(waited <= Millis::seconds(2), "{waited}");
}

#[test]
fn many_urgent_ones_go_before_all_that_wait() {
    let mut desk = Desk::after_a_minute(10, 3_000);
    let before = desk.sent.len();
    let first = desk.come(at(60_000), 600, true);
    desk.until(at(125_000));
    let urgent = desk.sent[before..].iter().filter(|(id, _)| *id >= first).count();
    let others = desk.sent.len() - before - urgent;
    assert_eq!(urgent, 600);
    assert!(others <= 60, "{others} went before or between");
    desk.until(at(600_000));
    assert_eq!(desk.sent.len(), 3_600);
}

#[test]
fn after_a_stop_others_do_not_wait_for_what_was_cancelled() {
    let mut desk = Desk::after_a_minute(10, 36_000);
    desk.cancelled.fill(true);
    let first = desk.come(at(90_000), 600, false);
    desk.until(at(200_000));
    assert_eq!(desk.sent_at(first), at(90_000));
    let sent = desk.sent.iter().filter(|(id, _)| *id >= first).count();
    assert_eq!(sent, 600, "within 110 seconds");
}

#[test]
fn who_waits_behind_what_was_cancelled_is_sent_within_a_quarter_of_an_hour() {
    let mut desk = Desk::after_a_minute(10, 36_100);
    desk.cancelled[..36_000].fill(true);
    desk.until(at(930_000));
    for id in 36_000..36_100 {
        desk.sent_at(id);
    }
}

#[test]
fn a_raised_rate_is_used_by_those_who_wait() {
    let mut desk = Desk::new(1);
    for n in 0..3_000 {
        desk.comes(at(n * 10), false);
    }
    desk.until(at(60_000));
    desk.rate = 20;
    desk.until(at(1_100_000));
    // One a second would have sent eleven hundred.
    assert_eq!(desk.sent.len(), 3_000);
}

#[test]
fn a_slot_that_was_missed_does_not_wait_behind_the_backlog() {
    let mut desk = Desk::new(1);
    let missed = desk.comes(at(30_000), false);
    desk.turns[missed] = Some(Turn::Slot(at(1_000)));
    desk.come(at(0), 600, false);
    desk.until(at(30_000));
    let asker = Asker::of(desk.turns[missed], false, at(30_000));
    let (_, given) = desk.lane.ask(1, asker, at(30_000));
    assert!(matches!(given, Given::Slots(_)), "{given:?}");
}

#[track_caller]
fn never_more_than_the_rate(rate: u32, mut moments: Vec<Timestamp>) {
    moments.sort_unstable();
    for pair in moments.windows(rate as usize + 1) {
        let span = pair[rate as usize].since(pair[0]);
        assert!(span >= Millis::new(999), "{rate}/s: {span}");
    }
}

#[test]
fn a_lane_that_rests_gives_no_moments_to_anybody() {
    let lane = Lane::default().closed_until(at(60_000)).expect("it rests");
    assert_eq!(lane.clone().closed_until(at(59_000)), None);
    let urgent = Asker::of(None, true, at(0));
    let (lane, given) = lane.ask(10, urgent, at(0));
    let Given::Places(places) = given else {
        panic!("{given:?}")
    };
    assert_eq!(places[0], at(60_000));
    let waited = Asker::of(Some(Turn::Place(places[0])), false, at(60_000));
    assert!(matches!(lane.ask(10, waited, at(60_000)).1, Given::Slots(_)));
}

proptest! {
    #[test]
    fn whoever_comes_whenever_is_sent_and_never_more_than_the_rate(
        rate in prop_oneof![1_u32..60, 900..1_100_u32],
        coming in prop::collection::vec((0_i64..20_000, prop::bool::weighted(0.2)), 1..400),
        lateness in prop::collection::vec(0_u64..1_500, 1..50),
    ) {
        let mut desk = Desk::new(rate);
        for (millis, is_urgent) in &coming {
            desk.comes(at(*millis), *is_urgent);
        }
        let mut lateness = lateness.iter().cycle();
        desk.late_until(at(3_600_000), || Millis::new(*lateness.next().unwrap()));
        prop_assert_eq!(desk.sent.len(), coming.len());
        never_more_than_the_rate(rate, desk.sent.into_iter().map(|(_, slot)| slot).collect());
    }
}
