//! Runs on all cores: a run is one thread's, so that any number of them go side by side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Does the work for each number, on as many threads as there are cores; answers stand in order.
pub fn for_each<T: Send>(numbers: std::ops::Range<u64>, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(numbers.start);
    let one_thread = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= numbers.end {
                return done;
            }
            done.push((number, work(number)));
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut done: Vec<(u64, T)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one_thread)).collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().expect("no run panics"));
        ended.flatten().collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, answer)| answer).collect()
}
