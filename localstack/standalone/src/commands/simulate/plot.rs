//! A run over time, drawn.

use std::path::Path;

use contact_centre::{Sample, Scenario};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::failure::Failure;

/// Width and height of one contender's picture, in pixels.
const SIZE: (u32, u32) = (900, 320);

/// Agents at work, open calls and abandonment over the run, one below the other for each contender.
pub(super) fn draw(directory: &Path, scenario: &Scenario, runs: &[(&str, &[Sample])]) -> Result<(), Failure> {
    let path = directory.join(format!("{}.svg", scenario.name));
    let failed =
        |error: &dyn std::fmt::Display| Failure::Told(format!("cannot draw {}: {error}", path.display()));
    std::fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    let mut svg = String::new();
    picture(&mut svg, scenario, runs).map_err(|error| failed(&error))?;
    std::fs::write(&path, svg).map_err(|error| failed(&error))
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn picture(svg: &mut String, scenario: &Scenario, runs: &[(&str, &[Sample])]) -> Drawn {
    let rows = u32::try_from(runs.len().max(1))?;
    let root = SVGBackend::with_string(svg, (SIZE.0, SIZE.1 * rows)).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, (name, samples)) in root.split_evenly((runs.len().max(1), 1)).iter().zip(runs) {
        run(area, &format!("{}: {name}", scenario.name), scenario, samples)?;
    }
    root.present()?;
    Ok(())
}

fn run(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    scenario: &Scenario,
    samples: &[Sample],
) -> Drawn {
    let hours = scenario.duration.get() / 3_600.0;
    let counts = samples.iter().map(|sample| sample.present.max(sample.open));
    let most = f64::from(counts.max().unwrap_or(1).max(1)) * 1.1;
    let worst = scenario.limit.get() * 2.0 * 100.0;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(44)
        .right_y_label_area_size(44)
        .build_cartesian_2d(0.0..hours, 0.0..most)?
        .set_secondary_coord(0.0..hours, 0.0..worst);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("hours")
        .y_desc("agents, calls")
        .draw()?;
    chart.configure_secondary_axes().y_desc("abandoned %").draw()?;
    for (label, colour, of) in COUNTS {
        let line = samples
            .iter()
            .map(|sample| (sample.t / 3_600.0, f64::from(of(sample))));
        chart
            .draw_series(LineSeries::new(line, colour))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    let line = samples
        .iter()
        .map(|sample| (sample.t / 3_600.0, (sample.abandonment() * 100.0).min(worst)));
    chart
        .draw_secondary_series(LineSeries::new(line, RED))?
        .label("abandoned so far, %")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], RED));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}

type Count = (&'static str, RGBColor, fn(&Sample) -> u32);

const COUNTS: [Count; 3] = [
    ("calls open", RGBColor(170, 170, 170), |sample| sample.open),
    ("agents present", BLACK, |sample| sample.present),
    ("agents busy", BLUE, |sample| sample.busy),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shows_each_contender() {
        let known = contact_centre::scenario::find("plain-5").unwrap();
        let scenario = Scenario::parse(known.yaml).unwrap();
        let samples: Vec<Sample> = (0..10)
            .map(|n| Sample {
                t: f64::from(n) * 2_160.0,
                present: 5,
                busy: n % 5,
                ..Sample::default()
            })
            .collect();
        let mut svg = String::new();
        picture(
            &mut svg,
            &scenario,
            &[("progressive", &samples), ("predictive", &samples)],
        )
        .unwrap();
        assert!(svg.contains("plain-5: progressive") && svg.contains("plain-5: predictive"));
        assert!(svg.matches("<polyline").count() >= 8);
    }
}
