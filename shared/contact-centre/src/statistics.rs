//! Means over runs, with confidence intervals.

/// What several runs came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The mean.
    pub mean: f64,
    /// Half the width of the 95 % confidence interval of the mean; none for a single run.
    pub half_width: Option<f64>,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

/// Summarizes values; none if there are none. The interval is Student's.
pub fn summarize(values: &[f64]) -> Option<Summary> {
    let (least, greatest) = (
        values.iter().copied().reduce(f64::min)?,
        values.iter().copied().reduce(f64::max)?,
    );
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let half_width = quantile(values.len() - 1).map(|t| t * libm::sqrt(squares / (count - 1.0) / count));
    Some(Summary {
        mean,
        half_width,
        least,
        greatest,
    })
}

/// The 97.5 % quantile of Student's distribution; none without a degree of freedom.
fn quantile(freedom: usize) -> Option<f64> {
    const TABLE: [f64; 10] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    ];
    let freedom = freedom.checked_sub(1)?;
    // Beyond the table: the first terms of the expansion around the normal quantile z,
    // z + (z^3 + z) / 4n (Abramowitz and Stegun 26.7.5).
    let far = 1.96 + (1.96_f64 * 1.96 * 1.96 + 1.96) / (4.0 * (freedom + 1) as f64);
    Some(TABLE.get(freedom).copied().unwrap_or(far))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_interval() {
        let summary = summarize(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!((summary.mean, summary.least, summary.greatest), (3.0, 1.0, 5.0));
        // s = sqrt(2.5), 2.776 s / sqrt(5)
        assert!((summary.half_width.unwrap() - 1.963).abs() < 1e-3);
        assert_eq!(summarize(&[]), None);
        assert_eq!(summarize(&[2.0]).unwrap().half_width, None);
        assert!((quantile(20).unwrap() - 2.086).abs() < 0.02);
    }
}
