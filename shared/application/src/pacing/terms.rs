//! What administrators set about pacing, and what a group's engines make of it.

use std::collections::BTreeMap;

use compliance::zones::TimeZone;
use domain::time::Timestamp;
use domain::voice::DialingMode;
use pacing::group::{Settings, Terms, WorkId};
use pacing::{Limit, Mode, Plan, Window};
use serde::{Deserialize, Serialize};

use crate::error::FieldError;

/// Abandoned calls per live call that are allowed where a campaign does not say: 47 CFR 64.1200(a)(7) and
/// 16 CFR 310.4(b)(4)(i).
const LIMIT: f64 = 0.03;
/// Most calls for each free agent in power mode.
const MAX_RATIO: f64 = 10.0;
/// Highest priority.
const MAX_PRIORITY: u8 = 9;
/// Highest weight.
const MAX_WEIGHT: u32 = 100;
/// Most gateways of a group.
const MAX_GATEWAYS: usize = 32;
/// Most parameters.
const MAX_PARAMETERS: usize = 32;

/// How the calls of a skill group are paced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupPacing {
    /// Lines, times and sides.
    pub settings: Settings,
    /// Where the clock hangs that formulas read.
    pub time_zone: TimeZone,
}

impl GroupPacing {
    /// The settings as of a moment, for a group that began at another: by the clock of the moment, which may have been
    /// put forward or back since.
    pub(super) fn as_of(&self, now: Timestamp, began: Timestamp) -> Settings {
        let local = began
            .millis()
            .saturating_add(self.time_zone.offset_millis(now.utc()));
        let second = u32::try_from(local.rem_euclid(86_400_000) / 1_000).unwrap_or(0);
        Settings {
            time_of_day: f64::from(second),
            ..self.settings.clone()
        }
    }

    /// What is wrong with it.
    pub fn check(&self) -> Vec<FieldError> {
        let settings = &self.settings;
        let mut wrong = Vec::new();
        let mut refuse = |holds: bool, field: &str, detail: &str| {
            if !holds {
                wrong.push(FieldError::new(format!("/pacing/{field}"), detail));
            }
        };
        refuse(
            settings.lines.is_none_or(|lines| (1..=10_000).contains(&lines)),
            "lines",
            "must lie between 1 and 10000",
        );
        refuse(
            settings
                .calls_per_second
                .is_none_or(|cps| (1..=1_000).contains(&cps)),
            "callsPerSecond",
            "must lie between 1 and 1000",
        );
        refuse(
            settings.gateways.len() <= MAX_GATEWAYS,
            "gateways",
            "may have at most 32 entries",
        );
        for (id, gateway) in &settings.gateways {
            let fits = |number: Option<u32>, most| number.is_none_or(|number| (1..=most).contains(&number));
            refuse(
                fits(gateway.lines, 10_000) && fits(gateway.calls_per_second, 1_000),
                &format!("gateways/{id}"),
                "must have lines between 1 and 10000, and callsPerSecond between 1 and 1000",
            );
        }
        refuse(
            (1.0..=50.0).contains(&settings.lines_per_agent),
            "linesPerAgent",
            "must lie between 1 and 50",
        );
        for (field, millis, least, most) in [
            ("abandonAfterSeconds", settings.abandon_after, 0, 60),
            ("ringLimitSeconds", settings.ring_limit, 15, 180),
            ("inboundTargetSeconds", settings.inbound_target, 1, 3_600),
            ("previewSeconds", settings.preview_within, 5, 3_600),
            ("skippedForSeconds", settings.skipped_for, 0, 86_400),
            ("commitmentLeadSeconds", settings.commitment_lead, 0, 3_600),
        ] {
            let within = (least * 1_000..=most * 1_000).contains(&millis.get());
            refuse(within, field, &format!("must lie between {least} and {most}"));
        }
        wrong
    }
}

/// What a limit of abandonment is measured over. Each may be switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Over {
    /// The last 30 minutes.
    #[serde(rename = "30m")]
    HalfHour,
    /// The last 24 hours: Ofcom's measure in the United Kingdom.
    #[serde(rename = "24h")]
    Day,
    /// The last 30 days: the measure of the FCC and the FTC in the United States.
    #[serde(rename = "30d")]
    Month,
    /// The campaign's life.
    #[serde(rename = "life")]
    Life,
}

/// A limit of abandonment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    /// Measured over what.
    pub over: Over,
    /// Abandoned calls per live call, above 0 and up to 1.
    pub limit: f64,
}

/// How a campaign's calls are paced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CampaignPacing {
    /// INIT: how many calls to start; by the mode of the node if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// SEIZE: which agents serve outbound, in a blended group; `credit()` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seize: Option<String>,
    /// What formulas read as `parameters.<name>`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, f64>,
    /// Calls for each free agent in power mode.
    pub ratio: f64,
    /// The limits of abandonment that are switched on; empty if abandonment is not limited.
    pub budgets: Vec<Budget>,
    /// 0 to 9: a campaign of a higher priority has the group's agents first.
    pub priority: u8,
    /// 1 to 100: its share of the agents, against campaigns of the same priority.
    pub weight: u32,
}

impl Default for CampaignPacing {
    fn default() -> Self {
        Self {
            init: None,
            seize: None,
            parameters: BTreeMap::new(),
            ratio: 1.5,
            budgets: vec![Budget {
                over: Over::Month,
                limit: LIMIT,
            }],
            priority: 5,
            weight: 1,
        }
    }
}

impl CampaignPacing {
    /// What is wrong with it: formulas are checked for names, types and cost.
    pub fn check(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        let mut refuse = |holds: bool, field: &str, detail: &str| {
            if !holds {
                wrong.push(FieldError::new(format!("/pacing/{field}"), detail));
            }
        };
        refuse(
            (1.0..=MAX_RATIO).contains(&self.ratio),
            "ratio",
            "must lie between 1 and 10",
        );
        refuse(
            self.priority <= MAX_PRIORITY,
            "priority",
            "must lie between 0 and 9",
        );
        refuse(
            (1..=MAX_WEIGHT).contains(&self.weight),
            "weight",
            "must lie between 1 and 100",
        );
        refuse(
            self.parameters.len() <= MAX_PARAMETERS
                && self.parameters.values().all(|value| value.is_finite()),
            "parameters",
            "may have 32 entries, and numbers that are finite",
        );
        let limits_fit = self
            .budgets
            .iter()
            .all(|budget| budget.limit > 0.0 && budget.limit <= 1.0);
        refuse(limits_fit, "budgets", "must have limits above 0 and up to 1");
        let mut windows: Vec<_> = self.budgets.iter().map(|budget| budget.over).collect();
        windows.sort_unstable();
        windows.dedup();
        refuse(
            windows.len() == self.budgets.len(),
            "budgets",
            "may have one limit for each of 30m, 24h, 30d and life",
        );
        let plan = Plan::default().with_parameters(self.parameters.clone());
        let problems = [
            (
                "init",
                self.init
                    .as_ref()
                    .and_then(|init| plan.clone().with_init(init).err()),
            ),
            (
                "seize",
                self.seize.as_ref().and_then(|seize| plan.with_seize(seize).err()),
            ),
        ];
        for (field, problem) in problems {
            if let Some(problem) = problem {
                let detail = format!("is no formula for this: {problem}");
                wrong.push(FieldError::new(format!("/pacing/{field}"), detail));
            }
        }
        wrong
    }

    /// The terms of a work. Formulas that no longer check (they did when the campaign was written) leave the
    /// decision to the mode.
    pub(super) fn terms(&self, work: &WorkId, open: bool) -> Terms {
        let mode = match work.mode {
            DialingMode::Preview => Mode::Preview,
            DialingMode::Progressive => Mode::Progressive,
            DialingMode::Power => Mode::Power(self.ratio),
            DialingMode::Predictive => Mode::Predictive(1.0),
        };
        let mut plan = Plan::default()
            .with_limits(self.limits())
            .with_parameters(self.parameters.clone())
            .with_mode(mode);
        for (formula, set) in [
            (&self.init, Plan::with_init as fn(Plan, &str) -> _),
            (&self.seize, Plan::with_seize),
        ] {
            if let Some(formula) = formula {
                plan = set(plan.clone(), formula).unwrap_or(plan);
            }
        }
        let life = self.budgets.iter().find(|budget| budget.over == Over::Life);
        Terms {
            open,
            plan,
            limit: life.map_or(1.0, |budget| budget.limit),
            priority: self.priority,
            weight: self.weight,
        }
    }

    fn limits(&self) -> Vec<Limit> {
        let window = |over| match over {
            Over::HalfHour => Some(Window::Last(1_800.0)),
            Over::Day => Some(Window::Last(86_400.0)),
            Over::Month => Some(Window::Last(2_592_000.0)),
            Over::Life => None,
        };
        self.budgets
            .iter()
            .filter_map(|budget| {
                Some(Limit {
                    rate: budget.limit,
                    window: window(budget.over)?,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pacing: &CampaignPacing) -> Vec<String> {
        pacing.check().into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn formulas_and_bounds_are_checked_before_they_are_kept() {
        let fine = CampaignPacing {
            init: Some("min(power(parameters.most), predictive(0.03))".into()),
            seize: Some("threshold(2)".into()),
            parameters: BTreeMap::from([("most".to_owned(), 3.0)]),
            ..CampaignPacing::default()
        };
        assert_eq!(fields(&fine), [""; 0]);
        let twice = fine.budgets[0];
        let wrong = CampaignPacing {
            init: Some("agents.idel".into()),
            seize: Some("1 +".into()),
            ratio: f64::NAN,
            budgets: vec![
                twice,
                twice,
                Budget {
                    over: Over::Life,
                    limit: 0.0,
                },
            ],
            priority: 10,
            weight: 0,
            ..fine
        };
        let expected = [
            "ratio", "priority", "weight", "budgets", "budgets", "init", "seize",
        ];
        assert_eq!(fields(&wrong), expected.map(|field| format!("/pacing/{field}")));
    }

    #[test]
    fn budgets_become_limits_of_the_engine() {
        let pacing = CampaignPacing {
            budgets: vec![
                Budget {
                    over: Over::Life,
                    limit: 0.02,
                },
                Budget {
                    over: Over::Day,
                    limit: 0.03,
                },
            ],
            ..CampaignPacing::default()
        };
        let work = WorkId {
            campaign: None,
            mode: DialingMode::Predictive,
        };
        let terms = pacing.terms(&work, true);
        assert!((terms.limit - 0.02).abs() < 1e-12);
        assert_eq!(
            pacing.limits(),
            [Limit {
                rate: 0.03,
                window: Window::Last(86_400.0)
            }]
        );
    }
}
