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
    Progressive,
    Power(f64),
    Adaptive,
    /// The engine, aiming at a share of the limit, under further limits.
    Predictive(f64, Vec<Limit>),
    /// The engine, with a formula for the calls to start.
    Formula(String, Box<Plan>),
    Program(String),
}

/// A pacer of a run, which a program may leave.
pub(super) enum Player {
    Own(Box<dyn Pacer>),
    Program(Program),
}

impl Contender {
    /// A pacer for a new run.
    pub(super) fn player(&self) -> Result<Player, Failure> {
        let engine = |plan: Plan| Player::Own(Box::new(Engine::new(plan)));
        Ok(match self {
            Self::Progressive => Player::Own(Box::new(Progressive)),
            Self::Power(ratio) => Player::Own(Box::new(Power::new(*ratio))),
            Self::Adaptive => Player::Own(Box::new(AdaptiveLevel::default())),
            Self::Predictive(share, limits) => {
                let mode = Mode::Predictive(*share);
                engine(Plan::default().with_mode(mode).with_limits(limits.clone()))
            }
            Self::Formula(_, plan) => engine(plan.as_ref().clone()),
            Self::Program(command) => Player::Program(Program::start(command)?),
        })
    }
}

impl FromStr for Contender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('+');
        let first = parts.next().unwrap_or_default();
        let (name, number) = first.split_once(':').unwrap_or((first, "1"));
        let positive = |most: f64| match number.trim().parse::<f64>() {
            Ok(number) if number > 0.0 && number <= most => Ok(number),
            _ => Err(format!("`{number}` is not a number above 0 and up to {most}")),
        };
        match name {
            "predictive" => Ok(Self::Predictive(
                positive(1.0)?,
                parts.map(limit).collect::<Result<_, _>>()?,
            )),
            "progressive" if first == text => Ok(Self::Progressive),
            "adaptive" if first == text => Ok(Self::Adaptive),
            "power" if first == text => positive(MAX_RATIO).map(Self::Power),
            _ => match Plan::default().with_init(text) {
                Ok(plan) => Ok(Self::Formula(text.to_owned(), Box::new(plan))),
                Err(problem) => Err(format!("neither a mode nor a formula: {problem}")),
            },
        }
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
            Self::Progressive => write!(f, "progressive"),
            Self::Power(ratio) => write!(f, "power {ratio}"),
            Self::Adaptive => write!(f, "adaptive"),
            Self::Predictive(1.0, further) => write!(f, "predictive{}", limits(further)),
            Self::Predictive(share, further) => write!(f, "predictive {share}{}", limits(further)),
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
            ("progressive", "progressive"),
            ("power:1.5", "power 1.5"),
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
        assert!(
            "faster than light"
                .parse::<Contender>()
                .unwrap_err()
                .contains("neither")
        );
    }
}
