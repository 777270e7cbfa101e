//! What is compared.

use std::fmt;
use std::str::FromStr;

use contact_centre::{AdaptiveLevel, Pacer, Power, Progressive};
use pacing::{Engine, Mode, Plan};

use super::program::Program;
use crate::failure::Failure;

/// What is compared.
#[derive(Clone, Debug)]
pub(super) enum Contender {
    Progressive,
    Power(f64),
    Adaptive,
    /// The engine, aiming at a share of the limit.
    Predictive(f64),
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
            Self::Predictive(share) => engine(Plan::default().with_mode(Mode::Predictive(*share))),
            Self::Formula(_, plan) => engine(plan.as_ref().clone()),
            Self::Program(command) => Player::Program(Program::start(command)?),
        })
    }
}

impl FromStr for Contender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once(':').unwrap_or((text, "1"));
        let positive = || match number.trim().parse::<f64>() {
            Ok(number) if number > 0.0 && number <= 100.0 => Ok(number),
            _ => Err(format!("`{number}` is not a number of 0 to 100")),
        };
        match name {
            "progressive" => Ok(Self::Progressive),
            "adaptive" => Ok(Self::Adaptive),
            "power" => positive().map(Self::Power),
            "predictive" => positive().map(Self::Predictive),
            _ => match Plan::default().with_init(text) {
                Ok(plan) => Ok(Self::Formula(text.to_owned(), Box::new(plan))),
                Err(problem) => Err(format!("neither a mode nor a formula: {problem}")),
            },
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Progressive => write!(f, "progressive"),
            Self::Power(ratio) => write!(f, "power {ratio}"),
            Self::Adaptive => write!(f, "adaptive"),
            Self::Predictive(1.0) => write!(f, "predictive"),
            Self::Predictive(share) => write!(f, "predictive {share}"),
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
            ("adaptive", "adaptive"),
        ] {
            assert_eq!(text.parse::<Contender>().unwrap().to_string(), name);
        }
        assert!("power:fast".parse::<Contender>().unwrap_err().contains("fast"));
        assert!(
            "faster than light"
                .parse::<Contender>()
                .unwrap_err()
                .contains("neither")
        );
    }
}
