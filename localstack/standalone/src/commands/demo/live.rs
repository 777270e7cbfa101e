//! The campaign while it runs: bars on a terminal, a line now and then elsewhere.

use std::time::{Duration, Instant};

use console::Style;
use domain::activity::state::State;
use domain::channel::Channel;
use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};

use super::recount::Progress;
use super::{CHANNELS, label};

/// Cells of a bar.
const WIDTH: usize = 44;
/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// The span over which the rate is taken.
const RATE_OVER: Duration = Duration::from_millis(1_500);

/// What is shown at a moment.
pub(super) struct Moment<'a> {
    pub(super) progress: &'a Progress,
    /// Contacts of the campaign.
    pub(super) contacts: usize,
    /// Messages sent so far.
    pub(super) sent: usize,
    /// Events told so far.
    pub(super) webhooks: usize,
    /// Lateness in milliseconds: median and 95th percentile.
    pub(super) lateness: (u64, u64),
}

/// A kind of cell: what it stands for, how it looks, the states that it shows.
struct Shade {
    name: &'static str,
    glyph: char,
    style: fn() -> Style,
    states: &'static [State],
}

/// From the best news to the worst. The glyphs differ, too: not every terminal and not every eye has
/// colours.
const SHADES: [Shade; 6] = [
    Shade {
        name: "answered",
        glyph: '█',
        style: || Style::new().green().bright(),
        states: &[State::Replied],
    },
    Shade {
        name: "read",
        glyph: '█',
        style: || Style::new().cyan(),
        states: &[State::Read, State::Connected],
    },
    Shade {
        name: "delivered",
        glyph: '▓',
        style: || Style::new().blue(),
        states: &[State::Delivered],
    },
    Shade {
        name: "sent",
        glyph: '▒',
        style: || Style::new().blue(),
        states: &[State::Sent, State::Unknown],
    },
    Shade {
        name: "waiting",
        glyph: '░',
        style: || Style::new().yellow(),
        states: &[State::Scheduled],
    },
    Shade {
        name: "not sent",
        glyph: '×',
        style: || Style::new().red(),
        states: &[State::Refused, State::Failed, State::Expired, State::Cancelled],
    },
];

/// Shows the campaign.
pub(super) struct View {
    started: Instant,
    /// Moments and messages sent by then, the latest last.
    sent: Vec<(Instant, usize)>,
    shown: Shown,
}

enum Shown {
    Bars {
        _all: MultiProgress,
        lines: Vec<ProgressBar>,
    },
    Lines {
        last: Option<Instant>,
    },
}

impl View {
    /// Starts to show.
    pub(super) fn start() -> Self {
        let shown = if console::user_attended_stderr() {
            let all = MultiProgress::new();
            let style =
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = |_| all.add(ProgressBar::no_length().with_style(style.clone()));
            let lines = (0..CHANNELS.len() + 5).map(line).collect();
            Shown::Bars { _all: all, lines }
        } else {
            Shown::Lines { last: None }
        };
        Self {
            started: Instant::now(),
            sent: Vec::new(),
            shown,
        }
    }

    /// Shows a moment.
    pub(super) fn show(&mut self, moment: &Moment<'_>) {
        let rate = self.rate(moment.sent);
        let elapsed = self.started.elapsed();
        match &mut self.shown {
            Shown::Bars { lines, .. } => {
                for (line, text) in lines.iter().zip(picture(moment, rate, elapsed)) {
                    line.set_message(text);
                }
            }
            Shown::Lines { last } if last.is_none_or(|last| last.elapsed() >= LINE_EVERY) => {
                *last = Some(Instant::now());
                eprintln!(
                    "  {:>3} s  {}; {}",
                    elapsed.as_secs(),
                    conversations(moment),
                    speed(moment, rate)
                );
            }
            Shown::Lines { .. } => {}
        }
    }

    /// Leaves the last picture standing.
    pub(super) fn end(self) {
        if let Shown::Bars { lines, .. } = self.shown {
            lines.iter().for_each(ProgressBar::abandon);
        }
    }

    /// Messages per second, lately.
    fn rate(&mut self, sent: usize) -> u64 {
        let now = Instant::now();
        self.sent.push((now, sent));
        let old = |(at, _): &(Instant, usize)| now.duration_since(*at) > RATE_OVER;
        let keep_from = self.sent.iter().rposition(old).unwrap_or(0);
        self.sent.drain(..keep_from);
        let Some((since, before)) = self.sent.first() else {
            return 0;
        };
        let millis = u64::try_from(now.duration_since(*since).as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        (sent.saturating_sub(*before) as u64).saturating_mul(1_000) / millis
    }
}

/// The lines of a terminal.
fn picture(moment: &Moment<'_>, rate: u64, elapsed: Duration) -> Vec<String> {
    // An empty message takes no line.
    let blank = || " ".to_owned();
    let mut lines = vec![blank()];
    for channel in CHANNELS {
        let total = moment.progress.in_states(channel, &State::ALL);
        let count = HumanCount(total as u64).to_string();
        lines.push(format!(
            "  {:<9} {} {count:>6}",
            label(channel),
            bar(moment.progress, channel, moment.contacts)
        ));
    }
    let legend = SHADES
        .iter()
        .map(|shade| format!("{} {}", painted(shade, 1), shade.name));
    lines.push(format!("            {}", legend.collect::<Vec<_>>().join("  ")));
    lines.push(blank());
    lines.push(format!(
        "  {:>5} s   Conversations: {}",
        elapsed.as_secs(),
        conversations(moment)
    ));
    lines.push(format!("            {}", speed(moment, rate)));
    lines
}

fn conversations(moment: &Moment<'_>) -> String {
    let (started, running) = (moment.progress.started(), moment.progress.running());
    let count = |count: i64| HumanCount(u64::try_from(count).unwrap_or(0));
    format!(
        "{} of {} begun, {} running, {} ended",
        count(started),
        HumanCount(moment.contacts as u64),
        count(running),
        count(started - running)
    )
}

fn speed(moment: &Moment<'_>, rate: u64) -> String {
    let (median, most) = moment.lateness;
    format!(
        "{rate} messages/s, {median} ms late (95 %: {most} ms), {} webhooks",
        HumanCount(moment.webhooks as u64)
    )
}

fn painted(shade: &Shade, cells: usize) -> String {
    let text: String = std::iter::repeat_n(shade.glyph, cells).collect();
    (shade.style)().for_stderr().apply_to(text).to_string()
}

/// A channel's activities by state; the whole width is one for every contact.
fn bar(progress: &Progress, channel: Channel, contacts: usize) -> String {
    let counts: Vec<usize> = SHADES
        .iter()
        .map(|shade| progress.in_states(channel, shade.states))
        .collect();
    let cells = cells(&counts, contacts);
    let painted: String = SHADES
        .iter()
        .zip(&cells)
        .map(|(shade, cells)| painted(shade, *cells))
        .collect();
    let rest = WIDTH.saturating_sub(cells.iter().sum());
    format!("{painted}{}", " ".repeat(rest))
}

/// How many cells each count gets: its share of the width, rounded so that the sum is right.
fn cells(counts: &[usize], whole: usize) -> Vec<usize> {
    let whole = whole.max(counts.iter().sum()).max(1);
    let edge = |sum: usize| (sum * WIDTH + whole / 2) / whole;
    let mut sum = 0;
    let cell = |count: &usize| {
        let from = edge(sum);
        sum += count;
        edge(sum) - from
    };
    counts.iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_add_up_to_their_share_of_the_width() {
        assert_eq!(cells(&[0, 0], 0), [0, 0]);
        assert_eq!(cells(&[100], 100), [WIDTH]);
        for counts in [[1, 1, 1], [999, 1, 0], [3, 900, 97], [334, 333, 333]] {
            assert_eq!(
                cells(&counts, 1_000).iter().sum::<usize>(),
                (counts.iter().sum::<usize>() * WIDTH + 500) / 1_000
            );
        }
        // More activities than contacts still fit.
        assert_eq!(cells(&[150, 50], 100).iter().sum::<usize>(), WIDTH);
    }
}
