//! What is measured, once.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use onelane_lab::client::Connections::Kept;
use onelane_lab::client::{self, Served};
use onelane_lab::figures::{in_ms, quantile};
use onelane_lab::machine::Meter;
use onelane_lab::{node, onelane};

use crate::bare::Noop;

/// Until caches, branch predictors and just-in-time compilers have settled.
const WARM_UP: Duration = Duration::from_millis(300);
const TIME: Duration = Duration::from_secs(1);
/// The kernel counts the machine's CPU time in hundredths of a second.
const TIME_FOR_CPU: Duration = Duration::from_secs(2);
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
    /// CPU time of the whole machine but this process per request, meanwhile; unknown where there is no server, as
    /// this process does its work.
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
        let meter = Meter::start();
        let many = run(MANY, TIME_FOR_CPU);
        let cpu = server.as_ref().map(|_| meter.spent());
        Ok(Trial::of(self, &one, &many, cpu))
    }
}

impl Trial {
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
    fn of(subject: Subject, one: &Served, many: &Served, cpu: Option<Duration>) -> Self {
        let latencies = in_ms(&one.latencies);
        Self {
            subject,
            median_ms: quantile(&latencies, 0.5),
            p99_ms: quantile(&latencies, 0.99),
            per_second: many.per_second(),
            cpu_us: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / many.latencies.len() as f64),
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
