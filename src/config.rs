//! Settings: defaults < TOML file < `ONELANE_*` environment < flags. The only reader of the
//! environment. What a user may write is [`Raw`]; what the program works with is [`Settings`].

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use config::{Config, ConfigError, Environment, File, FileFormat};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tracing::level_filters::LevelFilter;

/// How requests are computed. Spelled the same in flags, environment, file, metrics and docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One request at a time, on one thread.
    Blocking,
}

impl Display for Mode {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        formatter.write_str(value.expect("no mode is hidden").get_name())
    }
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for machines
    Json,
    /// One line of text, for people
    Text,
}

/// The least important events that are still logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing
    Off,
    /// What failed
    Error,
    /// And what may fail soon
    Warn,
    /// And one line per request
    Info,
    /// And what a developer of onelane may want
    Debug,
    /// And everything
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// The same keys as command-line flags: whatever is given wins over everything else.
#[derive(Debug, Args, Serialize)]
pub struct Flags {
    /// Read settings from this TOML file
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// How requests are computed [default: blocking]
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    /// Public listener; port 0 takes any free port [default: 0.0.0.0:5000]
    #[arg(long, global = true, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// Listener for probes, metrics and status [default: 0.0.0.0:9464]
    #[arg(long, global = true, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_listen: Option<SocketAddr>,
    /// Requests computed at once; 0 is what the mode makes of it [default: 0]
    #[arg(long, global = true, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    slots: Option<u32>,
    /// Requests that may wait; beyond them the answer is 503 [default: 10 × slots]
    #[arg(long, global = true, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_max: Option<u32>,
    /// Longest wait for a slot [default: 10s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_timeout: Option<String>,
    /// Longest computation [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    #[serde(skip_serializing_if = "Option::is_none")]
    request_timeout: Option<String>,
    /// After SIGTERM: time still serving while /readyz already says no [default: 0s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    #[serde(skip_serializing_if = "Option::is_none")]
    drain_delay: Option<String>,
    /// After SIGTERM: time until whatever is left is killed [default: 35s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_timeout: Option<String>,
    /// One line per request on stderr, as this [default: json]
    #[arg(long, global = true, value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<LogFormat>,
    /// The least important events that are still logged [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_level: Option<LogLevel>,
}

/// Checks a flag's duration while clap can still name the flag; serde reads it again later.
fn duration(text: &str) -> Result<String, String> {
    match humantime_serde::re::humantime::parse_duration(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(err) => Err(err.to_string()),
    }
}

/// Settings as written, defaults filled in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    #[serde(deserialize_with = "named")]
    mode: Mode,
    listen: SocketAddr,
    admin_listen: SocketAddr,
    slots: u32,
    queue_max: Option<u32>,
    #[serde(with = "humantime_serde")]
    queue_timeout: Duration,
    #[serde(with = "humantime_serde")]
    request_timeout: Duration,
    #[serde(with = "humantime_serde")]
    drain_delay: Duration,
    #[serde(with = "humantime_serde")]
    shutdown_timeout: Duration,
    #[serde(deserialize_with = "named")]
    log_format: LogFormat,
    #[serde(deserialize_with = "named")]
    log_level: LogLevel,
}

/// One of a few names; the error lists them, which the enums of the config crate do not.
fn named<'de, D: Deserializer<'de>, T: ValueEnum>(source: D) -> Result<T, D::Error> {
    let given = String::deserialize(source)?;
    T::from_str(&given, false).map_err(|_| {
        let values = T::value_variants().iter();
        let known: Vec<_> = values
            .filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()))
            .collect();
        D::Error::custom(format!(
            "unknown value `{given}`, expected {}",
            known.join(", ")
        ))
    })
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            mode: Mode::Blocking,
            listen: SocketAddr::from(([0, 0, 0, 0], 5000)),
            admin_listen: SocketAddr::from(([0, 0, 0, 0], 9464)),
            slots: 0,
            queue_max: None,
            queue_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(35),
            log_format: LogFormat::Json,
            log_level: LogLevel::Info,
        }
    }
}

/// Settings in effect: checked, and with every default worked out.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    /// How requests are computed.
    pub mode: Mode,
    /// Where the public listens.
    pub listen: SocketAddr,
    /// Where probes, scrapes and people who watch are answered.
    pub admin_listen: SocketAddr,
    /// Requests computed at once; at least 1.
    pub slots: u32,
    /// Requests that may wait for a slot.
    pub queue_max: u32,
    /// Longest wait for a slot, counted from the request's arrival.
    #[serde(with = "humantime_serde")]
    pub queue_timeout: Duration,
    /// Longest computation; callers may shorten it.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// After SIGTERM: time still serving while not ready, for balancers that poll.
    #[serde(with = "humantime_serde")]
    pub drain_delay: Duration,
    /// After SIGTERM: time until whatever is left is killed.
    #[serde(with = "humantime_serde")]
    pub shutdown_timeout: Duration,
    /// The shape of a log line.
    pub log_format: LogFormat,
    /// The least important events that are still logged.
    pub log_level: LogLevel,
}

/// Why the process cannot start: one line, in words for whoever wrote the setting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

impl From<ConfigError> for Invalid {
    fn from(err: ConfigError) -> Self {
        // A TOML error draws its position over several lines.
        let lines = err.to_string();
        Self(lines.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Settings {
    /// Reads all layers. Nothing is bound and nothing is logged yet.
    pub fn load(flags: &Flags) -> Result<Self, Invalid> {
        let mut layers = Config::builder();
        if let Some(path) = &flags.config {
            layers = layers.add_source(File::from(path.as_path()).format(FileFormat::Toml));
        }
        let raw: Raw = layers
            .add_source(environment(std::env::vars_os())?)
            .add_source(Config::try_from(flags)?)
            .build()?
            .try_deserialize()?;
        raw.resolve()
    }

    /// The settings as a TOML document that `--config` accepts.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings are a flat table of plain values")
    }
}

const PREFIX: &str = "ONELANE_";

/// The variables with our prefix; every one of them must turn out to be a known key.
fn environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Environment, Invalid> {
    let mut ours = HashMap::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let value = value
            .into_string()
            .map_err(|_| Invalid(format!("{name}: not valid UTF-8")))?;
        ours.insert(name.to_owned(), value);
    }
    Ok(Environment::with_prefix("ONELANE").source(Some(ours)))
}

impl Raw {
    fn resolve(self) -> Result<Settings, Invalid> {
        let slots = match (self.mode, self.slots) {
            (Mode::Blocking, 0 | 1) => 1,
            (Mode::Blocking, n) => {
                return Err(Invalid(format!(
                    "slots: {n} is not possible, blocking computes exactly 1 request at a time"
                )));
            }
        };
        for (key, value) in [
            ("request_timeout", self.request_timeout),
            ("shutdown_timeout", self.shutdown_timeout),
        ] {
            if value.is_zero() {
                return Err(Invalid(format!("{key}: must be longer than 0s")));
            }
        }
        Ok(Settings {
            mode: self.mode,
            listen: self.listen,
            admin_listen: self.admin_listen,
            slots,
            queue_max: self.queue_max.unwrap_or(slots.saturating_mul(10)),
            queue_timeout: self.queue_timeout,
            request_timeout: self.request_timeout,
            drain_delay: self.drain_delay,
            shutdown_timeout: self.shutdown_timeout,
            log_format: self.log_format,
            log_level: self.log_level,
        })
    }
}
