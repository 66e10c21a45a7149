//! How long requests compute.

use std::fmt;
use std::iter::repeat_with;
use std::str::FromStr;
use std::time::Duration;

use fastrand::Rng;
use humantime_serde::re::humantime::{format_duration, parse_duration};

use crate::summary::mean;

/// A mix of forms, with their shares, which add up to one.
///
/// Written as a list of `SHARE%:FORM:TIME`, where the form may be missing (all alike) and, for a
/// single entry, the share: `20ms`, `exp:20ms`, `95%:5ms,5%:exp:500ms`, `lognormal:2:80ms` (2: the
/// standard deviation as a multiple of the mean).
#[derive(Debug, Clone)]
pub struct Service(Vec<(f64, Form)>);

#[derive(Debug, Clone)]
enum Form {
    Fixed(Duration),
    Exponential(Duration),
    /// The mean, and the standard deviation as a multiple of it.
    LogNormal(Duration, f64),
    /// What was seen; each is as likely as the others.
    Seen(Vec<Duration>),
}

impl Service {
    /// As likely as they were seen. There must be some.
    pub fn seen(times: Vec<Duration>) -> Self {
        Self(vec![(1.0, Form::Seen(times))])
    }

    /// Of all forms, each as often as its share says.
    pub fn mean(&self) -> Duration {
        let parts = self
            .0
            .iter()
            .map(|(share, form)| form.mean().mul_f64(*share));
        parts.sum()
    }

    /// The times of one request after the other, without end.
    pub fn samples(&self, seed: u64) -> impl Iterator<Item = Duration> {
        let mut rng = Rng::with_seed(seed);
        repeat_with(move || self.sample(&mut rng))
    }

    pub(crate) fn sample(&self, rng: &mut Rng) -> Duration {
        let mut place = rng.f64();
        for (share, form) in &self.0 {
            if place < *share {
                return form.sample(rng);
            }
            place -= share;
        }
        // Shares may add up to a little less than one.
        self.0[0].1.sample(rng)
    }
}

impl Form {
    fn mean(&self) -> Duration {
        match self {
            Self::Fixed(mean) | Self::Exponential(mean) | Self::LogNormal(mean, _) => *mean,
            Self::Seen(times) => mean(times.iter().copied()),
        }
    }

    fn sample(&self, rng: &mut Rng) -> Duration {
        match self {
            Self::Fixed(time) => *time,
            Self::Exponential(mean) => mean.mul_f64(exponential(rng)),
            Self::LogNormal(mean, deviation) => mean.mul_f64(log_normal(rng, *deviation)),
            Self::Seen(times) => times[rng.usize(..times.len())],
        }
    }
}

/// Exponential with mean 1.
pub(crate) fn exponential(rng: &mut Rng) -> f64 {
    -(1.0 - rng.f64()).ln()
}

/// Log-normal with mean 1.
fn log_normal(rng: &mut Rng, deviation: f64) -> f64 {
    let variance = (1.0 + deviation * deviation).ln();
    // Box and Muller.
    let normal = (2.0 * exponential(rng)).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
    (variance.sqrt() * normal - variance / 2.0).exp()
}

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<(f64, Form)> = text.split(',').map(part).collect::<Result<_, _>>()?;
        let sum: f64 = parts.iter().map(|(share, _)| share).sum();
        if (sum - 1.0).abs() > 1e-6 {
            return Err(format!(
                "the shares add up to {:.4} %, not 100 %",
                sum * 100.0
            ));
        }
        Ok(Self(parts))
    }
}

fn part(text: &str) -> Result<(f64, Form), String> {
    let text = text.trim();
    let Some((share, form)) = text.split_once("%:") else {
        return Ok((1.0, form(text)?));
    };
    match share.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 100.0 => Ok((share / 100.0, self::form(form)?)),
        _ => Err(format!("`{share}%` is not a share between 0 and 100 %")),
    }
}

fn form(text: &str) -> Result<Form, String> {
    let (name, time) = text.rsplit_once(':').unwrap_or(("", text));
    let mean = parse_duration(time).map_err(|err| format!("`{time}` is not a time: {err}"))?;
    if mean.is_zero() {
        return Err(format!("`{text}` takes no time at all"));
    }
    let deviation = name.strip_prefix("lognormal:");
    match (name, deviation.map(str::parse::<f64>)) {
        ("", _) => Ok(Form::Fixed(mean)),
        ("exp", _) => Ok(Form::Exponential(mean)),
        (_, Some(Ok(deviation))) if (0.0..=100.0).contains(&deviation) => {
            Ok(Form::LogNormal(mean, deviation))
        }
        _ => Err(format!(
            "`{name}` is none of exp, lognormal:DEVIATION ÷ MEAN"
        )),
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (share, form)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            match self.0.len() {
                1 => write!(f, "{form}")?,
                _ => write!(f, "{comma}{} % {form}", share * 100.0)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(time) => write!(f, "{}", format_duration(*time)),
            Self::Exponential(mean) => write!(f, "exponential around {}", format_duration(*mean)),
            Self::LogNormal(mean, deviation) => {
                write!(
                    f,
                    "log-normal around {} (deviation × {deviation})",
                    format_duration(*mean)
                )
            }
            Self::Seen(times) => write!(f, "{} times from a log", times.len()),
        }
    }
}
