//! INIT: how many calls to start, which, and for whom.

use domain::id::AgentId;
use domain::time::Millis;
use domain::voice::DialingMode;

use super::calls::{Call, Stage, Waiting};
use super::gateways::Room;
use super::{Decision, Group, WorkId};
use crate::protocol::{Answer, Event, Question};

impl Group {
    /// Starts calls, or shows contacts, as every leading work's engine says.
    pub(super) fn dial(&mut self, decisions: &mut Vec<Decision>) {
        self.dial_accepted(decisions);
        let leading = self.leading_by_calls();
        for work in &leading {
            if self.may_dial(work, &leading) {
                self.dial_for(work, decisions);
            }
        }
        for work in self.works.keys().cloned().collect::<Vec<_>>() {
            if !leading.contains(&work) {
                // Time goes on for it, too.
                self.tell(&work, &Event::Tick);
            }
        }
    }

    /// Previews that agents accepted, in that order: as many as lines and gateways bear.
    fn dial_accepted(&mut self, decisions: &mut Vec<Decision>) {
        let accepted = self.calls.iter().filter_map(|(id, call)| match call.stage {
            Stage::Accepted { since } => Some((since, id.clone(), call.agent.clone(), call.gateway.clone())),
            _ => None,
        });
        let mut accepted: Vec<_> = accepted.collect();
        accepted.sort();
        let mut left = self.lines_left().min(self.starts_left());
        let mut room = self.room();
        for (_, id, agent, gateway) in accepted {
            if left > 0 && room.is_for(gateway.as_ref()) {
                room.take(gateway.as_ref());
                left -= 1;
                self.start(&id, agent.as_ref(), decisions);
            }
        }
    }

    fn dial_for(&mut self, work: &WorkId, decisions: &mut Vec<Decision>) {
        let counts = self.counts(work);
        let Some(Answer::Dial(wanted)) = self.ask(work, &Event::Tick, Some(Question::Dial), counts) else {
            return;
        };
        let calls = wanted.min(self.lines_left()).min(self.starts_left());
        if work.mode.reserves_first() {
            self.dial_for_agents(work, calls, decisions);
        } else {
            self.dial_ahead(work, calls, decisions);
        }
    }

    /// Calls that the lines allow besides those on their way.
    fn lines_left(&self) -> u32 {
        let on_their_way = self.calls.values().filter(|call| call.stage.is_started()).count();
        let used = u32::try_from(on_their_way).unwrap_or(u32::MAX);
        self.settings
            .lines
            .map_or(u32::MAX, |lines| lines.saturating_sub(used))
    }

    /// Calls that may still be started within this second.
    fn starts_left(&mut self) -> u32 {
        while self
            .started
            .front()
            .is_some_and(|(at, _)| *at + Millis::seconds(1) <= self.now)
        {
            self.started.pop_front();
        }
        let used = u32::try_from(self.started.len()).unwrap_or(u32::MAX);
        let most = self.settings.calls_per_second;
        most.map_or(u32::MAX, |most| most.saturating_sub(used))
    }

    /// Power and predictive: whoever is free takes who answers.
    fn dial_ahead(&mut self, work: &WorkId, calls: u32, decisions: &mut Vec<Decision>) {
        let mut room = self.room();
        for _ in 0..calls {
            let Some(waiting) = self.next_for(work, &room) else {
                return;
            };
            room.take(waiting.gateway.as_ref());
            self.enter(work, &waiting);
            self.start(&waiting.call, None, decisions);
        }
    }

    /// The first call that waits for whose gateway there is room.
    fn next_for(&mut self, work: &WorkId, room: &Room) -> Option<Waiting> {
        let waiting = &mut self.works.get_mut(work)?.waiting;
        let place = waiting
            .iter()
            .position(|waiting| room.is_for(waiting.gateway.as_ref()))?;
        waiting.remove(place)
    }

    /// Preview and progressive: an agent is kept for each call before it is started.
    fn dial_for_agents(&mut self, work: &WorkId, calls: u32, decisions: &mut Vec<Decision>) {
        let mut free = self.free_for(work);
        let mut room = self.room();
        for _ in 0..calls {
            let Some((waiting, agent)) = self.next_pair(work, &mut free, &room) else {
                return;
            };
            room.take(waiting.gateway.as_ref());
            self.enter(work, &waiting);
            if work.mode == DialingMode::Preview {
                let until = self.now + self.settings.preview_within;
                self.keep(&agent, &waiting.call, Some(until));
                decisions.push(Decision::Offer {
                    call: waiting.call,
                    agent,
                    until,
                });
            } else {
                self.keep(&agent, &waiting.call, None);
                self.start(&waiting.call, Some(&agent), decisions);
            }
        }
    }

    /// The free outbound agents of a work, who has waited longest first.
    fn free_for(&self, work: &WorkId) -> Vec<AgentId> {
        let outbound = |side| side == domain::agent::Side::Outbound;
        let ahead = self.ahead();
        let mut free: Vec<_> = self
            .agents
            .iter()
            .filter(|(_, seat)| seat.serves(work) && seat.is_free(ahead) && outbound(seat.seen.side))
            .map(|(agent, seat)| (seat.seen.since, agent.clone()))
            .collect();
        free.sort();
        free.into_iter().map(|(_, agent)| agent).collect()
    }

    /// The first call that waits for which there is an agent, and room at its gateway. A call for one agent passes
    /// over the others.
    fn next_pair(
        &mut self,
        work: &WorkId,
        free: &mut Vec<AgentId>,
        room: &Room,
    ) -> Option<(Waiting, AgentId)> {
        let waiting = &mut self.works.get_mut(work)?.waiting;
        let has_agent = |waiting: &Waiting| match &waiting.agent {
            Some(agent) => free.contains(agent),
            None => !free.is_empty(),
        };
        let place = waiting
            .iter()
            .position(|waiting| has_agent(waiting) && room.is_for(waiting.gateway.as_ref()))?;
        let waiting = waiting.remove(place)?;
        let at = match &waiting.agent {
            Some(agent) => free.iter().position(|free| free == agent)?,
            None => 0,
        };
        Some((waiting, free.remove(at)))
    }

    /// The call is no longer one that waits.
    fn enter(&mut self, work: &WorkId, waiting: &Waiting) {
        let entered = Call {
            work: work.clone(),
            stage: Stage::Offered,
            agent: None,
            gateway: waiting.gateway.clone(),
        };
        self.calls.insert(waiting.call.clone(), entered);
    }
}
