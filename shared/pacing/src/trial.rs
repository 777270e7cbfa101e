//! What a formula would do, shown before it does it: at recorded moments, or at moments made up from a few
//! numbers.
//!
//! A made-up moment is a run of the engine like any other: [`HISTORY_CALLS`] calls with the answer rate and
//! the abandonment of the [`Situation`], conversations of 150 s and wrap-ups of 30 s, then its agents and
//! calls, with ages spread evenly. So names and functions see one and the same floor.

use std::collections::BTreeMap;

use flows::expression::ExpressionProblem;
use serde::{Deserialize, Serialize};

use crate::budget::Window;
use crate::engine::{State, attempt, decide};
use crate::plan::{Mode, Plan};
use crate::protocol::{
    AgentEvent, Answer, CallEvent, Counts, Event, Id, InboundEvent, Line, Pool, Question, Start, Why,
};

/// Most agents, calls or callers of a moment.
pub const MOST: u32 = 1_000;
/// Calls that were dialed before a moment that is made up.
pub const HISTORY_CALLS: u32 = 600;

/// Calls of the history that are dialed at once, and the seconds from one such round to the next.
const ROUND_CALLS: u32 = 20;
const ROUND: f64 = 30.0;
/// Seconds to a person's answer, and to the end of a call that nobody answers.
const ANSWERED: f64 = 10.0;
const GIVEN_UP: f64 = 20.0;
/// Seconds of a conversation and of its wrap-up.
const TALK: f64 = 150.0;
const WRAP: f64 = 30.0;
/// Ages that agents and calls of a moment are spread over.
const AGES: u32 = 5;

/// Which formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// How many calls to start.
    Init,
    /// Whether to seize an agent, or how many.
    Seize,
}

/// A moment, in the numbers that matter most to formulas. What is not given is none, except the answer
/// rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Situation {
    /// Agents on the outbound side who are free.
    pub idle: u32,
    /// Agents in conversation.
    pub talking: u32,
    /// Agents in wrap-up.
    pub wrapping: u32,
    /// Calls dialed and without a verdict.
    pub in_flight: u32,
    /// Live calls without an agent.
    pub waiting: u32,
    /// Contacts that may still be called; none if that is not known.
    pub pending: Option<u32>,
    /// Part of the calls that a person answers, 0.01 to 1; 0.3 unless given.
    pub answer_rate: f64,
    /// Abandoned calls per live call since the beginning, 0 to 1.
    pub abandonment: f64,
    /// Agents of the inbound side who are free.
    pub idle_inbound: u32,
    /// Inbound callers who queue.
    pub queue: u32,
    /// Seconds that the oldest of them has waited.
    pub oldest_wait: f64,
}

impl Default for Situation {
    fn default() -> Self {
        Self {
            idle: 0,
            talking: 0,
            wrapping: 0,
            in_flight: 0,
            waiting: 0,
            pending: None,
            answer_rate: 0.3,
            abandonment: 0.0,
            idle_inbound: 0,
            queue: 0,
            oldest_wait: 0.0,
        }
    }
}

/// A number of a [`Situation`] is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` must be {range}")]
pub struct OutOfRange {
    /// The number, as it is written in JSON.
    pub key: &'static str,
    /// What it may be.
    pub range: String,
}

/// What a formula would have done at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Seconds since the run began.
    pub t: f64,
    /// The moment as the formula read it: rates are the engine's estimates.
    pub seen: Situation,
    /// What the formula decided.
    pub answer: Answer,
    /// What `progressive()` decides, or `credit()` of SEIZE.
    pub usual: Answer,
    /// Why the formula had no value, so that the usual was decided.
    pub failed: Option<String>,
}

/// Tries a formula at each of these moments.
///
/// # Errors
/// What is wrong with the formula, and where.
pub fn evaluate(
    kind: Kind,
    expression: &str,
    parameters: BTreeMap<String, f64>,
    situations: &[Situation],
) -> Result<Vec<Trial>, ExpressionProblem> {
    let plan = Plan::default().with_parameters(parameters);
    let plan = match kind {
        Kind::Init => plan.with_init(expression)?,
        Kind::Seize => plan.with_seize(expression)?,
    };
    let mut histories = BTreeMap::new();
    let trials = situations.iter().filter_map(|situation| {
        let blended = kind == Kind::Seize || situation.idle_inbound > 0 || situation.queue > 0;
        let rates = [situation.answer_rate, situation.abandonment].map(f64::to_bits);
        let history = histories
            .entry((rates, blended))
            .or_insert_with(|| History::of(situation, blended).state);
        let (state, question) = situation.arise(history.clone(), kind);
        at(&plan, &state, &question)
    });
    Ok(trials.collect())
}

/// What a plan would answer to a question in this state, which stays as it is; none if nothing is asked.
pub fn at(plan: &Plan, state: &State, line: &Line) -> Option<Trial> {
    let mut after = state.clone();
    let (answer, failed) = attempt(plan, &mut after, line)?;
    let usual = match line.question? {
        Question::Dial => plan.clone().with_mode(Mode::Progressive).with_credit(),
        Question::Seize => plan.clone().with_credit(),
    };
    let usual = decide(&usual, &mut state.clone(), line)?;
    Some(Trial {
        t: line.t,
        seen: Situation::seen(&after, &line.counts),
        answer,
        usual,
        failed: failed.map(|error| error.to_string()),
    })
}

/// Moments to try a formula at: small and large teams, low and high answer rates, a budget that is
/// unused, nearly spent and overspent, and for SEIZE quiet and busy queues.
pub fn generated(kind: Kind) -> Vec<Situation> {
    match kind {
        Kind::Init => generated_for_init(),
        Kind::Seize => generated_for_seize(),
    }
}

fn generated_for_init() -> Vec<Situation> {
    let mut all = Vec::new();
    for staff in [10, 100] {
        for idle in [staff / 10, staff * 3 / 10] {
            for answer_rate in [0.15, 0.4] {
                for abandonment in [0.0, 0.025, 0.04] {
                    let wrapping = staff / 10;
                    all.push(Situation {
                        idle,
                        wrapping,
                        talking: staff - idle - wrapping,
                        in_flight: idle / 2,
                        answer_rate,
                        abandonment,
                        ..Situation::default()
                    });
                }
            }
        }
    }
    all
}

fn generated_for_seize() -> Vec<Situation> {
    let mut all = Vec::new();
    for staff in [10, 100] {
        for idle_inbound in [1, staff / 5] {
            for queue in [0, 3] {
                for waiting in [0, 1] {
                    let wrapping = staff / 10;
                    all.push(Situation {
                        wrapping,
                        talking: staff - idle_inbound - wrapping,
                        in_flight: staff / 5,
                        waiting,
                        idle_inbound,
                        queue,
                        oldest_wait: f64::from(queue) * 5.0,
                        ..Situation::default()
                    });
                }
            }
        }
    }
    all
}

impl Situation {
    /// Whether every number is in its range.
    ///
    /// # Errors
    /// The first number that is not.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let out = |key, range: &str| {
            Err(OutOfRange {
                key,
                range: range.to_owned(),
            })
        };
        for (key, count) in [
            ("idle", self.idle),
            ("talking", self.talking),
            ("wrapping", self.wrapping),
            ("inFlight", self.in_flight),
            ("waiting", self.waiting),
            ("idleInbound", self.idle_inbound),
            ("queue", self.queue),
        ] {
            if count > MOST {
                return out(key, &format!("0 to {MOST}"));
            }
        }
        if !(0.01..=1.0).contains(&self.answer_rate) {
            return out("answerRate", "0.01 to 1");
        }
        if !(0.0..=1.0).contains(&self.abandonment) {
            return out("abandonment", "0 to 1");
        }
        if !(0.0..=86_400.0).contains(&self.oldest_wait) {
            return out("oldestWait", "0 to 86400 seconds");
        }
        Ok(())
    }

    /// Agents, calls and callers together: what a moment costs to make up.
    pub fn people(&self) -> u64 {
        [
            self.idle,
            self.talking,
            self.wrapping,
            self.in_flight,
            self.waiting,
            self.idle_inbound,
            self.queue,
        ]
        .map(u64::from)
        .iter()
        .sum()
    }

    /// The numbers that a formula reads in this state.
    fn seen(state: &State, counts: &Counts) -> Self {
        let moment = state.moment(counts);
        Self {
            idle: moment.idle,
            talking: moment.talk,
            wrapping: moment.wrap,
            in_flight: moment.in_flight,
            waiting: moment.waiting,
            pending: moment.pending,
            answer_rate: state.demand().answer_rate(),
            abandonment: state.budget().tally(Window::Life).share(),
            idle_inbound: moment.idle_in,
            queue: moment.in_queue,
            oldest_wait: moment.in_wait,
        }
    }

    /// Lets the agents and calls of this moment come about, and asks.
    fn arise(&self, history: State, kind: Kind) -> (State, Line) {
        let mut run = History {
            state: history,
            plan: Plan::default(),
        };
        let now = run.state.now() + TALK + WRAP;
        let mut events = Vec::new();
        let agents = [self.idle, self.talking, self.wrapping, self.idle_inbound];
        let names = (0u32..).map(|name| Id::Text(format!("agent {name}").into()));
        for ((name, phase), place) in names.zip(phases(agents)).zip(0..) {
            let age = f64::from(place % AGES) / f64::from(AGES);
            let agent = |event| Step::Happens(Event::Agent(name.clone(), event));
            let came = now - TALK - WRAP;
            let pool = if phase == 3 { Pool::Inbound } else { Pool::Outbound };
            events.push((came, agent(AgentEvent::LogOn)));
            events.push((came, agent(AgentEvent::Available(Some(pool)))));
            match phase {
                1 => events.push((now - TALK * age, Step::Talk(name))),
                2 => {
                    let wraps = agent(AgentEvent::WrapStart(None));
                    events.push((now - WRAP * age, wraps));
                    events.push((now - WRAP * age - TALK, Step::Talk(name)));
                }
                _ => {}
            }
        }
        for call in 0..self.in_flight {
            let age = GIVEN_UP * f64::from(call % AGES) / f64::from(AGES);
            let id = Id::Text(format!("in flight {call}").into());
            events.push((now - age, Step::Happens(Event::Call(id, CallEvent::Dialed))));
        }
        for caller in 0..self.queue {
            let id = Id::Text(format!("caller {caller}").into());
            let queues = Event::Inbound(id, InboundEvent::Queued);
            events.push((now - self.oldest_wait.min(TALK), Step::Happens(queues)));
        }
        events.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        for (t, step) in events {
            match step {
                Step::Happens(event) => run.tell(t, event),
                Step::Talk(agent) => {
                    run.tell(t, Event::Tick);
                    run.state.converses(&agent);
                }
            }
        }
        (run.state, self.question(kind, now))
    }

    fn question(&self, kind: Kind, t: f64) -> Line {
        let (event, question) = match kind {
            Kind::Init => (Event::Tick, Question::Dial),
            Kind::Seize => {
                let (agent, why, pool) = (None, Why::Review, Pool::Inbound);
                (Event::SeizeQuery { agent, why, pool }, Question::Seize)
            }
        };
        Line {
            t,
            event,
            question: Some(question),
            counts: Counts {
                idle: Some(self.idle),
                talk: Some(self.talking),
                wrap: Some(self.wrapping),
                inflight: Some(self.in_flight),
                waiting: Some(self.waiting),
                idle_in: Some(self.idle_inbound),
                in_queue: Some(self.queue),
                in_wait: Some(self.oldest_wait),
                pending: self.pending,
            },
        }
    }
}

/// So many of each phase, in turn.
fn phases(counts: [u32; 4]) -> impl Iterator<Item = usize> {
    counts
        .into_iter()
        .enumerate()
        .flat_map(|(phase, count)| (0..count).map(move |_| phase))
}

/// How a moment comes about.
enum Step {
    Happens(Event),
    /// An agent is in conversation. Of the call nothing is told: the history has counted enough of them.
    Talk(Id),
}

/// A run that has been going on for a while.
struct History {
    state: State,
    plan: Plan,
}

impl History {
    fn of(situation: &Situation, blended: bool) -> Self {
        let plan = Plan::default();
        let run = Start {
            blended,
            ..Start::default()
        };
        let mut history = Self {
            state: State::new(&plan, run, 0.0),
            plan,
        };
        let mut events = Vec::new();
        let mut live = 0;
        for call in 0..HISTORY_CALLS {
            let dialed = f64::from(call / ROUND_CALLS) * ROUND;
            let id = Id::from(u64::from(call));
            let mut happens = |after: f64, event| events.push((dialed + after, event));
            happens(0.0, Event::Call(id.clone(), CallEvent::Dialed));
            if !counts(call, situation.answer_rate) {
                happens(GIVEN_UP, Event::Call(id, CallEvent::NoAnswer));
                continue;
            }
            live += 1;
            if counts(live - 1, situation.abandonment) {
                happens(ANSWERED, Event::Call(id, CallEvent::Abandoned));
                continue;
            }
            let agent = |event| Event::Agent(id.clone(), event);
            let connected = CallEvent::Connected {
                agent: id.clone(),
                wait: 0.0,
            };
            happens(ANSWERED, agent(AgentEvent::LogOn));
            happens(ANSWERED, Event::Call(id.clone(), connected));
            happens(ANSWERED + TALK, agent(AgentEvent::WrapStart(None)));
            happens(ANSWERED + TALK + WRAP, agent(AgentEvent::Available(None)));
            happens(ANSWERED + TALK + WRAP, agent(AgentEvent::LogOff));
        }
        events.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        for (t, event) in events {
            history.tell(t, event);
        }
        history
    }

    fn tell(&mut self, t: f64, event: Event) {
        let line = Line {
            t,
            event,
            question: None,
            counts: Counts::default(),
        };
        decide(&self.plan, &mut self.state, &line);
    }
}

/// Whether the one at this place is one of a share, spread evenly.
fn counts(place: u32, share: f64) -> bool {
    let before = |place: u32| libm::floor(f64::from(place) * share + 1e-9);
    before(place + 1) > before(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(formula: &str, situation: Situation) -> Trial {
        let trials = evaluate(Kind::Init, formula, BTreeMap::new(), &[situation]).unwrap();
        trials.into_iter().next().unwrap()
    }

    #[test]
    fn a_made_up_moment_is_seen_as_it_was_made() {
        for made in generated(Kind::Init) {
            let Trial { seen, failed, .. } = tried("agents.talking", made);
            assert!(
                (seen.answer_rate / made.answer_rate - 1.0).abs() < 0.3,
                "{seen:?} of {made:?}"
            );
            assert!(
                (seen.abandonment - made.abandonment).abs() < 0.012,
                "{seen:?} of {made:?}"
            );
            let counted = Situation {
                answer_rate: seen.answer_rate,
                abandonment: seen.abandonment,
                ..made
            };
            assert_eq!((seen, failed), (counted, None));
        }
    }

    #[test]
    fn what_a_formula_would_do_stands_beside_the_usual() {
        let situation = Situation {
            idle: 3,
            talking: 20,
            ..Situation::default()
        };
        let trial = tried("power(2)", situation);
        assert_eq!((trial.answer, trial.usual), (Answer::Dial(6), Answer::Dial(3)));
        let trial = tried("power(2) / calls.ringing", situation);
        assert_eq!(trial.answer, Answer::Dial(3));
        assert_eq!(trial.failed.as_deref(), Some("division by zero"));
        // An unspent budget lets predictive dial more, an overspent one does not.
        let unspent = Situation {
            talking: 60,
            ..situation
        };
        let spent = Situation {
            abandonment: 0.06,
            ..unspent
        };
        assert_eq!(tried("predictive(1)", spent).answer, Answer::Dial(3));
        assert_ne!(tried("predictive(1)", unspent).answer, Answer::Dial(3));
    }

    #[test]
    fn a_count_of_seized_agents_is_tried_too() {
        let situations = generated(Kind::Seize);
        let answers = |formula: &str| -> Vec<Answer> {
            let trials = evaluate(Kind::Seize, formula, BTreeMap::new(), &situations).unwrap();
            trials.into_iter().map(|trial| trial.answer).collect()
        };
        assert!(
            answers("1000")
                .iter()
                .all(|answer| *answer == Answer::Seize(Pool::Outbound))
        );
        assert!(
            answers("false")
                .iter()
                .all(|answer| *answer == Answer::Seize(Pool::Inbound))
        );
        let mixed = answers("threshold(2)");
        assert!(
            mixed.contains(&Answer::Seize(Pool::Outbound)) && mixed.contains(&Answer::Seize(Pool::Inbound))
        );
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let check = |situation: Situation| situation.check().unwrap_err().to_string();
        let usual = Situation::default;
        assert_eq!(
            check(Situation {
                idle: 1_001,
                ..usual()
            }),
            "`idle` must be 0 to 1000"
        );
        let rate = check(Situation {
            answer_rate: f64::NAN,
            ..usual()
        });
        assert_eq!(rate, "`answerRate` must be 0.01 to 1");
        assert!(
            generated(Kind::Init)
                .iter()
                .chain(&generated(Kind::Seize))
                .all(|made| made.check().is_ok())
        );
    }
}
