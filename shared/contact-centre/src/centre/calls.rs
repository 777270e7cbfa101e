//! Outbound calls, from dialing to the verdict, and those that wait for an agent.

use pacing::protocol::{CallEvent, Event, Pool, Why};

use super::agenda::What;
use super::{Centre, Unanswered, id};
use crate::fact::{Ending, Fact, Party, Refusal};
use crate::readings::Announcement;
use crate::scenario::Calls;

/// An outbound call.
pub(super) struct Call {
    pub(super) party: Party,
    verdict: Verdict,
    /// When it was taken for a person.
    pub(super) live_at: f64,
    open: bool,
}

impl Call {
    /// Whether it has no ending yet.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }
}

/// What a call that is answered is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Live,
    Machine,
}

/// What becomes of a call next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Busy,
    Invalid,
    Ringing,
    NoAnswer,
    Answered,
    Verdict,
    /// The wait for an agent is over.
    GiveUp,
}

/// What becomes of a dialed number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Busy,
    Invalid,
    NoAnswer,
    Answered(Party),
}

impl Centre<'_> {
    /// Starts so many calls, as far as lines and contacts reach.
    pub(super) fn dial(&mut self, wanted: u32) {
        let lines = f64::from(self.floor.logged_on()) * self.scenario.lines_per_agent.get();
        let free = (lines as u32).saturating_sub(self.in_flight);
        let calls = wanted.min(free);
        self.refuse(wanted - calls, Refusal::Lines);
        let contacts = calls.min(self.contacts_left.unwrap_or(u32::MAX));
        self.refuse(calls - contacts, Refusal::Contacts);
        self.contacts_left = self.contacts_left.map(|left| left - contacts);
        for _ in 0..contacts {
            self.dial_one();
        }
    }

    fn refuse(&mut self, calls: u32, refusal: Refusal) {
        if calls > 0 {
            self.fact(Fact::Refused(calls, refusal));
        }
    }

    fn dial_one(&mut self) {
        let call = self.calls.len();
        let rules = &self.scenario.calls;
        let outcome = self.outcome(rules);
        let setup = self.now + self.calls_draw.time(&rules.setup);
        let mut plan = |at, stage| self.agenda.add(at, What::Call(call, stage));
        let party = match outcome {
            Outcome::Busy => {
                plan(setup, Stage::Busy);
                Party::Machine
            }
            Outcome::Invalid => {
                plan(setup, Stage::Invalid);
                Party::Machine
            }
            Outcome::NoAnswer => {
                plan(setup, Stage::Ringing);
                plan(setup + rules.ring_max.get(), Stage::NoAnswer);
                Party::Machine
            }
            Outcome::Answered(party) => {
                plan(setup, Stage::Ringing);
                let answered = setup + self.ringing(rules, party);
                self.agenda.add(answered, What::Call(call, Stage::Answered));
                let verdict = answered + self.calls_draw.time(&rules.detection.delay);
                self.agenda.add(verdict, What::Call(call, Stage::Verdict));
                party
            }
        };
        let verdict = self.verdict(rules, party);
        self.calls.push(Call {
            party,
            verdict,
            live_at: f64::NAN,
            open: true,
        });
        self.in_flight += 1;
        self.fact(Fact::Dialed(call));
        self.tell(Event::Call(id(call), CallEvent::Dialed));
    }

    fn outcome(&mut self, rules: &Calls) -> Outcome {
        let drawn = self.calls_draw.unit();
        let mut sum = 0.0;
        let mut below = |share: f64| {
            sum += share;
            drawn <= sum
        };
        // Profile and shocks move persons against machines and calls not answered.
        if below(rules.invalid.get()) {
            Outcome::Invalid
        } else if below(rules.busy.get()) {
            Outcome::Busy
        } else if below(rules.live_at(self.now)) {
            Outcome::Answered(Party::Person)
        } else if below(rules.machine.get()) {
            Outcome::Answered(Party::Machine)
        } else {
            Outcome::NoAnswer
        }
    }

    /// Seconds of ringing before an answer, drawn from those that end in time.
    fn ringing(&mut self, rules: &Calls, party: Party) -> f64 {
        let (time, most) = match party {
            Party::Person => (&rules.answer, rules.ring_max.get()),
            Party::Machine => (&rules.machine_answer, rules.ring_max.get()),
        };
        let in_time = (0..REDRAWS)
            .map(|_| self.calls_draw.time(time))
            .find(|seconds| *seconds < most);
        in_time.unwrap_or_else(|| self.calls_draw.between(0.0, most))
    }

    fn verdict(&mut self, rules: &Calls, party: Party) -> Verdict {
        let mistaken = match party {
            Party::Person => rules.detection.person_as_machine,
            Party::Machine => rules.detection.machine_as_person,
        };
        let right = !self.calls_draw.chance(mistaken);
        if (party == Party::Person) == right {
            Verdict::Live
        } else {
            Verdict::Machine
        }
    }

    pub(super) fn call(&mut self, call: usize, stage: Stage) -> Result<(), Unanswered> {
        match stage {
            Stage::Ringing => {
                self.tell(Event::Call(id(call), CallEvent::Ringing));
                Ok(())
            }
            Stage::Answered => {
                self.tell(Event::Call(id(call), CallEvent::Answered));
                Ok(())
            }
            Stage::Busy => self.resolved(call, Ending::Busy, CallEvent::Busy),
            Stage::Invalid => self.resolved(call, Ending::Invalid, CallEvent::Invalid),
            Stage::NoAnswer => self.resolved(call, Ending::NoAnswer, CallEvent::NoAnswer),
            Stage::Verdict => self.judged(call),
            Stage::GiveUp => self.gives_up(call),
        }
    }

    /// A call ends without having been live.
    fn resolved(&mut self, call: usize, ending: Ending, event: CallEvent) -> Result<(), Unanswered> {
        self.in_flight -= 1;
        self.end(call, ending);
        self.ask_dial(Event::Call(id(call), event))
    }

    pub(super) fn end(&mut self, call: usize, ending: Ending) {
        if let Some(state) = self.calls.get_mut(call) {
            state.open = false;
            self.fact(Fact::Ended(call, ending));
        }
    }

    fn judged(&mut self, call: usize) -> Result<(), Unanswered> {
        let Some(state) = self.calls.get_mut(call) else {
            return Ok(());
        };
        if state.verdict == Verdict::Machine {
            let ending = Ending::HungUp(state.party);
            return self.resolved(call, ending, CallEvent::Machine);
        }
        state.live_at = self.now;
        self.in_flight -= 1;
        let agent = self.floor.longest_idle(Pool::Outbound);
        if agent.is_none() || self.readings.announcement == Announcement::EveryLive {
            self.tell(Event::Call(id(call), CallEvent::LiveWaiting));
        }
        match agent {
            Some(agent) => self.connect(call, agent),
            None => self.waits(call),
        }
    }

    fn waits(&mut self, call: usize) -> Result<(), Unanswered> {
        self.waiting.push_back(call);
        let patience = self.scenario.abandon_wait.get();
        self.agenda
            .add(self.now + patience, What::Call(call, Stage::GiveUp));
        let Some(agent) = self.floor.longest_idle(Pool::Inbound) else {
            return Ok(());
        };
        match self.seize(agent, Why::OutboundWaiting, Pool::Inbound)? {
            Pool::Inbound => Ok(()),
            Pool::Outbound => {
                self.change(agent, crate::Phase::Idle(Pool::Outbound));
                self.serve()
            }
        }
    }

    /// The wait is over: the call is abandoned, unless an agent came.
    fn gives_up(&mut self, call: usize) -> Result<(), Unanswered> {
        let Some(place) = self.waiting.iter().position(|waits| *waits == call) else {
            return Ok(());
        };
        self.waiting.remove(place);
        let party = self.calls.get(call).map_or(Party::Person, |call| call.party);
        self.end(call, Ending::Abandoned(party));
        self.ask_dial(Event::Call(id(call), CallEvent::Abandoned))
    }
}

/// Draws of a time that must end before ringing is given up; after them it is drawn evenly.
const REDRAWS: u32 = 32;
