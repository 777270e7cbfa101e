//! What a run of the sweep showed.

use std::fmt;

use domain::time::Millis;

use super::environment::Call;
use super::index::DueItems;
use super::{Invocation, Setting};

/// What a run of the sweep showed.
#[derive(Clone, Debug)]
pub struct Outcome {
    setting: Setting,
    /// Activities for which no message was sent.
    pub open: usize,
    /// Messages that arrived before their activity was due.
    pub early: usize,
    /// Activities for which more than one message was sent, counted by message.
    pub repeated: u64,
    /// How late messages arrived: percentiles.
    pub late: Vec<(f64, Millis)>,
    /// Invocations that Lambda ended.
    pub cut: usize,
    /// The longest invocation.
    pub longest: Millis,
    /// The longest time that one shard was worked on in one minute.
    pub longest_shard: Millis,
    /// The smallest and the largest shard.
    pub shard_sizes: (usize, usize),
    /// Calls by kind.
    pub calls: [(Call, u64); 4],
    /// Messages that were in hand at once, at most.
    pub most_in_hand: usize,
}

impl Outcome {
    pub(super) fn new(setting: Setting, items: &DueItems, invocations: &[Invocation]) -> Self {
        let mut late: Vec<Millis> = items.lateness().collect();
        late.sort_unstable();
        let sizes = items.per_shard();
        let bound = |size: Option<&usize>| size.copied().unwrap_or(0);
        Self {
            setting,
            open: items.open(),
            early: items.early(),
            repeated: items.repeated(),
            late: [0.5, 0.9, 0.99, 0.999, 1.0]
                .map(|part| (part, percentile(&late, part)))
                .to_vec(),
            cut: invocations.iter().filter(|one| one.was_cut).count(),
            longest: invocations.iter().map(|one| one.took).max().unwrap_or_default(),
            longest_shard: items.longest_shard(),
            shard_sizes: (bound(sizes.iter().min()), bound(sizes.iter().max())),
            calls: [Call::Query, Call::Get, Call::Put, Call::SendBatch].map(|call| (call, items.calls(call))),
            most_in_hand: items.most_in_hand(),
        }
    }
}

/// The value that this part of all does not exceed.
fn percentile(sorted: &[Millis], part: f64) -> Millis {
    let count = f64::from(u32::try_from(sorted.len()).unwrap_or(u32::MAX));
    let place = std::time::Duration::from_secs_f64((count * part).ceil().max(1.0)).as_secs();
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

fn seconds(span: Millis) -> f64 {
    span.duration().as_secs_f64()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setting {
            due,
            spread,
            portions,
            timeout,
            model,
        } = &self.setting;
        writeln!(
            f,
            "{due} due over {:.0} s; {portions} invocations a minute of {} MB ({:.2} vCPU), ended after {:.0} s; \
             SendMessageBatch {:.0} ms (p99 {:.0}), computing {} ms",
            seconds(*spread),
            model.memory_mb,
            model.cpu_share(),
            seconds(*timeout),
            model.batch.median,
            model.batch.p99,
            model.batch_cpu,
        )?;
        write!(f, "  messages late by")?;
        for (part, late) in &self.late {
            write!(f, "  p{} {:.2} s", part * 100.0, seconds(*late))?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "  never sent {}, early {}, sent again {}",
            self.open, self.early, self.repeated
        )?;
        writeln!(
            f,
            "  longest invocation {:.1} s, ended by Lambda {}; longest shard {:.1} s, of {} to {} entries",
            seconds(self.longest),
            self.cut,
            seconds(self.longest_shard),
            self.shard_sizes.0,
            self.shard_sizes.1,
        )?;
        write!(f, "  calls:")?;
        for (call, count) in self.calls {
            write!(f, "  {call:?} {count}")?;
        }
        writeln!(f)?;
        write!(
            f,
            "  messages in hand at once, over all invocations: {}",
            self.most_in_hand
        )
    }
}
