//! From samples to figures: quantiles, and medians of repeated runs with their spread.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The smallest sample that the share `q` of all do not exceed; NaN if there is none.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "far fewer than 2^52 samples"
)]
pub fn quantile(samples: &[f64], q: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * q).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

/// In milliseconds.
pub fn in_ms(times: &[Duration]) -> Vec<f64> {
    times
        .iter()
        .map(|time| time.as_secs_f64() * 1000.0)
        .collect()
}

/// Response times in milliseconds; NaN (null in JSON) where there are none.
#[derive(Debug, Serialize, Deserialize)]
pub struct Times {
    /// Of all.
    #[serde(deserialize_with = "null_is_nan")]
    pub mean: f64,
    /// The median.
    #[serde(deserialize_with = "null_is_nan")]
    pub p50: f64,
    /// Nine of ten took no longer.
    #[serde(deserialize_with = "null_is_nan")]
    pub p90: f64,
    /// 99 of a hundred took no longer.
    #[serde(deserialize_with = "null_is_nan")]
    pub p99: f64,
}

fn null_is_nan<'de, D: serde::Deserializer<'de>>(source: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(source)?.unwrap_or(f64::NAN))
}

impl Times {
    /// Of these; any number of them.
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
    pub fn of(times: impl Iterator<Item = Duration>) -> Self {
        let ms = in_ms(&times.collect::<Vec<_>>());
        Self {
            mean: ms.iter().sum::<f64>() / ms.len() as f64,
            p50: quantile(&ms, 0.5),
            p90: quantile(&ms, 0.9),
            p99: quantile(&ms, 0.99),
        }
    }
}

/// One figure over all runs.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// The smallest.
    pub least: f64,
    /// The one in the middle.
    pub median: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// At least one is needed.
    pub fn over(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let last = figures.len() - 1;
        Self {
            least: figures[0],
            // Of an even number of runs, the mean of the two in the middle.
            median: f64::midpoint(figures[last / 2], figures[last.div_ceil(2)]),
            most: figures[last],
        }
    }
}

impl fmt::Display for Spread {
    /// With the precision of the formatter, two digits by default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            least,
            median,
            most,
        } = self;
        let digits = f.precision().unwrap_or(2);
        write!(f, "{median:.digits$} ({least:.digits$} – {most:.digits$})")
    }
}
