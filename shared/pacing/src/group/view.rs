//! What a supervisor sees of a skill group.

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::calls::Stage;
use super::{Group, WorkId};

/// A skill group at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// When.
    pub at: Timestamp,
    /// Agents at work.
    pub agents: u32,
    /// Agents who could take a call at once.
    pub free: u32,
    /// Inbound calls that wait.
    pub in_queue: u32,
    /// What is done.
    pub works: Vec<WorkView>,
}

/// Calls of one campaign in one mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkView {
    /// Whose, and how.
    #[serde(flatten)]
    pub work: WorkId,
    /// Agents who serve it.
    pub agents: u32,
    /// Contacts that agents look at.
    pub offered: u32,
    /// Calls on their way.
    pub in_flight: u32,
    /// Customers on the line without an agent.
    pub live_waiting: u32,
    /// Calls that were started.
    pub dialed: u64,
    /// Conversations with an agent.
    pub connected: u64,
    /// Customers who got no agent in time.
    pub abandoned: u64,
    /// Machines, or persons who were taken for one: hung up on.
    pub machines: u64,
    /// Other calls that reached nobody.
    pub unanswered: u64,
}

impl Group {
    /// What a supervisor sees.
    pub fn view(&self) -> View {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let ahead = self.ahead();
        View {
            at: self.now,
            agents: count(self.agents.len()),
            free: count(self.agents.values().filter(|seat| seat.is_free(ahead)).count()),
            in_queue: count(self.queue.len()),
            works: self.works.keys().filter_map(|id| self.work_view(id)).collect(),
        }
    }

    fn work_view(&self, id: &WorkId) -> Option<WorkView> {
        let work = self.works.get(id)?;
        let count = |is: fn(&Stage) -> bool| {
            let calls = self
                .calls
                .values()
                .filter(|call| call.work == *id && is(&call.stage));
            u32::try_from(calls.count()).unwrap_or(u32::MAX)
        };
        Some(WorkView {
            work: id.clone(),
            agents: self.load(id).agents,
            offered: count(|stage| matches!(stage, Stage::Offered | Stage::Accepted { .. })),
            in_flight: count(|stage| matches!(stage, Stage::Dialed { .. })),
            live_waiting: count(|stage| matches!(stage, Stage::Live { .. })),
            dialed: work.dialed,
            connected: work.connected,
            abandoned: work.abandoned,
            machines: work.machines,
            unanswered: work.unanswered,
        })
    }
}
