//! Conversations and the work after them.

use pacing::protocol::{AgentEvent, CallEvent, Event, Pool};

use super::agenda::What;
use super::{Centre, Unanswered, id};
use crate::fact::{Ending, Party, Phase};
use crate::scenario::{NoticeOf, Remaining};

impl Centre<'_> {
    /// A live call gets an agent.
    pub(super) fn connect(&mut self, call: usize, agent: usize) -> Result<(), Unanswered> {
        let Some(state) = self.calls.get(call) else {
            return Ok(());
        };
        let (party, wait) = (state.party, self.now - state.live_at);
        let seconds = match party {
            Party::Person => self.talk_draw.time(&self.scenario.talk),
            Party::Machine => self.talk_draw.time(&self.scenario.calls.detection.machine_talk),
        };
        self.end(call, Ending::Connected(party, wait));
        self.talk(agent, Pool::Outbound, seconds);
        let agent = id(agent);
        self.ask_dial(Event::Call(id(call), CallEvent::Connected { agent, wait }))
    }

    /// An agent begins to talk, for so many seconds.
    pub(super) fn talk(&mut self, agent: usize, pool: Pool, seconds: f64) {
        let wrap = self.talk_draw.time(&self.scenario.wrap.time);
        if let Some(state) = self.agents.get_mut(agent) {
            state.wrap = wrap;
        }
        self.change(agent, Phase::Talk(pool));
        self.agenda.add(self.now + seconds, What::TalkEnd(agent));
        self.plan_notice(agent, seconds, wrap);
    }

    fn plan_notice(&mut self, agent: usize, talk: f64, wrap: f64) {
        let Some(notice) = self.scenario.notice else {
            return;
        };
        let whole = match notice.of {
            NoticeOf::Talk => talk,
            NoticeOf::Handling => talk + wrap,
        };
        let before = notice.seconds.get();
        if self.talk_draw.chance(notice.share) && whole > before {
            self.agenda
                .add(self.now + whole - before, What::Notice(agent, before));
        }
    }

    pub(super) fn notice(&mut self, agent: usize, left: f64) -> Result<(), Unanswered> {
        self.ask_dial(Event::Agent(id(agent), AgentEvent::AboutToFinish(left)))
    }

    pub(super) fn talk_end(&mut self, agent: usize) -> Result<(), Unanswered> {
        let Some(Phase::Talk(pool)) = self.phase(agent) else {
            return Ok(());
        };
        let wrap = self.agents.get(agent).map_or(0.0, |agent| agent.wrap);
        if wrap <= 0.0 {
            return self.freed(agent);
        }
        self.change(agent, Phase::Wrap(pool));
        self.agenda.add(self.now + wrap, What::Free(agent));
        let left = match self.scenario.wrap.left {
            Remaining::Known => Some(wrap),
            Remaining::Unknown => None,
        };
        self.ask_dial(Event::Agent(id(agent), AgentEvent::WrapStart(left)))
    }
}
