//! What the command line asks, as types.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use humantime_serde::re::humantime::parse_duration;
use onelane_sim::{Autoscaler, Service, Signal};

/// How many lanes a load needs, with which limits, and what the autoscaler makes of it.
#[derive(Debug, Parser)]
#[command(name = "onelane-plan", version)]
#[command(group = ArgGroup::new("work").required(true).args(["service", "log"]))]
#[command(group = ArgGroup::new("target").required(true).multiple(true).args(["wait", "response"]))]
pub(crate) struct Args {
    /// Requests a second; without it, those of the busiest minute in the log
    #[arg(long, value_name = "RATE", required_unless_present = "log", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// How long they take in a lane: 20ms (all alike), exp:20ms, lognormal:2:20ms (deviation ÷ mean),
    /// or a mix: 95%:5ms,5%:exp:500ms
    #[arg(long, value_name = "TIMES")]
    pub(crate) service: Option<Service>,
    /// How much of its time in a lane a request computes: 5% or 0.05. The rest of it waits, for a
    /// program, a disk, a licence
    #[arg(long, value_name = "SHARE", default_value = "100%", value_parser = share)]
    pub(crate) cpu: f64,
    /// Lines that lanes logged, where each request tells how long it computed; - is stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// How long they may wait before they compute: p99:100ms
    #[arg(long, value_name = "QUANTILE:TIME")]
    pub(crate) wait: Option<Quantile>,
    /// How long they may take in all
    #[arg(long, value_name = "QUANTILE:TIME")]
    pub(crate) response: Option<Quantile>,
    /// How many nginx share the lanes: one with Compose, two in k8s/
    #[arg(long, default_value_t = 1, value_parser = count(64))]
    pub(crate) nginx: u32,
    /// Requests a second before a sudden rise to --rate [default: a quarter]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) from: Option<f64>,
    /// minReplicas of k8s/app-hpa.yaml
    #[arg(long, value_name = "LANES", default_value_t = 2, value_parser = count(MOST))]
    pub(crate) min_replicas: u32,
    /// maxReplicas
    #[arg(long, value_name = "LANES", default_value_t = 20, value_parser = count(MOST))]
    pub(crate) max_replicas: u32,
    /// averageUtilization
    #[arg(long, value_name = "PERCENT", default_value_t = 80, value_parser = count(1000))]
    pub(crate) cpu_target: u32,
    /// requests.cpu of k8s/app-deployment.yaml
    #[arg(long, value_name = "MILLICPUS", default_value = "250m", value_parser = millicpus)]
    pub(crate) cpu_request: u32,
    /// For programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// Beyond so many lanes one nginx is out of its depth, and so is this model.
pub(crate) const MOST: u32 = 4096;

/// A share of all requests, and the time that they may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quantile {
    /// As given, of a hundred.
    pub(crate) percent: f64,
    pub(crate) time: Duration,
}

impl Args {
    /// The one that goes by CPU.
    pub(crate) fn autoscaler(&self) -> Result<Autoscaler, String> {
        let (min, max) = (self.min_replicas, self.max_replicas);
        if min > max {
            return Err(format!(
                "--min-replicas {min} is more than --max-replicas {max}"
            ));
        }
        Ok(Autoscaler {
            min: min as usize,
            max: max as usize,
            signal: Signal::Cpu {
                target: f64::from(self.cpu_target) / 100.0,
                request: f64::from(self.cpu_request) / 1000.0,
                used: self.cpu,
            },
            ..Autoscaler::SHIPPED
        })
    }
}

impl FromStr for Quantile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (percent, time) = text
            .strip_prefix('p')
            .and_then(|text| text.split_once(':'))
            .ok_or("must look like p99:100ms")?;
        let time = parse_duration(time).map_err(|err| format!("`{time}` is not a time: {err}"))?;
        match percent.parse::<f64>() {
            // Beyond that, a simulation of minutes would be needed.
            Ok(percent) if (1.0..=99.9).contains(&percent) => Ok(Self { percent, time }),
            _ => Err(format!("`p{percent}` is not between p1 and p99.9")),
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        _ => Err("must be a number of requests a second, from 0.001 to 1000000".to_owned()),
    }
}

/// Of the time: `5%` or `0.05`.
fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    match number.parse::<f64>() {
        Ok(number) if (0.0..=unit).contains(&number) => Ok(number / unit),
        _ => Err("must be a share of the time, from 0% to 100%, like 5% or 0.05".to_owned()),
    }
}

fn count(most: u32) -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(most))
}

/// As Kubernetes writes it: 250m, 0.25, 1.
fn millicpus(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(number) => (number, 1.0),
        None => (text, 1000.0),
    };
    let millis = number.parse::<f64>().map(|number| (number * unit).round());
    match millis {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is in the range"
        )]
        Ok(millis) if (1.0..=1e6).contains(&millis) => Ok(millis as u32),
        _ => Err("must be CPUs as Kubernetes writes them, like 250m or 1".to_owned()),
    }
}
