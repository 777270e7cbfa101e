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
    /// A write takes effect only after its caller was told that it is unknown.
    WriteLate,
    /// The table asks a writer to slow down.
    Throttled,
    /// For a span, most calls to the table are asked to slow down, longer than a client tries again.
    ThrottlingBurst,
    /// An eventual read is old.
    StaleRead,
    /// Some keys of a batch of reads are read a while after the others.
    KeysUnprocessed,
    /// A page of a query ends early.
    ShortPage,
    /// A new entry shows late in the due index.
    IndexEntryLate,
    /// An entry lingers in the due index.
    IndexEntryLingers,
    /// A message is lost.
    MessageLost,
    /// A message is sent once and taken twice.
    MessageRepeated,
    /// A message is delivered while another worker has it in hand.
    InFlightRepeated,
    /// A message comes again after it was deleted.
    DeletedRepeated,
    /// A message is late.
    MessageLate,
    /// Messages overtake each other.
    MessageReordered,
    /// Some messages of a batch are not taken.
    BatchHalfTaken,
    /// A shard of the stream is read again from an earlier place.
    ChangesRepeated,
    /// A change shows the item in a later version.
    ChangeAhead,
    /// A shard of the stream closes, and one or two others continue it.
    ShardSplit,
    /// A handler fails, before or after its work, although no port did.
    HandlerFailed,
    /// A function is ended in the middle of its work, and answers nothing.
    InvocationCut,
    /// A consumer of the stream reports the first change that failed; the batch comes again from there.
    BatchFailedFrom,
    /// A batch of changes that was not answered comes again in halves.
    BatchBisected,
    /// Some messages of a batch failed and come again; the others are done.
    MessagesHalfFailed,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Self; 29] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::Freeze,
        Self::LostAnswer,
        Self::LostCall,
        Self::SpuriousConflict,
        Self::WriteLate,
        Self::Throttled,
        Self::ThrottlingBurst,
        Self::StaleRead,
        Self::KeysUnprocessed,
        Self::ShortPage,
        Self::IndexEntryLate,
        Self::IndexEntryLingers,
        Self::MessageLost,
        Self::MessageRepeated,
        Self::InFlightRepeated,
        Self::DeletedRepeated,
        Self::MessageLate,
        Self::MessageReordered,
        Self::BatchHalfTaken,
        Self::ChangesRepeated,
        Self::ChangeAhead,
        Self::ShardSplit,
        Self::HandlerFailed,
        Self::InvocationCut,
        Self::BatchFailedFrom,
        Self::BatchBisected,
        Self::MessagesHalfFailed,
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
            (Fault::WriteLate, 10),
            (Fault::SpuriousConflict, 30),
            (Fault::Throttled, 15),
            (Fault::ThrottlingBurst, 1),
            (Fault::StaleRead, 200),
            (Fault::KeysUnprocessed, 50),
            (Fault::ShortPage, 100),
            (Fault::IndexEntryLate, 300),
            (Fault::IndexEntryLingers, 300),
            (Fault::MessageLost, 100),
            (Fault::MessageRepeated, 100),
            (Fault::InFlightRepeated, 30),
            (Fault::DeletedRepeated, 30),
            (Fault::MessageLate, 100),
            (Fault::MessageReordered, 200),
            (Fault::BatchHalfTaken, 50),
            (Fault::ChangesRepeated, 100),
            (Fault::ChangeAhead, 300),
            (Fault::ShardSplit, 20),
            (Fault::HandlerFailed, 30),
            (Fault::InvocationCut, 20),
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
