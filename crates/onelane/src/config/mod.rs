//! Settings: defaults < TOML file < `ONELANE_*` environment < flags. The only reader of the
//! environment. What a user may write is [`Raw`]; what the program works with is [`Settings`].

mod container;
mod flags;
mod names;

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use config::{Config, ConfigError, Environment, File, FileFormat};
use serde::{Deserialize, Serialize};

pub use flags::Flags;
use names::named;
pub use names::{LogFormat, LogLevel, Mode};

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
    max_requests: u32,
    #[serde(with = "humantime_serde")]
    child_cpu_time: Duration,
    child_memory_mib: u64,
    #[serde(deserialize_with = "named")]
    log_format: LogFormat,
    #[serde(deserialize_with = "named")]
    log_level: LogLevel,
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
            max_requests: 0,
            child_cpu_time: Duration::ZERO,
            child_memory_mib: 0,
            log_format: LogFormat::Json,
            log_level: LogLevel::Info,
        }
    }
}

/// Settings in effect: checked, and with every default worked out.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// Requests after which a process of the pool or cluster is replaced; 0 is never.
    pub max_requests: u32,
    /// CPU time of one computation in a child.
    #[serde(with = "humantime_serde")]
    pub child_cpu_time: Duration,
    /// Memory of one child in MiB; 0 is unlimited.
    pub child_memory_mib: u64,
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

    /// The settings for a child process, which [`Settings::from_json`] reads there.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("settings are a flat table of plain values")
    }

    /// The settings in effect in the parent process.
    pub fn from_json(json: &str) -> Result<Self, Invalid> {
        serde_json::from_str(json).map_err(|err| Invalid(err.to_string()))
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
        for (key, value) in [
            ("request_timeout", self.request_timeout),
            ("shutdown_timeout", self.shutdown_timeout),
        ] {
            if value.is_zero() {
                return Err(Invalid(format!("{key}: must be longer than 0s")));
            }
        }
        let slots = self.slots_in_effect()?;
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
            max_requests: self.max_requests,
            child_cpu_time: if self.child_cpu_time.is_zero() {
                // So that it is the deadline that ends what computes too long, and this only what
                // nobody watches any more.
                self.request_timeout + Duration::from_secs(1)
            } else {
                self.child_cpu_time
            },
            child_memory_mib: if self.child_memory_mib == 0 {
                container::memory_share_mib(slots)
            } else {
                self.child_memory_mib
            },
            log_format: self.log_format,
            log_level: self.log_level,
        })
    }

    fn slots_in_effect(&self) -> Result<u32, Invalid> {
        match (self.mode, self.slots) {
            (Mode::Blocking, 0 | 1) => Ok(1),
            (Mode::Blocking, n) => Err(Invalid(format!(
                "slots: {n} is not possible, blocking computes exactly 1 request at a time"
            ))),
            // What PHP-FPM, gunicorn and database pools start with is of this order, too.
            (Mode::Pool, 0) => Ok(7),
            (Mode::Fork | Mode::Cluster | Mode::Threads, 0) => Ok(container::cpus()),
            (_, n) => Ok(n),
        }
    }
}
