//! What can go wrong, how likely it is, and how often it did.

use std::collections::BTreeMap;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A process dies in front of a port call.
    CrashBefore,
    /// A process dies after a port call took effect, before it learns so.
    CrashAfter,
    /// A process stands still, longer than leases last.
    Freeze,
    /// A write takes effect but the answer is lost.
    LostAnswer,
    /// A call is not carried out and says that it is unknown.
    LostCall,
    /// A transaction conflicts for no reason.
    SpuriousConflict,
    /// The table asks to slow down.
    Throttled,
    /// An eventual read is old.
    StaleRead,
    /// The due index lags behind the items.
    IndexLag,
    /// A message is lost.
    MessageLost,
    /// A message is delivered twice.
    MessageRepeated,
    /// A message is late.
    MessageLate,
    /// Messages overtake each other.
    MessageReordered,
    /// A batch of messages is taken only in part.
    BatchHalfTaken,
    /// A shard of the stream is read again from an earlier place.
    ChangesRepeated,
    /// A change shows the item in a later version.
    ChangeAhead,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Self; 16] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::Freeze,
        Self::LostAnswer,
        Self::LostCall,
        Self::SpuriousConflict,
        Self::Throttled,
        Self::StaleRead,
        Self::IndexLag,
        Self::MessageLost,
        Self::MessageRepeated,
        Self::MessageLate,
        Self::MessageReordered,
        Self::BatchHalfTaken,
        Self::ChangesRepeated,
        Self::ChangeAhead,
    ];
}

/// How likely each fault is, in thousandths, wherever it can occur.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(BTreeMap<Fault, u32>);

impl Faults {
    /// None at all: for tests that are not about faults.
    pub fn none() -> Self {
        Self::default()
    }

    /// Nothing goes wrong, but everything takes its time.
    pub fn calm() -> Self {
        Self(BTreeMap::from([(Fault::StaleRead, 1)]))
    }

    /// The worst legal behaviour that still lets work be done.
    pub fn worst() -> Self {
        Self(BTreeMap::from([
            (Fault::CrashBefore, 4),
            (Fault::CrashAfter, 4),
            (Fault::Freeze, 3),
            (Fault::LostAnswer, 15),
            (Fault::LostCall, 15),
            (Fault::SpuriousConflict, 30),
            (Fault::Throttled, 15),
            (Fault::StaleRead, 200),
            (Fault::IndexLag, 300),
            (Fault::MessageLost, 100),
            (Fault::MessageRepeated, 100),
            (Fault::MessageLate, 100),
            (Fault::MessageReordered, 200),
            (Fault::BatchHalfTaken, 50),
            (Fault::ChangesRepeated, 100),
            (Fault::ChangeAhead, 300),
        ]))
    }

    /// The same without one kind.
    pub fn without(mut self, fault: Fault) -> Self {
        self.0.remove(&fault);
        self
    }

    /// How likely, in thousandths.
    pub fn likelihood(&self, fault: Fault) -> u32 {
        self.0.get(&fault).copied().unwrap_or(0)
    }
}
