//! Scenarios with hidden parameters, for looking at how robust a pacer is.

use crate::draw::{Draw, Stream};

use super::*;

/// A scenario drawn from a seed: 2 to 300 agents, 5 to 60 % answered by persons, conversations of 30 to 600
/// seconds, up to 30 % invalid numbers, ringing given up after 15 to 30 seconds, waits of 1 to 5 seconds,
/// runs of half an hour to eight hours; with churning staff, shocks and detection errors in a part of them.
pub fn random(seed: u64) -> Scenario {
    let mut draw = Draw::new(seed, Stream::Scenario);
    let agents = skewed(&mut draw, 2.0, 300.0) as u32;
    let duration = skewed(&mut draw, 1_800.0, 28_800.0);
    let wrap_mean = draw.between(0.0, 60.0);
    let calls = calls(&mut draw, duration);
    Scenario {
        name: format!("random-{seed}"),
        about: "drawn from a seed".to_owned(),
        aim: Aim::default(),
        duration: Seconds::constant(duration),
        limit: Share::constant(0.03),
        abandon_wait: Seconds::constant(draw.between(1.0, 5.0)),
        lines_per_agent: Factor::constant(12.0),
        staff: vec![staff(&mut draw, agents)],
        talk: talk(&mut draw),
        wrap: Wrap {
            time: one_of(
                &mut draw,
                Time::Fixed(Seconds::constant(wrap_mean)),
                lognormal(wrap_mean, 0.6),
            ),
            left: one_of(&mut draw, Remaining::Known, Remaining::Unknown),
        },
        notice: None,
        calls,
        contacts: None,
        inbound: None,
    }
}

/// Small numbers as likely as large ones: uniform in the logarithm.
fn skewed(draw: &mut Draw, least: f64, most: f64) -> f64 {
    least * libm::pow(most / least, draw.unit())
}

fn one_of<T>(draw: &mut Draw, one: T, other: T) -> T {
    if draw.unit() < 0.5 { one } else { other }
}

fn shape(mean: f64, sigma: f64) -> Lognormal {
    Lognormal {
        mean: Seconds::constant(mean),
        sigma: Factor::constant(sigma),
    }
}

fn lognormal(mean: f64, sigma: f64) -> Time {
    Time::Lognormal(shape(mean, sigma))
}

fn staff(draw: &mut Draw, agents: u32) -> Group {
    let churn = (draw.unit() < 0.3).then(|| Churn {
        stay: Time::Exponential(Seconds::constant(draw.between(900.0, 5_400.0))),
        away: Time::Exponential(Seconds::constant(draw.between(120.0, 1_200.0))),
    });
    Group {
        agents,
        from: Seconds::constant(0.0),
        until: None,
        spread: Seconds::constant(draw.between(0.0, 300.0)),
        breaks: Vec::new(),
        churn,
    }
}

fn talk(draw: &mut Draw) -> Time {
    let mean = skewed(draw, 30.0, 600.0);
    if draw.unit() < 0.7 {
        return lognormal(mean, draw.between(0.3, 1.0));
    }
    // The mean of the mixture is the one drawn.
    let (short_share, short) = (draw.between(0.3, 0.7), mean * 0.2);
    Time::Bimodal {
        short_share: Share::constant(short_share),
        short: shape(short, 0.4),
        long: shape((mean - short_share * short) / (1.0 - short_share), 0.5),
    }
}

fn calls(draw: &mut Draw, duration: f64) -> Calls {
    let live = skewed(draw, 0.05, 0.6);
    let invalid = draw.between(0.0, 0.3).min(0.95 - live);
    let machine = (1.0 - live - invalid) * draw.between(0.0, 0.6);
    let shocks = (0..(draw.unit() * 4.0) as u32)
        .map(|_| Shock {
            at: Seconds::constant(draw.between(0.0, duration)),
            seconds: Seconds::constant(draw.between(120.0, 900.0)),
            times: one_of(draw, Factor::constant(0.3), Factor::constant(3.0)),
        })
        .collect();
    Calls {
        live: Share::constant(live),
        machine: Share::constant(machine),
        busy: Share::constant((1.0 - live - invalid - machine) * draw.between(0.0, 0.3)),
        invalid: Share::constant(invalid),
        setup: lognormal(draw.between(0.5, 3.0), 0.3),
        answer: lognormal(draw.between(5.0, 12.0), draw.between(0.3, 0.7)),
        machine_answer: lognormal(draw.between(8.0, 14.0), 0.2),
        ring_max: Seconds::constant(draw.between(15.0, 30.0)),
        detection: Detection {
            delay: Time::Fixed(Seconds::constant(draw.between(0.0, 3.0))),
            person_as_machine: Share::constant(draw.between(0.0, 0.05)),
            machine_as_person: Share::constant(draw.between(0.0, 0.15)),
            ..Detection::default()
        },
        profile: Profile::new(vec![
            (Seconds::constant(0.0), Factor::constant(draw.between(0.7, 1.3))),
            (
                Seconds::constant(duration),
                Factor::constant(draw.between(0.7, 1.3)),
            ),
        ]),
        shocks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_within_its_ranges() {
        for seed in 0..2_000 {
            let scenario = random(seed);
            assert_eq!(scenario, random(seed));
            assert!((2..=300).contains(&scenario.agents()), "{seed}");
            assert!((1_800.0..=28_800.0).contains(&scenario.duration.get()), "{seed}");
            assert!(scenario.calls.outcomes() <= 1.0 + 1e-9, "{seed}");
            for share in [scenario.calls.live, scenario.calls.busy, scenario.calls.machine] {
                assert!(Share::new(share.get()).is_ok(), "{seed}: {share:?}");
            }
            if let Time::Bimodal { long, .. } = scenario.talk {
                assert!(long.mean.get() > 30.0, "{seed}");
            }
        }
    }
}
