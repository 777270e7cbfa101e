//! The centre: an agenda of what is due, and what happens then.

mod agenda;
mod agents;
mod calls;
mod floor;
mod inbound;
mod talk;

use std::collections::VecDeque;

use pacing::protocol::{Answer, Counts, Event, Line, Pacer, Pool, Question, Start};

use crate::draw::{Draw, Stream};
use crate::fact::{Ending, Fact};
use crate::readings::Readings;
use crate::scenario::Scenario;
use agenda::{Agenda, What};
use agents::Agent;
use calls::Call;
use floor::Floor;

/// The pacer did not answer a question.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("no fitting answer to the question at {t} s")]
pub struct Unanswered {
    /// Seconds since the run began.
    pub t: f64,
}

/// Runs a scenario with a pacer; every fact is told as it happens, with its time in seconds.
///
/// # Errors
/// If the pacer leaves a question without an answer, or answers another one.
pub fn simulate(
    scenario: &Scenario,
    readings: Readings,
    seed: u64,
    pacer: &mut dyn Pacer,
    told: &mut dyn FnMut(f64, Fact),
) -> Result<(), Unanswered> {
    Centre::new(scenario, readings, seed, pacer, told).run()
}

/// Seconds between two looks at idle agents.
const REVIEW: f64 = 5.0;

struct Centre<'a> {
    scenario: &'a Scenario,
    readings: Readings,
    pacer: &'a mut dyn Pacer,
    told: &'a mut dyn FnMut(f64, Fact),
    now: f64,
    agenda: Agenda,
    floor: Floor,
    agents: Vec<Agent>,
    calls: Vec<Call>,
    /// Calls without a verdict.
    in_flight: u32,
    /// Live calls without an agent, oldest first.
    waiting: VecDeque<usize>,
    contacts_left: Option<u32>,
    inbound: Vec<inbound::Caller>,
    /// Inbound callers who queue, oldest first.
    queue: VecDeque<usize>,
    staff_draw: Draw,
    calls_draw: Draw,
    talk_draw: Draw,
    inbound_draw: Draw,
}

impl<'a> Centre<'a> {
    fn new(
        scenario: &'a Scenario,
        readings: Readings,
        seed: u64,
        pacer: &'a mut dyn Pacer,
        told: &'a mut dyn FnMut(f64, Fact),
    ) -> Self {
        Self {
            scenario,
            readings,
            pacer,
            told,
            now: 0.0,
            agenda: Agenda::default(),
            floor: Floor::default(),
            agents: Vec::new(),
            calls: Vec::new(),
            in_flight: 0,
            waiting: VecDeque::new(),
            contacts_left: scenario.contacts,
            inbound: Vec::new(),
            queue: VecDeque::new(),
            staff_draw: Draw::new(seed, Stream::Staff),
            calls_draw: Draw::new(seed, Stream::Calls),
            talk_draw: Draw::new(seed, Stream::Talk),
            inbound_draw: Draw::new(seed, Stream::Inbound),
        }
    }

    fn run(&mut self) -> Result<(), Unanswered> {
        self.tell(Event::Start(self.start()));
        self.hire();
        self.expect_inbound();
        self.agenda.add(1.0, What::Tick);
        if self.blended() {
            self.agenda.add(REVIEW, What::Review);
        }
        let end = self.scenario.duration.get();
        while let Some((at, what)) = self.agenda.next_before(end) {
            self.now = at;
            self.happen(what)?;
            if self.complete() {
                self.finish();
                return Ok(());
            }
        }
        self.now = end;
        self.finish();
        Ok(())
    }

    fn start(&self) -> Start {
        let scenario = self.scenario;
        Start {
            limit: scenario.limit.get(),
            abandon_wait: scenario.abandon_wait.get(),
            ring_max: scenario.calls.ring_max.get(),
            agents_max: scenario.agents(),
            blended: self.blended(),
            duration: Some(scenario.duration.get()),
            max_lines_per_agent: scenario.lines_per_agent.get(),
            in_sla: scenario.inbound.as_ref().map(|inbound| inbound.sla.get()),
            ..Start::default()
        }
    }

    fn happen(&mut self, what: What) -> Result<(), Unanswered> {
        match what {
            What::Tick => {
                self.agenda.add(self.now + 1.0, What::Tick);
                self.ask_dial(Event::Tick)
            }
            What::Review => {
                self.agenda.add(self.now + REVIEW, What::Review);
                self.review()
            }
            What::LogOn(agent) => self.log_on(agent),
            What::Leave(agent, wish) => {
                self.wish(agent, wish);
                Ok(())
            }
            What::Back(agent) => self.back(agent),
            What::TalkEnd(agent) => self.talk_end(agent),
            What::Free(agent) => self.freed(agent),
            What::Notice(agent, left) => self.notice(agent, left),
            What::Call(call, stage) => self.call(call, stage),
            What::InboundArrival => self.inbound_arrival(),
            What::Patience(caller) => {
                self.inbound_gives_up(caller);
                Ok(())
            }
        }
    }

    /// Whether every contact has been called and every call is over.
    fn complete(&self) -> bool {
        self.contacts_left == Some(0)
            && !self.blended()
            && self.in_flight == 0
            && self.waiting.is_empty()
            && self.floor.busy() == 0
    }

    /// What is still open is cut, and the pacer told that the run is over.
    fn finish(&mut self) {
        for call in 0..self.calls.len() {
            if self.calls.get(call).is_some_and(Call::is_open) {
                self.fact(Fact::Ended(call, Ending::Cut));
            }
        }
        self.fact(Fact::End);
        self.tell(Event::End);
    }

    fn blended(&self) -> bool {
        self.scenario.inbound.is_some()
    }

    fn fact(&mut self, fact: Fact) {
        (self.told)(self.now, fact);
    }

    /// Tells a line that is not answered.
    fn tell(&mut self, event: Event) {
        let line = Line {
            t: self.now,
            event,
            question: None,
            counts: Counts::default(),
        };
        self.pacer.tell(&line);
    }

    /// Asks how many calls to start now, and starts them.
    fn ask_dial(&mut self, event: Event) -> Result<(), Unanswered> {
        let line = Line {
            t: self.now,
            event,
            question: Some(Question::Dial),
            counts: self.counts(),
        };
        let Some(Answer::Dial(calls)) = self.pacer.tell(&line) else {
            return Err(Unanswered { t: self.now });
        };
        self.dial(calls);
        Ok(())
    }

    /// Asks which side an agent is to serve.
    fn ask_seize(&mut self, event: Event) -> Result<Pool, Unanswered> {
        let line = Line {
            t: self.now,
            event,
            question: Some(Question::Seize),
            counts: Counts {
                in_wait: Some(self.oldest_wait()),
                ..self.counts()
            },
        };
        match self.pacer.tell(&line) {
            Some(Answer::Seize(pool)) => Ok(pool),
            _ => Err(Unanswered { t: self.now }),
        }
    }

    fn counts(&self) -> Counts {
        let length = |count: usize| Some(u32::try_from(count).unwrap_or(u32::MAX));
        let blended = self.blended();
        Counts {
            idle: length(self.floor.idle(Pool::Outbound)),
            talk: Some(self.floor.talking(self.readings.busy)),
            wrap: Some(self.floor.wrapping(self.readings.busy)),
            inflight: Some(self.in_flight),
            waiting: length(self.waiting.len()),
            idle_in: length(self.floor.idle(Pool::Inbound)).filter(|_| blended),
            in_queue: length(self.queue.len()).filter(|_| blended),
            pending: self.contacts_left,
            ..Counts::default()
        }
    }
}

/// The protocol's name of an agent or a call.
fn id(place: usize) -> pacing::protocol::Id {
    pacing::protocol::Id::from(place as u64)
}
