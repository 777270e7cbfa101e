//! What becomes of calls on the floor.

use std::time::Duration;

use domain::agent::AgentEvent;
use domain::time::Millis;
use domain::voice::CallResult;

use super::agents::Condition;
use super::routing::{Call, Demand};
use super::{Due, Floor, Moment, Work, real};
use crate::simulator::script::Event;

/// How long it takes to say a character, in milliseconds.
const SPOKEN: u64 = 60;

impl Floor {
    /// A call has come out.
    pub(super) fn come_out(&mut self, key: &str) {
        let Some(call) = self.calls.by_key.get(key) else {
            return;
        };
        let result = call.course.result;
        if result != CallResult::Answered {
            self.fail(key, result);
        } else if let Some(agent) = self.calls.agent_for(key, &self.roster) {
            if self.rings_in_vain(key) {
                self.later(self.config.abandon_wait, Moment::WaitOver(key.to_owned()));
            }
            self.offer(key, &agent);
        } else {
            self.calls.wait(key);
            self.later(self.config.abandon_wait, Moment::WaitOver(key.to_owned()));
        }
    }

    fn rings_in_vain(&self, key: &str) -> bool {
        let call = self.calls.by_key.get(key);
        call.is_some_and(|call| call.draws.is_missed)
    }

    /// A call whose customer is on the line comes to an agent.
    pub(super) fn offer(&mut self, key: &str, agent: &str) {
        if let Some(call) = self.calls.by_key.get_mut(key) {
            call.agent = Some(agent.to_owned());
        }
        if self.rings_in_vain(key) {
            self.roster.set(agent, Condition::Ringing);
        } else {
            self.connect(key, agent);
        }
    }

    fn connect(&mut self, key: &str, agent: &str) {
        let Some(call) = self.calls.by_key.get(key) else {
            return;
        };
        let talk = call.course.talk;
        let connected = reports(call, &Event::Called(CallResult::Answered), self.scale);
        let activity = call.activity_id();
        self.roster.release(agent, &call.activity);
        self.roster.set(agent, Condition::Talking);
        if let Some(agent) = self.roster.get_mut(agent) {
            agent.talking += 1;
        }
        let talking = self.roster.get_mut(agent).map_or(0, |agent| agent.talking);
        self.stats.connected(agent, talking);
        self.tell(agent, AgentEvent::Busy { activity }, connected);
        let before_end = talk.get().saturating_sub(self.config.announce.get());
        if before_end > 0 {
            self.later(Millis::new(before_end), Moment::AboutToFinish(key.to_owned()));
        }
        self.later(talk, Moment::TalkOver(key.to_owned()));
    }

    pub(super) fn announce(&mut self, key: &str) {
        let agent = self.calls.by_key.get(key).and_then(|call| call.agent.clone());
        if let (Some(agent), Some(left)) = (agent, self.seconds(self.config.announce)) {
            self.tell(&agent, AgentEvent::AboutToFinish { left }, Vec::new());
        }
    }

    pub(super) fn hang_up(&mut self, key: &str) {
        let Some(call) = self.calls.by_key.remove(key) else {
            return;
        };
        let mut told = reports(&call, &Event::HungUp, self.scale);
        let Some(agent) = call.agent else {
            return;
        };
        if let Some(code) = call.draws.code {
            let event = Event::WrapUp {
                code,
                agent: agent.clone(),
            };
            told.push((Duration::ZERO, Work::report(&call.reporter, event, false)));
        }
        self.due.append(&mut told);
        if let Some(agent) = self.roster.get_mut(&agent) {
            agent.talking = agent.talking.saturating_sub(1);
        }
        self.roster.set(&agent, Condition::WrappingUp);
        let left = self.seconds(call.draws.wrap_up);
        self.tell(&agent, AgentEvent::WrapUp { left }, Vec::new());
        let pause = call.draws.pause;
        self.later(call.draws.wrap_up, Moment::WrapUpOver { agent, pause });
    }

    /// Nobody has taken a call within the time that its customer waits.
    pub(super) fn abandon(&mut self, key: &str) {
        let rung_at = self.calls.by_key.get(key).and_then(|call| call.agent.clone());
        let is_abandoned = match rung_at {
            None => self.calls.stop_waiting(key),
            Some(_) => self.rings_in_vain(key),
        };
        if !is_abandoned {
            return;
        }
        self.stats.abandoned += 1;
        self.say_who_called(key);
        match rung_at {
            None => self.fail(key, CallResult::Abandoned),
            Some(agent) => {
                let (_, told) = self.end(key, CallResult::Abandoned);
                self.miss(&agent, told);
            }
        }
    }

    /// The customer hears the message of an abandoned call, if it has one. Some want to be called no more.
    fn say_who_called(&mut self, key: &str) {
        let Some(call) = self.calls.by_key.get(key) else {
            return;
        };
        let Some(message) = &call.abandoned_message else {
            return;
        };
        self.stats.told_who_called += 1;
        if call.draws.opts_out {
            self.stats.opted_out += 1;
            let characters = u64::try_from(message.chars().count()).unwrap_or(u64::MAX);
            let heard = Millis::new(characters.saturating_mul(SPOKEN));
            let wish = Event::Reply("STOP".to_owned());
            let report = Work::report(&call.reporter, wish, false);
            self.due.push((real(heard, self.scale), report));
        }
    }

    /// A call is over without a conversation: the agent who was kept for it is free.
    fn fail(&mut self, key: &str, result: CallResult) {
        let (kept, mut told) = self.end(key, result);
        let freed =
            kept.filter(|agent| self.roster.is(agent, Condition::Free) && !self.roster.is_kept(agent));
        if let Some(agent) = freed {
            self.tell(&agent, AgentEvent::Ready, told);
            self.serve(&agent);
        } else {
            self.due.append(&mut told);
        }
    }

    /// Ends a call without a conversation. Returns who was kept for it, and what is to be told of it.
    fn end(&mut self, key: &str, result: CallResult) -> (Option<String>, Vec<Due>) {
        let Some(call) = self.calls.by_key.remove(key) else {
            return (None, Vec::new());
        };
        let told = reports(&call, &Event::Called(result), self.scale);
        match call.demand {
            Demand::Reserved(agent) if self.roster.release(&agent, &call.activity) => (Some(agent), told),
            _ => (None, told),
        }
    }
}

/// The report of a call's result or end, and its repetition where there is one.
fn reports(call: &Call, event: &Event, scale: f64) -> Vec<Due> {
    let again = match event {
        Event::HungUp => call.course.end_again,
        _ => call.course.result_again,
    };
    let report = |after: Millis, again| {
        (
            real(after, scale),
            Work::report(&call.reporter, event.clone(), again),
        )
    };
    std::iter::once(report(Millis::ZERO, false))
        .chain(again.map(|after| report(after, true)))
        .collect()
}
