//! The adaptive level of VICIdial (`AST_VDadapt.pl`, method `ADAPT_HARD_LIMIT`).

use std::collections::VecDeque;

use pacing::protocol::{Answer, CallEvent, Counts, Event, Line, Pacer, Question};

use super::inbound_first;

/// Seconds between two changes of the level.
const CHANGE: f64 = 15.0;
/// Seconds over which the surplus of agents is averaged.
const MINUTE: f64 = 60.0;
/// The highest level, a usual setting.
const MAX_LEVEL: f64 = 3.0;
/// Answered calls from which on drops are held against the limit.
const GOVERNED_FROM: u64 = 50;
/// Answered calls of a minute from which on its drops can halve the level.
const MINUTE_CALLS: usize = 20;

/// Calls per agent who is ready or talks, raised while agents are ready and lowered while calls wait; 1 once
/// more than the limit is dropped.
#[derive(Clone, Debug)]
pub struct AdaptiveLevel {
    limit: f64,
    level: f64,
    changed: f64,
    /// Ready agents less calls that wait, and agents at work, once a second.
    surplus: VecDeque<(f64, f64, f64)>,
    /// Answered calls of the last minute, and whether they were dropped.
    recent: VecDeque<(f64, bool)>,
    answered: u64,
    dropped: u64,
}

impl Default for AdaptiveLevel {
    fn default() -> Self {
        Self {
            limit: 0.03,
            level: 1.0,
            changed: 0.0,
            surplus: VecDeque::new(),
            recent: VecDeque::new(),
            answered: 0,
            dropped: 0,
        }
    }
}

impl Pacer for AdaptiveLevel {
    fn tell(&mut self, line: &Line) -> Option<Answer> {
        match &line.event {
            Event::Start(start) => self.limit = start.limit,
            Event::Tick => self.tick(line.t, &line.counts),
            Event::Call(_, CallEvent::Connected { .. }) => self.answered(line.t, false),
            Event::Call(_, CallEvent::Abandoned) => self.answered(line.t, true),
            _ => {}
        }
        Some(match line.question? {
            Question::Dial => Answer::Dial(self.dial(&line.counts)),
            Question::Seize => Answer::Seize(inbound_first(&line.counts)),
        })
    }
}

impl AdaptiveLevel {
    fn answered(&mut self, t: f64, dropped: bool) {
        self.answered += 1;
        self.dropped += u64::from(dropped);
        self.recent.push_back((t, dropped));
    }

    fn tick(&mut self, t: f64, counts: &Counts) {
        let count = |count: Option<u32>| f64::from(count.unwrap_or(0));
        let surplus = count(counts.idle) - count(counts.waiting);
        self.surplus.push_back((t, surplus, working(counts)));
        while self.surplus.front().is_some_and(|(old, ..)| t - old >= MINUTE) {
            self.surplus.pop_front();
        }
        while self.recent.front().is_some_and(|(old, _)| t - old >= MINUTE) {
            self.recent.pop_front();
        }
        if t - self.changed >= CHANGE {
            self.changed = t;
            self.change();
        }
    }

    fn change(&mut self) {
        let surplus: f64 = self.surplus.iter().map(|(_, surplus, _)| surplus).sum();
        let agents: f64 = self.surplus.iter().map(|(.., agents)| agents).sum();
        if agents > 0.0 {
            self.level = (self.level * (1.0 + surplus / agents)).clamp(1.0, MAX_LEVEL);
        }
        let dropped = self.recent.iter().filter(|(_, dropped)| *dropped).count();
        if self.recent.len() > MINUTE_CALLS && 2 * dropped > self.recent.len() {
            self.level = (self.level / 2.0).max(1.0);
        }
        if self.answered > GOVERNED_FROM && self.dropped as f64 > self.limit * self.answered as f64 {
            self.level = 1.0;
        }
    }

    fn dial(&self, counts: &Counts) -> u32 {
        let wanted = (self.level * working(counts)).round() as u32;
        let calls = [counts.inflight, counts.talk, counts.waiting];
        let lines: u32 = calls.iter().map(|count| count.unwrap_or(0)).sum();
        wanted.saturating_sub(lines)
    }
}

/// Agents who are ready or talk.
fn working(counts: &Counts) -> f64 {
    f64::from(counts.idle.unwrap_or(0) + counts.talk.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(idle: u32, talk: u32) -> Counts {
        Counts {
            idle: Some(idle),
            talk: Some(talk),
            ..Counts::default()
        }
    }

    #[test]
    fn the_level_rises_with_idle_agents_and_falls_after_a_breach() {
        let mut pacer = AdaptiveLevel::default();
        assert_eq!(pacer.dial(&counts(2, 8)), 2);
        for second in 1..=30 {
            pacer.tick(f64::from(second), &counts(2, 8));
        }
        assert!((pacer.level - 1.44).abs() < 1e-9, "{}", pacer.level);
        assert_eq!(pacer.dial(&counts(2, 8)), 6);
        for call in 0..60 {
            pacer.answered(30.0, call % 20 == 0);
        }
        for second in 31..=45 {
            pacer.tick(f64::from(second), &counts(2, 8));
        }
        assert_eq!(pacer.level, 1.0);
    }
}
