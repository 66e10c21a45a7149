//! What a worker tells its parent about itself. It reports soon when something changes, and every second if
//! nothing does, so that silence means trouble.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::admin::SlotStatus;
use crate::metrics::MetricsSnapshot;

/// The longest a healthy worker is silent.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

/// The shortest time between two reports: faster changes share one, unless it is the first request after
/// none.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// A worker at one moment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Report {
    /// Why it will never take connections, if its workloads cannot be loaded.
    pub(super) failed: Option<String>,
    /// Whether it takes connections.
    pub(super) listening: bool,
    /// Whether it has nothing to do, so that it takes the next connection at once.
    pub(super) idle: bool,
    /// Requests that have no answer yet: should it end now, they are lost.
    pub(super) in_flight: i64,
    /// Connections that it has taken so far.
    pub(super) accepted: u64,
    /// Whether it has served as many requests as it should.
    pub(super) spent: bool,
    /// Why only a new process would help, if its computation cannot be stopped.
    pub(super) stuck: Option<String>,
    /// Its only slot.
    pub(super) slot: Option<SlotStatus>,
    /// The recent mean time per request.
    pub(super) mean_service: Option<Duration>,
    /// All its numbers.
    pub(super) metrics: MetricsSnapshot,
}

impl Report {
    pub(super) fn has_request(&self) -> bool {
        self.in_flight > 0
    }
}
