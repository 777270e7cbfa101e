//! Outbound calls by how they ended.

use crate::fact::{Ending, Party};

/// Calls by ending.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Endings {
    busy: u64,
    invalid: u64,
    no_answer: u64,
    hung_up_machines: u64,
    pub(super) hung_up_persons: u64,
    pub(super) connected_persons: u64,
    pub(super) connected_machines: u64,
    pub(super) abandoned_persons: u64,
    pub(super) abandoned_machines: u64,
    cut: u64,
}

impl Endings {
    pub(super) fn count(&mut self, ending: Ending) {
        *self.place(ending) += 1;
    }

    pub(super) fn of(mut self, ending: Ending) -> u64 {
        *self.place(ending)
    }

    fn place(&mut self, ending: Ending) -> &mut u64 {
        match ending {
            Ending::Busy => &mut self.busy,
            Ending::Invalid => &mut self.invalid,
            Ending::NoAnswer => &mut self.no_answer,
            Ending::HungUp(Party::Machine) => &mut self.hung_up_machines,
            Ending::HungUp(Party::Person) => &mut self.hung_up_persons,
            Ending::Connected(Party::Person, _) => &mut self.connected_persons,
            Ending::Connected(Party::Machine, _) => &mut self.connected_machines,
            Ending::Abandoned(Party::Person) => &mut self.abandoned_persons,
            Ending::Abandoned(Party::Machine) => &mut self.abandoned_machines,
            Ending::Cut => &mut self.cut,
        }
    }
}

/// Whether a person was abandoned; none for what was no live person.
pub(super) fn live_person(ending: Ending) -> Option<bool> {
    match ending {
        Ending::Connected(Party::Person, _) => Some(false),
        Ending::Abandoned(Party::Person) => Some(true),
        _ => None,
    }
}
