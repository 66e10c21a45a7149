//! Where spans are exported to, by the variables that OpenTelemetry has for it
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>). They are no settings of the
//! engine: other programs read the same. What they cannot mean here is an error all the same. The crates that export read
//! `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_RESOURCE_ATTRIBUTES` by themselves.

mod values;

use std::env;
use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::invalid::Invalid;
use values::{check_endpoint, check_fixed, number, parse, positive, wrong};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const TRACES_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
const DELAY: &str = "OTEL_BSP_SCHEDULE_DELAY";
const QUEUE_MAX: &str = "OTEL_BSP_MAX_QUEUE_SIZE";
const BATCH_MAX: &str = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";

/// What switches traces off, although there is a collector.
const OFF: [(&str, &str); 2] = [
    ("OTEL_SDK_DISABLED", "true"),
    ("OTEL_TRACES_EXPORTER", "none"),
];

/// The most spans that can be told to wait: each may be worth 4 kB of memory.
const QUEUE_LIMIT: usize = 100_000;

/// Where spans are exported to, and which.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// Where a collector takes spans.
    pub endpoint: String,
    /// What to call the service, if not by its name.
    pub service_name: Option<String>,
    /// Whether a caller decides for its own traces.
    pub parent_based: bool,
    /// Which of the others are exported.
    pub root: RootSampler,
    /// The longest that one export may take.
    pub timeout: Duration,
    /// How long spans wait for more of them.
    pub delay: Duration,
    /// How many spans may wait.
    pub queue_max: usize,
    /// How many are sent at once.
    pub batch_max: usize,
}

/// Which traces are exported of those that begin here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RootSampler {
    All,
    None,
    /// This part of them, decided by their ids.
    Ratio(f64),
}

impl Traces {
    /// What the environment says; none if spans are not exported.
    pub(super) fn of_environment() -> Result<Option<Self>, Invalid> {
        Self::of(|name| {
            let value = env::var_os(name).filter(|value| !value.is_empty());
            let value = value.map(OsString::into_string);
            value
                .transpose()
                .map_err(|_| wrong(name, "not valid UTF-8"))
        })
    }

    /// A variable that is empty is none.
    fn of(
        variable: impl Fn(&str) -> Result<Option<String>, Invalid>,
    ) -> Result<Option<Self>, Invalid> {
        for (name, off) in OFF {
            if variable(name)?.is_some_and(|value| value == off) {
                return Ok(None);
            }
        }
        let (name, endpoint) = match (variable(TRACES_ENDPOINT)?, variable(ENDPOINT)?) {
            (Some(endpoint), _) => (TRACES_ENDPOINT, endpoint),
            (None, Some(base)) => (
                ENDPOINT,
                format!("{}/v1/traces", base.trim_end_matches('/')),
            ),
            (None, None) => return Ok(None),
        };
        check_endpoint(name, &endpoint)?;
        check_fixed(&variable)?;
        let (parent_based, root) = sampler(variable(SAMPLER)?, variable(SAMPLER_ARG)?)?;
        let timeout = match number(&variable, TRACES_TIMEOUT)? {
            Some(timeout) => Some(timeout),
            None => number(&variable, TIMEOUT)?,
        };
        let queue_max = positive(QUEUE_MAX, number(&variable, QUEUE_MAX)?.unwrap_or(2048))?;
        if queue_max > QUEUE_LIMIT {
            return Err(wrong(QUEUE_MAX, &format!("must be at most {QUEUE_LIMIT}")));
        }
        let batch_max = number(&variable, BATCH_MAX)?.unwrap_or(512.min(queue_max));
        Ok(Some(Self {
            endpoint,
            service_name: variable(SERVICE_NAME)?,
            parent_based,
            root,
            timeout: Duration::from_millis(positive(TIMEOUT, timeout.unwrap_or(10_000))?),
            delay: Duration::from_millis(number(&variable, DELAY)?.unwrap_or(5000)),
            queue_max,
            batch_max: positive(BATCH_MAX, batch_max)?.min(queue_max),
        }))
    }

    /// All that is in effect, as comments of a TOML document: `--config` takes no variables.
    pub(super) fn comment(traces: Option<&Self>) -> String {
        let Some(traces) = traces else {
            return "# No traces are exported: OTEL_EXPORTER_OTLP_ENDPOINT names no collector.\n"
                .to_owned();
        };
        let ms = |duration: Duration| duration.as_millis().to_string();
        let mut lines = vec![(TRACES_ENDPOINT, traces.endpoint.clone())];
        lines.extend(traces.service_name.clone().map(|name| (SERVICE_NAME, name)));
        lines.push((SAMPLER, traces.to_string()));
        if let RootSampler::Ratio(ratio) = traces.root {
            lines.push((SAMPLER_ARG, ratio.to_string()));
        }
        lines.push((TRACES_TIMEOUT, ms(traces.timeout)));
        lines.push((DELAY, ms(traces.delay)));
        lines.push((QUEUE_MAX, traces.queue_max.to_string()));
        lines.push((BATCH_MAX, traces.batch_max.to_string()));
        let lines = lines
            .into_iter()
            .map(|(name, value)| format!("#   {name}={value:?}\n"));
        let lines: String = lines.collect();
        format!("# Traces are exported, because of the environment:\n{lines}")
    }
}

/// The name of the sampler.
impl Display for Traces {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        if self.parent_based {
            formatter.write_str("parentbased_")?;
        }
        formatter.write_str(match self.root {
            RootSampler::All => "always_on",
            RootSampler::None => "always_off",
            RootSampler::Ratio(_) => "traceidratio",
        })
    }
}

fn sampler(name: Option<String>, argument: Option<String>) -> Result<(bool, RootSampler), Invalid> {
    let name = name.unwrap_or_else(|| "parentbased_always_on".to_owned());
    let (parent_based, root) = match name.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, name.as_str()),
    };
    let root = match root {
        "always_on" => RootSampler::All,
        "always_off" => RootSampler::None,
        "traceidratio" => {
            let ratio = argument.map_or(Ok(1.0), |ratio| parse(SAMPLER_ARG, &ratio))?;
            if !(0.0..=1.0).contains(&ratio) {
                return Err(wrong(SAMPLER_ARG, "must be a number from 0 to 1"));
            }
            RootSampler::Ratio(ratio)
        }
        _ => {
            let known = "always_on, always_off, traceidratio, or one of these after parentbased_";
            return Err(wrong(
                SAMPLER,
                &format!("unknown value `{name}`, expected {known}"),
            ));
        }
    };
    Ok((parent_based, root))
}

#[cfg(test)]
mod tests;
