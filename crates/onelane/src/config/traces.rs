//! Where spans are exported to, by the variables that OpenTelemetry has for it
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>). They are no settings of the
//! engine: other programs read the same. What they cannot mean here is an error all the same. The crates that export read
//! `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_RESOURCE_ATTRIBUTES` by themselves.

use std::env;
use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use super::invalid::Invalid;

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

/// Variables of which there is one value that is possible here, and what else to do.
const FIXED: [(&str, &str, &str); 5] = [
    ("OTEL_TRACES_EXPORTER", "otlp", "`none` switches traces off"),
    (
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http/protobuf",
        "collectors listen for it on port 4318",
    ),
    (
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "http/protobuf",
        "collectors listen for it on port 4318",
    ),
    (
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "none",
        "spans are not compressed",
    ),
    (
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        "none",
        "spans are not compressed",
    ),
];

/// Lists of `name=value`.
const LISTS: [&str; 3] = [
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
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

fn check_endpoint(name: &str, endpoint: &str) -> Result<(), Invalid> {
    let why = match endpoint.parse::<http::Uri>() {
        Ok(uri)
            if uri.scheme_str() == Some("http") && uri.host().is_some_and(|it| !it.is_empty()) =>
        {
            return Ok(());
        }
        Ok(uri) if uri.scheme_str() == Some("https") => {
            "https is not possible: let a collector nearby pass spans on"
        }
        _ => "must be a URL such as http://collector:4318",
    };
    Err(wrong(name, why))
}

fn check_fixed(variable: &impl Fn(&str) -> Result<Option<String>, Invalid>) -> Result<(), Invalid> {
    for (name, only, more) in FIXED {
        if let Some(value) = variable(name)?.filter(|value| value != only) {
            let why = format!("`{value}` is not possible, only `{only}`: {more}");
            return Err(wrong(name, &why));
        }
    }
    for name in LISTS {
        let list = variable(name)?.unwrap_or_default();
        let mut entries = list
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        if entries.any(|entry| !entry.contains('=') || entry.starts_with('=')) {
            return Err(wrong(name, "must be a list such as name=value,other=value"));
        }
    }
    Ok(())
}

fn number<N: FromStr<Err: Display>>(
    variable: &impl Fn(&str) -> Result<Option<String>, Invalid>,
    name: &str,
) -> Result<Option<N>, Invalid> {
    let value = variable(name)?;
    value.map(|value| parse(name, &value)).transpose()
}

fn parse<N: FromStr<Err: Display>>(name: &str, value: &str) -> Result<N, Invalid> {
    value
        .trim()
        .parse()
        .map_err(|err| wrong(name, &format!("`{value}`: {err}")))
}

fn positive<N: PartialEq + Default>(name: &str, number: N) -> Result<N, Invalid> {
    if number == N::default() {
        return Err(wrong(name, "must be above 0"));
    }
    Ok(number)
}

fn wrong(name: &str, why: &str) -> Invalid {
    Invalid(format!("{name}: {why}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const BASE: (&str, &str) = (ENDPOINT, "http://collector:4318");

    fn of(variables: &[(&str, &str)]) -> Result<Option<Traces>, String> {
        let value = |name: &str| {
            let mut variables = variables.iter();
            let found = variables.find(|(of, _)| *of == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        };
        Traces::of(value).map_err(|err| err.to_string())
    }

    #[rstest]
    #[case(&[])]
    #[case(&[BASE, ("OTEL_SDK_DISABLED", "true")])]
    #[case(&[BASE, ("OTEL_TRACES_EXPORTER", "none")])]
    #[case(&[(SAMPLER, "nonsense")])]
    fn without_a_collector_there_is_nothing_to_check(#[case] variables: &[(&str, &str)]) {
        assert_eq!(of(variables), Ok(None));
    }

    #[test]
    fn the_path_is_added_to_the_endpoint_of_all_signals_alone() {
        let endpoint = |variables: &[_]| of(variables).unwrap().unwrap().endpoint;
        assert_eq!(endpoint(&[BASE]), "http://collector:4318/v1/traces");
        assert_eq!(
            endpoint(&[(ENDPOINT, "http://c:1/x/")]),
            "http://c:1/x/v1/traces"
        );
        let traces = (TRACES_ENDPOINT, "http://other:1/spans");
        assert_eq!(endpoint(&[BASE, traces]), "http://other:1/spans");
    }

    #[rstest]
    #[case("always_on", false, RootSampler::All)]
    #[case("parentbased_always_off", true, RootSampler::None)]
    #[case("parentbased_traceidratio", true, RootSampler::Ratio(0.25))]
    fn a_sampler_has_the_name_that_others_give_it(
        #[case] name: &str,
        #[case] parent_based: bool,
        #[case] root: RootSampler,
    ) {
        let traces = of(&[BASE, (SAMPLER, name), (SAMPLER_ARG, "0.25")])
            .unwrap()
            .unwrap();
        assert_eq!((traces.parent_based, traces.root), (parent_based, root));
        assert_eq!(traces.to_string(), name);
    }

    #[rstest]
    #[case(ENDPOINT, "collector:4318")]
    #[case(ENDPOINT, "https://collector:4318")]
    #[case(TRACES_ENDPOINT, "http://")]
    #[case(SAMPLER, "sometimes")]
    #[case("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
    #[case("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip")]
    #[case("OTEL_TRACES_EXPORTER", "zipkin")]
    #[case("OTEL_RESOURCE_ATTRIBUTES", "team=a,b")]
    #[case("OTEL_EXPORTER_OTLP_HEADERS", "=x")]
    #[case(TIMEOUT, "10s")]
    #[case(TIMEOUT, "0")]
    #[case(QUEUE_MAX, "1000000")]
    #[case(BATCH_MAX, "-1")]
    fn what_is_not_possible_is_an_error_that_names_the_variable(
        #[case] name: &str,
        #[case] value: &str,
    ) {
        let variables = [(name, value), BASE];
        let err = of(&variables).unwrap_err();
        assert!(err.starts_with(&format!("{name}: ")), "{err}");
    }
}
