//! What is compared.

use std::fmt;
use std::str::FromStr;

use contact_centre::{AdaptiveLevel, Pacer, Power, Progressive};
use pacing::{Engine, Limit, Mode, Plan, Window};

use super::super::pace::plan::MAX_RATIO;
use super::program::Program;
use crate::failure::Failure;

/// What is compared.
#[derive(Clone, Debug)]
pub(super) enum Contender {
    /// The engine in a mode, under further limits.
    Mode(Mode, Vec<Limit>),
    /// The engine, with a formula for the calls to start.
    Formula(String, Box<Plan>),
    Baseline(Baseline),
    Program(String),
}

/// What dialers do without the engine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Baseline {
    Progressive,
    Power(f64),
    Adaptive,
}

/// A pacer of a run, which a program may leave.
pub(super) enum Player {
    Own(Box<dyn Pacer>),
    Program(Program),
}

impl Contender {
    /// A pacer for a new run.
    pub(super) fn player(&self) -> Result<Player, Failure> {
        Ok(match self {
            Self::Mode(mode, limits) => {
                let plan = Plan::default().with_mode(*mode).with_limits(limits.clone());
                Player::Own(Box::new(Engine::new(plan)))
            }
            Self::Formula(_, plan) => Player::Own(Box::new(Engine::new(plan.as_ref().clone()))),
            Self::Baseline(Baseline::Progressive) => Player::Own(Box::new(Progressive)),
            Self::Baseline(Baseline::Power(ratio)) => Player::Own(Box::new(Power::new(*ratio))),
            Self::Baseline(Baseline::Adaptive) => Player::Own(Box::new(AdaptiveLevel::default())),
            Self::Program(command) => Player::Program(Program::start(command)?),
        })
    }
}

impl FromStr for Contender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('+');
        let first = parts.next().unwrap_or_default();
        let (name, number) = match first.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (first, None),
        };
        let positive = |most: f64| {
            let number = number.unwrap_or("1").trim();
            match number.parse::<f64>() {
                Ok(number) if number > 0.0 && number <= most => Ok(number),
                _ => Err(format!("`{number}` is not a number above 0 and up to {most}")),
            }
        };
        let mode = match name {
            "predictive" => Mode::Predictive(positive(1.0)?),
            "power" => Mode::Power(positive(MAX_RATIO)?),
            "progressive" if number.is_none() => Mode::Progressive,
            "preview" if number.is_none() => Mode::Preview,
            "baseline-progressive" if first == text && number.is_none() => {
                return Ok(Self::Baseline(Baseline::Progressive));
            }
            "baseline-power" if first == text => {
                return positive(MAX_RATIO).map(|ratio| Self::Baseline(Baseline::Power(ratio)));
            }
            "adaptive" if first == text && number.is_none() => {
                return Ok(Self::Baseline(Baseline::Adaptive));
            }
            _ => {
                return match Plan::default().with_init(text) {
                    Ok(plan) => Ok(Self::Formula(text.to_owned(), Box::new(plan))),
                    Err(problem) => Err(format!("neither a mode nor a formula: {problem}")),
                };
            }
        };
        Ok(Self::Mode(mode, parts.map(limit).collect::<Result<_, _>>()?))
    }
}

/// A further limit: `30m` is 3 % in any 30 minutes, `24h:0.05` is 5 % in any 24 hours.
fn limit(text: &str) -> Result<Limit, String> {
    let (window, rate) = text.split_once(':').unwrap_or((text, "0.03"));
    let seconds = match window.trim() {
        "30m" => 1_800.0,
        "24h" => 86_400.0,
        "30d" => 2_592_000.0,
        _ => return Err(format!("`{window}` is neither 30m nor 24h nor 30d")),
    };
    match rate.trim().parse() {
        Ok(rate) if rate > 0.0 && rate <= 1.0 => Ok(Limit {
            rate,
            window: Window::Last(seconds),
        }),
        _ => Err(format!("`{rate}` is not a share above 0 and up to 1")),
    }
}

/// The further limits as they are told.
fn limits(limits: &[Limit]) -> String {
    let told = limits.iter().filter_map(|limit| match limit.window {
        Window::Last(1_800.0) => Some(("30m", limit.rate)),
        Window::Last(86_400.0) => Some(("24h", limit.rate)),
        Window::Last(_) => Some(("30d", limit.rate)),
        Window::Run(_) | Window::Life => None,
    });
    told.map(|(window, rate)| format!("+{window}:{rate}")).collect()
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(mode, further) => {
                match mode {
                    Mode::Preview => write!(f, "preview"),
                    Mode::Progressive => write!(f, "progressive"),
                    Mode::Power(ratio) => write!(f, "power {ratio}"),
                    Mode::Predictive(1.0) => write!(f, "predictive"),
                    Mode::Predictive(share) => write!(f, "predictive {share}"),
                }?;
                write!(f, "{}", limits(further))
            }
            Self::Baseline(Baseline::Progressive) => write!(f, "baseline-progressive"),
            Self::Baseline(Baseline::Power(ratio)) => write!(f, "baseline-power {ratio}"),
            Self::Baseline(Baseline::Adaptive) => write!(f, "adaptive"),
            Self::Formula(text, _) | Self::Program(text) => write!(f, "{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_formulas() {
        for (text, name) in [
            ("preview", "preview"),
            ("progressive", "progressive"),
            ("power:1.5", "power 1.5"),
            ("power:3+30m", "power 3+30m:0.03"),
            ("baseline-progressive", "baseline-progressive"),
            ("baseline-power:1.5", "baseline-power 1.5"),
            ("predictive", "predictive"),
            ("predictive:0.9", "predictive 0.9"),
            ("predictive+30m+24h:0.05", "predictive+30m:0.03+24h:0.05"),
            ("progressive() + 1", "progressive() + 1"),
            ("adaptive", "adaptive"),
        ] {
            assert_eq!(text.parse::<Contender>().unwrap().to_string(), name);
        }
        assert!("predictive+1h".parse::<Contender>().unwrap_err().contains("1h"));
        assert!("predictive+30m:3".parse::<Contender>().unwrap_err().contains('3'));
        assert!("power:fast".parse::<Contender>().unwrap_err().contains("fast"));
        assert!("progressive:2".parse::<Contender>().is_err());
        assert!("baseline-power:2+30m".parse::<Contender>().is_err());
        assert!(
            "faster than light"
                .parse::<Contender>()
                .unwrap_err()
                .contains("neither")
        );
    }

    #[test]
    fn modes_are_those_of_the_engine() {
        let tick: pacing::protocol::Line = serde_json::from_str(
            r#"{"ev":"tick","t":1,"q":"dial","idle":3,"talk":0,"wrap":0,"inflight":0,"waiting":0}"#,
        )
        .unwrap();
        // The engine rounds lines down, what stands beside it as a baseline rounds them up.
        for (text, calls) in [
            ("preview", 3),
            ("progressive", 3),
            ("power:1.5", 4),
            ("power(1.5)", 4),
            ("baseline-progressive", 3),
            ("baseline-power:1.5", 5),
        ] {
            let Player::Own(mut pacer) = text.parse::<Contender>().unwrap().player().unwrap() else {
                panic!("{text}")
            };
            assert_eq!(
                pacer.tell(&tick),
                Some(pacing::protocol::Answer::Dial(calls)),
                "{text}"
            );
        }
    }
}
