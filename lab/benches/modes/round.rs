//! What is measured, once.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use onelane_lab::client::Connections::Kept;
use onelane_lab::client::{self, Served};
use onelane_lab::figures::{in_ms, quantile};
use onelane_lab::server::Server;
use onelane_lab::usage::Usage;
use onelane_lab::{node, onelane};

use crate::bare::Noop;

/// Until caches, branch predictors and just-in-time compilers have settled.
const WARM_UP: Duration = Duration::from_millis(300);
const TIME: Duration = Duration::from_secs(1);
/// As many as keep every slot of every mode busy.
const MANY: u32 = 8;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Subject {
    Bare,
    Mode(&'static str),
    NodeFork,
}

/// Its figures in one round.
pub(crate) struct Trial {
    pub(crate) subject: Subject,
    /// Over one connection.
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
    /// Over many connections.
    pub(crate) per_second: f64,
    /// CPU time of all its processes per request, meanwhile; unknown where there is no server.
    pub(crate) cpu_us: Option<f64>,
    pub(crate) failed: usize,
}

impl Subject {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let modes = onelane::MODES.into_iter().map(Self::Mode);
        [Self::Bare]
            .into_iter()
            .chain(modes)
            .chain([Self::NodeFork])
    }

    pub(crate) fn may_be_absent(self) -> bool {
        self == Self::NodeFork
    }

    pub(crate) fn measure(self, binary: &Path, noop: &Noop) -> Result<Trial, String> {
        let server = match self {
            Self::Bare => None,
            Self::Mode(mode) => Some(onelane::start(binary, mode, &[])?),
            Self::NodeFork => Some(node::start("fork", &[])?),
        };
        let run = |connections, time| match &server {
            None => noop.run(connections, time),
            Some(server) => client::run(server.address(), "/fast", (connections, Kept), time),
        };
        run(1, WARM_UP);
        let one = run(1, TIME);
        run(MANY, WARM_UP);
        let before = server.as_ref().map(cpu_us);
        let many = run(MANY, TIME);
        let after = server.as_ref().map(cpu_us);
        let cpu_us = before.zip(after).map(|(before, after)| after - before);
        Ok(Trial::of(self, &one, &many, cpu_us))
    }
}

fn cpu_us(server: &Server) -> f64 {
    Usage::of_tree(server.pid()).cpu.as_secs_f64() * 1e6
}

impl Trial {
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
    fn of(subject: Subject, one: &Served, many: &Served, cpu_us: Option<f64>) -> Self {
        let latencies = in_ms(&one.latencies);
        Self {
            subject,
            median_ms: quantile(&latencies, 0.5),
            p99_ms: quantile(&latencies, 0.99),
            per_second: many.per_second(),
            cpu_us: cpu_us.map(|us| us / many.latencies.len() as f64),
            failed: one.failed + many.failed,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bare => "posix_spawn + wait",
            Self::Mode(mode) => mode,
            Self::NodeFork => "Node fork",
        })
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "median {:.3} ms, p99 {:.3} ms; {:.0} requests/s over {MANY} connections",
            self.median_ms, self.p99_ms, self.per_second
        )?;
        match self.failed {
            0 => Ok(()),
            failed => write!(f, "; {failed} FAILED"),
        }
    }
}
