//! What is due, by time; what was planned first comes first at the same time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::agents::Wish;
use super::calls::Stage;

/// What is due.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Tick,
    Review,
    LogOn(usize),
    Leave(usize, Wish),
    Back(usize),
    TalkEnd(usize),
    Free(usize),
    /// The agent is about to finish, in so many seconds.
    Notice(usize, f64),
    Call(usize, Stage),
    InboundArrival,
    Patience(usize),
}

#[derive(Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Entry>,
    planned: u64,
}

struct Entry {
    at: f64,
    order: u64,
    what: What,
}

impl Agenda {
    pub(super) fn add(&mut self, at: f64, what: What) {
        let order = self.planned;
        self.planned += 1;
        self.heap.push(Entry { at, order, what });
    }

    pub(super) fn next_before(&mut self, end: f64) -> Option<(f64, What)> {
        if self.heap.peek()?.at >= end {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.what))
    }
}

/// The earliest is the greatest, as the heap gives the greatest first.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.total_cmp(&self.at).then(other.order.cmp(&self.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
