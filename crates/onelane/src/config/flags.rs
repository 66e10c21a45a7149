//! The command-line flags of the settings.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{LogFormat, LogLevel, Mode};

/// The same keys as command-line flags: whatever is given wins over everything else.
#[derive(Debug, Args, Serialize)]
pub struct Flags {
    /// Read settings from this TOML file
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip)]
    pub(super) config: Option<PathBuf>,
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
    /// pool, cluster: replace a process after about so many requests; 0 is never [default: 0]
    #[arg(long, global = true, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_requests: Option<u32>,
    /// fork, pool: CPU time of one computation; 0s is the longest computation and a second more [default: 0s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    #[serde(skip_serializing_if = "Option::is_none")]
    child_cpu_time: Option<String>,
    /// fork, pool: memory of one child, in MiB; 0 is its share of the container's [default: 0]
    #[arg(long, global = true, value_name = "MIB")]
    #[serde(skip_serializing_if = "Option::is_none")]
    child_memory_mib: Option<u64>,
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
