//! What variables of OpenTelemetry can mean here.

use std::fmt::Display;
use std::str::FromStr;

use crate::config::invalid::Invalid;

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

/// Fails for what is no address of a collector.
pub(super) fn check_endpoint(name: &str, endpoint: &str) -> Result<(), Invalid> {
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

/// Fails for variables that ask for what is not possible.
pub(super) fn check_fixed(
    variable: &impl Fn(&str) -> Result<Option<String>, Invalid>,
) -> Result<(), Invalid> {
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

/// The number that a variable has.
pub(super) fn number<N: FromStr<Err: Display>>(
    variable: &impl Fn(&str) -> Result<Option<String>, Invalid>,
    name: &str,
) -> Result<Option<N>, Invalid> {
    let value = variable(name)?;
    value.map(|value| parse(name, &value)).transpose()
}

/// The number that the variable of this name is told to have.
pub(super) fn parse<N: FromStr<Err: Display>>(name: &str, value: &str) -> Result<N, Invalid> {
    value
        .trim()
        .parse()
        .map_err(|err| wrong(name, &format!("`{value}` is no plain number: {err}")))
}

/// Fails for 0.
pub(super) fn positive<N: PartialEq + Default>(name: &str, number: N) -> Result<N, Invalid> {
    if number == N::default() {
        return Err(wrong(name, "must be above 0"));
    }
    Ok(number)
}

/// Says of a variable why it cannot be followed.
pub(super) fn wrong(name: &str, why: &str) -> Invalid {
    Invalid(format!("{name}: {why}"))
}
