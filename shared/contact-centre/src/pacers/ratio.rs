//! Progressive and power dialing without the engine: so many lines per free agent, rounded up; inbound first.

use pacing::protocol::{Answer, Counts, Line, Pacer, Question};

use super::inbound_first;

/// One line per free agent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progressive;

impl Pacer for Progressive {
    fn tell(&mut self, line: &Line) -> Option<Answer> {
        Power::new(1.0).tell(line)
    }
}

/// A fixed number of lines per free agent, rounded up.
#[derive(Clone, Copy, Debug)]
pub struct Power {
    ratio: f64,
}

impl Power {
    /// So many lines per free agent.
    pub fn new(ratio: f64) -> Self {
        Self { ratio }
    }

    fn dial(self, counts: &Counts) -> u32 {
        let free = counts
            .idle
            .unwrap_or(0)
            .saturating_sub(counts.waiting.unwrap_or(0));
        let lines = (f64::from(free) * self.ratio).ceil() as u32;
        lines.saturating_sub(counts.inflight.unwrap_or(0))
    }
}

impl Pacer for Power {
    fn tell(&mut self, line: &Line) -> Option<Answer> {
        Some(match line.question? {
            Question::Dial => Answer::Dial(self.dial(&line.counts)),
            Question::Seize => Answer::Seize(inbound_first(&line.counts)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_free_agents() {
        let counts = Counts {
            idle: Some(5),
            waiting: Some(2),
            inflight: Some(2),
            ..Counts::default()
        };
        assert_eq!(Power::new(1.0).dial(&counts), 1);
        assert_eq!(Power::new(1.5).dial(&counts), 3);
        assert_eq!(Power::new(3.0).dial(&counts), 7);
    }
}
