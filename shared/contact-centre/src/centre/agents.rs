//! Agents come, go, rest, and get free.

use pacing::protocol::{AgentEvent, Event, Pool, Why};

use super::agenda::What;
use super::{Centre, Unanswered, id};
use crate::fact::{Fact, Phase};
use crate::readings::Order;
use crate::scenario::Group;

/// An agent.
pub(super) struct Agent {
    pub(super) phase: Phase,
    /// What the agent will do when free.
    wish: Option<Wish>,
    /// The place of the agent's group.
    group: usize,
    /// Seconds of wrap-up after the call at hand, drawn with it.
    pub(super) wrap: f64,
}

/// What an agent wants to do when free.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wish {
    /// A break of so many seconds.
    Break(f64),
    /// To log off, and to come back after so many seconds.
    Away(f64),
    /// To log off for good.
    Leave,
}

impl Wish {
    /// What ranks higher replaces what is wished already.
    fn rank(self) -> u8 {
        match self {
            Self::Break(_) => 1,
            Self::Away(_) => 2,
            Self::Leave => 3,
        }
    }
}

impl Centre<'_> {
    /// Plans everybody's shift.
    pub(super) fn hire(&mut self) {
        let scenario = self.scenario;
        for (place, group) in scenario.staff.iter().enumerate() {
            for _ in 0..group.agents {
                self.agents.push(Agent {
                    phase: Phase::Off,
                    wish: None,
                    group: place,
                    wrap: 0.0,
                });
                self.plan(self.agents.len() - 1, group);
            }
        }
    }

    fn plan(&mut self, agent: usize, group: &Group) {
        let late = self.staff_draw.between(0.0, group.spread.get());
        self.agenda.add(group.from.get() + late, What::LogOn(agent));
        if let Some(until) = group.until {
            self.agenda
                .add(until.get() + late, What::Leave(agent, Wish::Leave));
        }
        for rest in &group.breaks {
            let late = self.staff_draw.between(0.0, rest.spread.get());
            let wish = Wish::Break(rest.seconds.get());
            self.agenda.add(rest.at.get() + late, What::Leave(agent, wish));
        }
    }

    pub(super) fn log_on(&mut self, agent: usize) -> Result<(), Unanswered> {
        let stays = self
            .agents
            .get(agent)
            .filter(|agent| agent.wish != Some(Wish::Leave));
        let Some(group) = stays.and_then(|agent| self.scenario.staff.get(agent.group)) else {
            return Ok(());
        };
        if let Some(churn) = group.churn {
            let stay = self.staff_draw.time(&churn.stay);
            let away = self.staff_draw.time(&churn.away);
            self.agenda
                .add(self.now + stay, What::Leave(agent, Wish::Away(away)));
        }
        self.tell(Event::Agent(id(agent), AgentEvent::LogOn));
        self.freed(agent)
    }

    /// An agent wants to go: at once if idle, else when free.
    pub(super) fn wish(&mut self, agent: usize, wish: Wish) {
        let Some(state) = self.agents.get_mut(agent) else {
            return;
        };
        // Who is away or resting has no break to take; who leaves for good does nothing else.
        let gone = matches!(state.phase, Phase::Off | Phase::Break);
        if wish.rank() > u8::from(gone) && state.wish.is_none_or(|old| wish.rank() > old.rank()) {
            state.wish = Some(wish);
        }
        if matches!(state.phase, Phase::Idle(_) | Phase::Break) {
            self.go(agent);
        }
    }

    /// Does what the agent wishes.
    fn go(&mut self, agent: usize) {
        let Some(wish) = self.agents.get_mut(agent).and_then(|agent| match agent.wish {
            // Leaving is remembered, so that the agent does not come back.
            Some(Wish::Leave) => agent.wish,
            _ => agent.wish.take(),
        }) else {
            return;
        };
        let event = match wish {
            Wish::Break(seconds) => {
                self.change(agent, Phase::Break);
                self.agenda.add(self.now + seconds, What::Back(agent));
                AgentEvent::Break
            }
            Wish::Away(seconds) => {
                self.change(agent, Phase::Off);
                self.agenda.add(self.now + seconds, What::LogOn(agent));
                AgentEvent::LogOff
            }
            Wish::Leave => {
                self.change(agent, Phase::Off);
                AgentEvent::LogOff
            }
        };
        self.tell(Event::Agent(id(agent), event));
    }

    /// The break is over.
    pub(super) fn back(&mut self, agent: usize) -> Result<(), Unanswered> {
        if self.phase(agent) != Some(Phase::Break) {
            return Ok(());
        }
        self.tell(Event::Agent(id(agent), AgentEvent::Back));
        self.freed(agent)
    }

    /// An agent has nothing to do: goes as wished, or is ready for the next call.
    pub(super) fn freed(&mut self, agent: usize) -> Result<(), Unanswered> {
        if self.agents.get(agent).is_some_and(|agent| agent.wish.is_some()) {
            self.go(agent);
            return Ok(());
        }
        let pool = self.side_of_freed(agent)?;
        self.change(agent, Phase::Idle(pool));
        let serves = match pool {
            Pool::Outbound => !self.waiting.is_empty(),
            Pool::Inbound => !self.queue.is_empty(),
        };
        if !serves || self.readings.order == Order::AvailableFirst {
            let told = self.blended().then_some(pool);
            self.ask_dial(Event::Agent(id(agent), AgentEvent::Available(told)))?;
        }
        self.serve()
    }

    fn side_of_freed(&mut self, agent: usize) -> Result<Pool, Unanswered> {
        if !self.blended() {
            return Ok(Pool::Outbound);
        }
        let pool = match self.phase(agent) {
            Some(Phase::Talk(pool) | Phase::Wrap(pool)) => pool,
            _ => Pool::Inbound,
        };
        self.change(agent, Phase::Free);
        self.seize(agent, Why::Freed, pool)
    }

    pub(super) fn seize(&mut self, agent: usize, why: Why, pool: Pool) -> Result<Pool, Unanswered> {
        self.ask_seize(Event::SeizeQuery {
            agent: Some(id(agent)),
            why,
            pool,
        })
    }

    /// Looks at everybody who is idle.
    pub(super) fn review(&mut self) -> Result<(), Unanswered> {
        for (agent, pool) in self.floor.all_idle() {
            let chosen = self.seize(agent, Why::Review, pool)?;
            if chosen != pool {
                self.change(agent, Phase::Idle(chosen));
            }
        }
        self.serve()
    }

    /// Brings those who wait and those who are idle together.
    pub(super) fn serve(&mut self) -> Result<(), Unanswered> {
        while let (Some(agent), Some(call)) = (
            self.floor.longest_idle(Pool::Outbound),
            self.waiting.front().copied(),
        ) {
            self.waiting.pop_front();
            self.connect(call, agent)?;
        }
        while let (Some(agent), Some(caller)) = (
            self.floor.longest_idle(Pool::Inbound),
            self.queue.front().copied(),
        ) {
            self.queue.pop_front();
            self.inbound_connect(caller, agent);
        }
        Ok(())
    }

    pub(super) fn phase(&self, agent: usize) -> Option<Phase> {
        self.agents.get(agent).map(|agent| agent.phase)
    }

    pub(super) fn change(&mut self, agent: usize, phase: Phase) {
        if let Some(state) = self.agents.get_mut(agent) {
            self.floor.change(agent, state.phase, phase);
            state.phase = phase;
            self.fact(Fact::Agent(agent, phase));
        }
    }
}
