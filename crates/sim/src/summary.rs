//! Many figures as one.

use std::time::Duration;

/// The smallest value that a share of `of` does not exceed; zero of nothing.
pub fn quantile(of: f64, values: impl Iterator<Item = Duration>) -> Duration {
    let mut values: Vec<Duration> = values.collect();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "far fewer than 2^52 values, and a share of them"
    )]
    let place = ((values.len() as f64 * of).ceil() as usize).saturating_sub(1);
    if place >= values.len() {
        return Duration::ZERO;
    }
    *values.select_nth_unstable(place).1
}

/// The arithmetic mean; zero of nothing.
pub fn mean(values: impl Iterator<Item = Duration>) -> Duration {
    let (mut sum, mut count) = (Duration::ZERO, 0);
    for value in values {
        sum += value;
        count += 1;
    }
    sum / count.max(1)
}

/// The value in the middle; of an even number, the mean of the two in the middle; NaN of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    f64::midpoint(values[last / 2], values[last.div_ceil(2)])
}
