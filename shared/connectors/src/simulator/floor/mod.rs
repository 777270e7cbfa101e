//! The floor: agents, and the routing engine that brings answered calls to them.
//!
//! A call that a person answers needs an agent where its `dialing` says so: the one whom `assignTo` names,
//! as the product has reserved that agent for it, else whoever of the skill group has been free for longest.
//! Nobody in time makes it an abandoned call. Whatever agents do is told to the product as agent events, in
//! their order, one batch at a time: `busy` before `CONNECTED`, and `ready` before the result of a call for
//! which the agent was kept in vain, so that an agent whom the product reserves anew on that result is not
//! freed by an event from before.
//!
//! The floor is a state machine without a clock: moments come in, work that is due later comes out, and the
//! courier brings both together.

mod agents;
mod calls;
mod config;
mod desk;
mod outbox;
mod previews;
mod routing;
mod stats;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use domain::agent::{AgentEvent, Seconds};
use domain::time::{Millis, Timestamp};

pub use config::{Breaks, FloorAgent, FloorConfig, Previews};
pub use stats::{AgentCount, FloorStats};

pub(super) use desk::{look_for_offers, tell_agents};
pub(super) use previews::Decision;
pub(super) use routing::Errand;

use super::courier::{Reporter, Work, real};
use super::script::Course;
use agents::{Condition, Roster};
use outbox::Outbox;
use routing::{Call, Calls, Demand, Draws};

/// Work, and after how much real time.
pub(super) type Due = (Duration, Work);

/// Something that happens on the floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The agents come to work.
    Opened,
    /// A call has come out.
    Result(String),
    /// Who answered has waited long enough.
    WaitOver(String),
    /// A conversation will soon be over.
    AboutToFinish(String),
    /// A conversation is over.
    TalkOver(String),
    /// An agent has finished up; a break may follow.
    WrapUpOver { agent: String, pause: Option<Millis> },
    /// An agent is back from a break, or at the desk again.
    Back(String),
    /// The time of a preview that the agent ignores is up.
    PreviewOver(String, previews::Offer),
}

#[derive(Debug)]
pub(super) struct Floor {
    config: FloorConfig,
    seed: u64,
    scale: f64,
    now: Timestamp,
    is_open: bool,
    roster: Roster,
    calls: Calls,
    previews: previews::Seen,
    outbox: Outbox,
    stats: FloorStats,
    due: Vec<Due>,
}

impl Floor {
    pub(super) fn new(config: FloorConfig, seed: u64, scale: f64) -> Self {
        Self {
            roster: Roster::new(&config.agents),
            stats: FloorStats::of(&config.agents),
            config,
            seed,
            scale,
            now: Timestamp::default(),
            is_open: false,
            calls: Calls::default(),
            previews: previews::Seen::default(),
            outbox: Outbox::default(),
            due: Vec::new(),
        }
    }

    pub(super) fn stats(&self) -> FloorStats {
        self.stats.clone()
    }

    /// A call is to be dialed that will come out so. Its agent is kept for it from now on.
    pub(super) fn arrive(
        &mut self,
        key: &str,
        errand: Errand,
        course: Course,
        latency: Millis,
        reporter: Arc<dyn Reporter>,
    ) -> Vec<Due> {
        let activity = errand.activity.unwrap_or_else(|| key.to_owned());
        if let Demand::Reserved(agent) = &errand.demand {
            self.leave_preview(agent, &activity);
            let asked = self.config.previews.is_none() || self.previews.was_accepted(agent, &activity);
            self.stats.unasked += u64::from(!asked);
            let kept = self.roster.keep(agent, &activity);
            self.stats.reserved(agent, kept);
        }
        let after = latency.duration() + real(course.after, self.scale);
        self.due
            .push((after, Work::Floor(Moment::Result(key.to_owned()))));
        let draws = Draws::of(&self.config, self.seed, key);
        let call = Call {
            activity,
            demand: errand.demand,
            course,
            draws,
            abandoned_message: errand.abandoned_message,
            reporter,
            agent: None,
        };
        self.calls.by_key.insert(key.to_owned(), call);
        self.work_out()
    }

    /// Something happens now.
    pub(super) fn happen(&mut self, moment: &Moment, now: Timestamp) -> Vec<Due> {
        self.now = now;
        match moment {
            Moment::Opened => self.open(),
            Moment::Result(key) => self.come_out(key),
            Moment::WaitOver(key) => self.abandon(key),
            Moment::AboutToFinish(key) => self.announce(key),
            Moment::TalkOver(key) => self.hang_up(key),
            Moment::WrapUpOver { agent, pause } => self.finish(agent, *pause),
            Moment::Back(agent) => self.be_free(agent),
            Moment::PreviewOver(agent, offer) => self.preview_over(agent, offer),
        }
        self.work_out()
    }

    /// What is to be done, the telling of agent events included.
    fn work_out(&mut self) -> Vec<Due> {
        if self.outbox.begin() {
            self.due.push((Duration::ZERO, Work::AgentEvents { tries: 0 }));
        }
        std::mem::take(&mut self.due)
    }

    fn later(&mut self, after: Millis, moment: Moment) {
        self.due.push((real(after, self.scale), Work::Floor(moment)));
    }

    fn tell(&mut self, agent: &str, event: AgentEvent, then: Vec<Due>) {
        let sequence = self.roster.next_sequence(agent, self.now);
        self.outbox.put(agent, sequence, self.now, event, then);
    }

    /// A simulated span as the product is told it.
    fn seconds(&self, span: Millis) -> Option<Seconds> {
        Seconds::new(real(span, self.scale).as_secs_f64()).ok()
    }

    fn open(&mut self) {
        for agent in self.roster.ids() {
            if self.roster.is(&agent, Condition::Off) {
                self.tell(&agent, AgentEvent::LogOn, Vec::new());
                self.be_free(&agent);
            }
        }
        if self.config.previews.is_some() && !self.is_open {
            self.due.push((Duration::ZERO, Work::Offers));
        }
        self.is_open = true;
    }

    /// An agent is free. Whoever waits comes before the next call.
    fn be_free(&mut self, agent: &str) {
        self.roster.set(agent, Condition::Free);
        // The product has reserved an agent who is kept: `ready` would undo that.
        if !self.roster.is_kept(agent) {
            self.tell(agent, AgentEvent::Ready, Vec::new());
        }
        self.serve(agent);
    }

    fn serve(&mut self, agent: &str) {
        if let Some(key) = self.calls.next_for(agent, &self.roster) {
            self.offer(&key, agent);
        }
    }

    fn finish(&mut self, agent: &str, pause: Option<Millis>) {
        let Some(pause) = pause else {
            return self.be_free(agent);
        };
        self.roster.set(agent, Condition::Away);
        let reason = Some("break".to_owned());
        self.tell(agent, AgentEvent::Break { reason }, Vec::new());
        self.later(pause, Moment::Back(agent.to_owned()));
    }

    /// An agent has not taken what was offered.
    fn miss(&mut self, agent: &str, then: Vec<Due>) {
        self.roster.set(agent, Condition::Away);
        self.stats.missed(agent);
        self.tell(agent, AgentEvent::Missed, then);
        self.later(self.config.missed_pause, Moment::Back(agent.to_owned()));
    }
}
