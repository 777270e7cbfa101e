//! The executor: one thread, virtual time, an order that the seed decides.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use domain::time::Timestamp;

use crate::world::World;

/// A task's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(u64);

type Task = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
struct Ready(Mutex<Vec<TaskId>>);

impl Ready {
    fn push(&self, task: TaskId) {
        if let Ok(mut ready) = self.0.lock()
            && !ready.contains(&task)
        {
            ready.push(task);
        }
    }

    fn take(&self, pick: impl FnOnce(usize) -> usize) -> Option<TaskId> {
        let mut ready = self.0.lock().ok()?;
        if ready.is_empty() {
            return None;
        }
        let index = pick(ready.len());
        Some(ready.swap_remove(index))
    }
}

struct TaskWaker {
    task: TaskId,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.task);
    }
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It came to its end.
    Finished,
    /// Its process died.
    Crashed,
}

/// Runs tasks in virtual time.
pub struct Executor {
    world: World,
    tasks: BTreeMap<TaskId, Task>,
    ready: Arc<Ready>,
    next: u64,
    ended: Vec<(TaskId, End)>,
}

impl Executor {
    /// An executor for a world.
    pub fn new(world: World) -> Self {
        Self {
            world,
            tasks: BTreeMap::new(),
            ready: Arc::default(),
            next: 0,
            ended: Vec::new(),
        }
    }

    /// Starts a task.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'static) -> TaskId {
        let task = TaskId(self.next);
        self.next += 1;
        self.tasks.insert(task, Box::pin(future));
        self.ready.push(task);
        task
    }

    /// Drops a task, as a crash would.
    pub fn kill(&mut self, task: TaskId) {
        self.tasks.remove(&task);
    }

    /// Tasks that ended since the last call.
    pub fn ended(&mut self) -> Vec<(TaskId, End)> {
        std::mem::take(&mut self.ended)
    }

    /// Runs until a task ends, nothing is left to do, or the clock would pass `until`; says whether
    /// anything is left before that.
    pub fn run_until(&mut self, until: Timestamp) -> bool {
        loop {
            while let Some(task) = self.ready.take(|count| self.world.pick(count)) {
                self.poll(task);
                if !self.ended.is_empty() {
                    return true;
                }
            }
            match self.world.next_wake() {
                Some(at) if at <= until => self.world.advance(at),
                _ => {
                    self.world.advance(until);
                    return false;
                }
            }
        }
    }

    fn poll(&mut self, id: TaskId) {
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        let waker = Waker::from(Arc::new(TaskWaker {
            task: id,
            ready: self.ready.clone(),
        }));
        let poll = task.as_mut().poll(&mut Context::from_waker(&waker));
        let end = match poll {
            _ if self.world.take_crash() => End::Crashed,
            Poll::Ready(()) => End::Finished,
            Poll::Pending => return,
        };
        self.tasks.remove(&id);
        self.ended.push((id, end));
    }
}

/// Runs one future to its end in a world of its own; for tests. `None` if it stands still.
pub fn block_on<T: 'static>(world: &World, future: impl Future<Output = T> + 'static) -> Option<T> {
    let mut executor = Executor::new(world.clone());
    let slot = Arc::new(Mutex::new(None));
    let result = slot.clone();
    executor.spawn(async move {
        let value = future.await;
        if let Ok(mut slot) = slot.lock() {
            *slot = Some(value);
        }
    });
    while executor.run_until(Timestamp::MAX) && executor.ended().is_empty() {}
    result.lock().ok()?.take()
}
