//! Times that are believed.

use pacing::protocol::{Event, Line};

/// A time so many seconds ahead of the last is not believed at once: time does not go back, so that a single wrong one
/// would stop the clock for the rest of the run.
const LEAP: f64 = 3_600.0;
/// It is once so many lines in a row say so.
const CONFIRMED: u32 = 4;

/// The time of the last line, and one that leaps ahead.
#[derive(Default)]
pub(super) struct Clock {
    last: Option<f64>,
    leap: Option<Leap>,
}

struct Leap {
    to: f64,
    lines: u32,
}

impl Clock {
    /// The time that a line counts as of, where that is not what it says.
    pub(super) fn corrects(&mut self, line: &Line, tell: &mut dyn FnMut(String)) -> Option<f64> {
        let t = line.t;
        let last = match self.last {
            Some(last) if !matches!(line.event, Event::Start(_)) => last,
            _ => t,
        };
        if t <= last + LEAP {
            self.last = Some(last.max(t));
            self.leap = None;
            return None;
        }
        let before = self.leap.take().filter(|leap| (t - leap.to).abs() <= LEAP);
        let lines = before.map_or(1, |leap| leap.lines + 1);
        if lines >= CONFIRMED {
            tell(format!(
                "`t` is {t} for {lines} lines: the run goes on from there"
            ));
            self.last = Some(t);
            return None;
        }
        if lines == 1 {
            tell(format!(
                "`t` is {t}, more than {LEAP} after {last}: counted as of {last}, unless further lines say the same"
            ));
        }
        self.leap = Some(Leap { to: t, lines });
        Some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn believed(times: &[f64]) -> (Vec<f64>, usize) {
        let (mut clock, mut told) = (Clock::default(), 0);
        let times = times.iter().map(|t| {
            let line = Line {
                t: *t,
                event: Event::Tick,
                question: None,
                counts: Default::default(),
            };
            clock.corrects(&line, &mut |_| told += 1).unwrap_or(*t)
        });
        (times.collect(), told)
    }

    #[test]
    fn one_absurd_time_does_not_stop_the_clock() {
        let (times, told) = believed(&[0.0, 1.0, 2e9, 2.0, 2e9, 3.0, 2.5, 90_000.0, 4.0]);
        assert_eq!(times, [0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 2.5, 3.0, 4.0]);
        assert_eq!(told, 3);
    }

    #[test]
    fn a_leap_that_lines_confirm_is_believed() {
        let (times, told) = believed(&[0.0, 1.0, 90_000.0, 90_001.0, 90_002.0, 90_003.0, 90_004.0]);
        assert_eq!(times, [0.0, 1.0, 1.0, 1.0, 1.0, 90_003.0, 90_004.0]);
        assert_eq!(told, 2);
    }
}
