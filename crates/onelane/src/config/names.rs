//! Settings that are one of a few names.

use std::fmt::{self, Display, Formatter};
use std::io::{self, IsTerminal};

use clap::ValueEnum;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tracing::level_filters::LevelFilter;

/// How requests are computed. Spelled the same in flags, environment, file, metrics and docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One request at a time, on one thread
    Blocking,
    /// A fresh child process for each request
    Fork,
    /// Child processes that stay, handed from request to request
    Pool,
    /// Several processes on one port, each of them blocking
    Cluster,
    /// Several threads in one process
    Threads,
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
    /// Text on a terminal, JSON anywhere else
    Auto,
    /// One JSON object a line, for machines
    Json,
    /// One line of text, for people
    Text,
}

impl LogFormat {
    /// The same for a process whose stderr is something else: `auto` is settled by what stderr is here.
    pub fn settled(self) -> Self {
        match self {
            Self::Auto if io::stderr().is_terminal() => Self::Text,
            Self::Auto => Self::Json,
            settled => settled,
        }
    }
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

/// One of a few names; the error lists them, which the enums of the config crate do not.
pub(super) fn named<'de, D: Deserializer<'de>, T: ValueEnum>(source: D) -> Result<T, D::Error> {
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
