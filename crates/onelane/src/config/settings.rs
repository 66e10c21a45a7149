//! The settings. Each is one field and is written nowhere else: the field's name is the key, its
//! doc comment is the flag's help, and its default is written as a user would write it. How the
//! layers fill the fields is left to [`super`].

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Command};
use config::Value;
use humantime_serde::re::humantime::parse_duration;
use serde::{Deserialize, Serialize};

use super::invalid::Invalid;
use super::names::{LogFormat, LogLevel, Mode, named};
use super::origins::Origins;
use super::own::Written;
#[cfg(feature = "otlp")]
use super::traces::Traces;
use super::whole::whole;

/// Settings in effect: they are checked, and what was left open is worked out.
///
/// `Args` is derived for what it tells clap about the flags. clap never fills this struct, because
/// it knows only one of the layers: see [`super::Flags`].
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How requests are computed
    #[arg(long, default_value = "blocking")]
    #[serde(deserialize_with = "named")]
    pub mode: Mode,
    /// Public listener; [::] is every address, port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:5000")]
    pub listen: SocketAddr,
    /// Listener for probes, metrics and status
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:9464")]
    pub admin_listen: SocketAddr,
    /// Requests computed at once; 0 is what the mode makes of it
    #[arg(long, value_name = "N", default_value = "0")]
    #[serde(deserialize_with = "whole")]
    pub slots: u32,
    /// Requests that may wait; beyond them the answer is 503 [default: 10 × slots]
    // The only default that is not a number: 0 already means that no request waits. So the key may be
    // missing from all layers, and `worked_out` fills it in.
    #[arg(long, value_name = "N", required = false)]
    #[serde(default, deserialize_with = "whole")]
    pub queue_max: u32,
    /// Longest wait for a slot, counted from the request's arrival
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    #[serde(with = "humantime_serde")]
    pub queue_timeout: Duration,
    /// Longest computation; callers may shorten it
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Longest time to hand an answer over; a client that reads more slowly is cut off
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    #[serde(with = "humantime_serde")]
    pub send_timeout: Duration,
    /// After SIGTERM: time still serving while /readyz already says no, for balancers that poll
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    #[serde(with = "humantime_serde")]
    pub drain_delay: Duration,
    /// After SIGTERM: time until whatever is left is killed
    #[arg(long, value_name = "DURATION", default_value = "35s", value_parser = parse_duration)]
    #[serde(with = "humantime_serde")]
    pub shutdown_timeout: Duration,
    /// pool, cluster: replace a process after about so many requests; 0 is never
    #[arg(long, value_name = "N", default_value = "0")]
    #[serde(deserialize_with = "whole")]
    pub max_requests: u32,
    /// fork: children that are kept ready for the next requests; 0 forks each when it is needed
    #[arg(long, value_name = "N", default_value = "2")]
    #[serde(deserialize_with = "whole")]
    pub spare_children: u32,
    /// fork, pool: CPU time of one computation; 0s is the longest computation and a second more
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    #[serde(with = "humantime_serde")]
    pub child_cpu_time: Duration,
    /// fork, pool: memory of one child, in MiB; 0 is its share of the container's
    #[arg(long, value_name = "MIB", default_value = "0")]
    #[serde(deserialize_with = "whole")]
    pub child_memory_mib: u64,
    /// Sites whose pages may read answers: `https://app.example.com`, more after commas, or `*` [default: none]
    #[arg(long, value_name = "ORIGINS", required = false, value_parser = |text: &str| Origins::try_from(text.to_owned()))]
    #[serde(default)]
    pub cors_origins: Origins,
    /// One line per request on stderr, as this; auto is text on a terminal and json anywhere else
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    #[serde(deserialize_with = "named")]
    pub log_format: LogFormat,
    /// The least important events that are still logged
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    #[serde(deserialize_with = "named")]
    pub log_level: LogLevel,
    /// The tables of the workloads that have settings of their own, by name.
    #[arg(skip)]
    #[serde(skip)]
    pub own: serde_json::Map<String, Written>,
    /// The same with all defaults, and without secrets.
    #[arg(skip)]
    #[serde(skip)]
    pub own_in_effect: toml::Table,
    /// Where spans are exported to: what the variables of OpenTelemetry say.
    #[cfg(feature = "otlp")]
    #[arg(skip)]
    #[serde(skip)]
    pub traces: Option<Traces>,
}

impl Settings {
    /// The name of every key.
    pub fn keys() -> Vec<String> {
        let flags = Self::augment_args(Command::default());
        let keys = flags.get_arguments().map(|flag| flag.get_id().to_string());
        keys.collect()
    }

    /// The settings for a child process, which [`Settings::from_json`] reads there. There are secrets in it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&(self, &self.own)).expect("settings are plain values")
    }

    /// The settings in effect in the parent process.
    pub fn from_json(json: &str) -> Result<Self, Invalid> {
        let parsed = serde_json::from_str(json);
        let (settings, own): (Value, _) = parsed.map_err(|err| Invalid(err.to_string()))?;
        // Read as the layers are: the code for another format would be some kilobytes of the program.
        let settings: Self = settings.try_deserialize()?;
        Ok(Self {
            own,
            // Of the same variables.
            #[cfg(feature = "otlp")]
            traces: Traces::of_environment()?,
            ..settings
        })
    }

    /// The settings as a TOML document that `--config` accepts, but for secrets.
    pub fn to_toml(&self) -> String {
        let engine = toml::to_string(self).expect("settings are a flat table of plain values");
        #[cfg(feature = "otlp")]
        let engine = engine + &Traces::comment(self.traces.as_ref());
        let own = toml::to_string(&self.own_in_effect).expect("what is a table can be written");
        match own.as_str() {
            "" => engine,
            own => format!("{engine}\n{own}"),
        }
    }
}
