//! SEIZE: which side free agents serve.

use domain::agent::Side;
use domain::id::AgentId;
use domain::time::Millis;

use super::agents::named;
use super::calls::Stage;
use super::{Decision, Group, WorkId};
use crate::protocol::{Answer, Counts, Event, Pool, Question, Why};

/// How often it is asked again which side a free agent is to serve.
const REVIEW: Millis = Millis::seconds(5);

impl Group {
    /// Asks which side each free agent is to serve. Agents of a group that is not blended are outbound's;
    /// without anybody to call, all are inbound's.
    pub(super) fn seize(&mut self, decisions: &mut Vec<Decision>) {
        let leading = self.leading();
        let review = self.now >= self.reviewed + REVIEW;
        if review {
            self.reviewed = self.now;
        }
        let ahead = self.ahead();
        let free: Vec<(AgentId, Option<WorkId>, Side)> = self
            .agents
            .iter()
            .filter(|(_, seat)| seat.is_free(ahead))
            .map(|(agent, seat)| (agent.clone(), seat.work.clone(), seat.seen.side))
            .collect();
        for (agent, work, side) in free {
            let wanted = match work {
                Some(work) if self.settings.blended && leading.contains(&work) => {
                    self.ask_side(&agent, &work, side, review)
                }
                _ if self.settings.blended => Side::Inbound,
                _ => Side::Outbound,
            };
            if wanted != side {
                if let Some(seat) = self.agents.get_mut(&agent) {
                    seat.seen.side = wanted;
                }
                decisions.push(Decision::Seize { agent, side: wanted });
            }
        }
    }

    fn ask_side(&mut self, agent: &AgentId, work: &WorkId, side: Side, review: bool) -> Side {
        let counts = self.counts(work);
        let just_freed = self
            .agents
            .get(agent)
            .is_some_and(|seat| seat.seen.since + Millis::seconds(1) > self.now);
        let why = match side {
            Side::Inbound if counts.waiting.is_some_and(|waiting| waiting > 0) => Why::OutboundWaiting,
            Side::Outbound if counts.in_queue.is_some_and(|queued| queued > 0) => Why::InboundWaiting,
            _ if just_freed => Why::Freed,
            _ if review => Why::Review,
            _ => return side,
        };
        let pool = match side {
            Side::Inbound => Pool::Inbound,
            Side::Outbound => Pool::Outbound,
        };
        let event = Event::SeizeQuery {
            agent: Some(named(agent)),
            why,
            pool,
        };
        match self.ask(work, &event, Some(Question::Seize), counts) {
            Some(Answer::Seize(Pool::Outbound)) => Side::Outbound,
            _ => Side::Inbound,
        }
    }

    /// The numbers of a moment, as a work's engine is to see them.
    pub(super) fn counts(&self, work: &WorkId) -> Counts {
        use domain::agent::AgentState;
        let (mut idle, mut idle_in, mut talk, mut wrap) = (0, 0, 0, 0);
        let ahead = self.ahead();
        for seat in self.agents.values().filter(|seat| seat.serves(work)) {
            let outbound = seat.seen.side == Side::Outbound || !self.settings.blended;
            match seat.seen.state {
                _ if seat.idles() && seat.is_promised(ahead) && seat.kept.is_none() => {}
                _ if seat.idles() && outbound => idle += 1,
                _ if seat.idles() => idle_in += 1,
                AgentState::Busy if outbound => talk += 1,
                AgentState::WrapUp if outbound => wrap += 1,
                _ => {}
            }
        }
        let (mut in_flight, mut waiting) = (0, 0);
        for call in self.calls.values().filter(|call| call.work == *work) {
            match call.stage {
                Stage::Offered | Stage::Accepted { .. } | Stage::Dialed { .. } => in_flight += 1,
                Stage::Live { .. } => waiting += 1,
            }
        }
        let pending = self.works.get(work).map_or(0, |work| work.waiting.len());
        let oldest = self.queue.values().min();
        Counts {
            idle: Some(idle),
            talk: Some(talk),
            wrap: Some(wrap),
            inflight: Some(in_flight),
            waiting: Some(waiting),
            idle_in: Some(idle_in),
            in_queue: Some(u32::try_from(self.queue.len()).unwrap_or(u32::MAX)),
            in_wait: Some(oldest.map_or(0.0, |since| super::seconds(self.now.since(*since)))),
            pending: Some(u32::try_from(pending).unwrap_or(u32::MAX)),
        }
    }
}
