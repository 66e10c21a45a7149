//! What a worker tells its parent about itself: soon when something changes, and regularly when
//! nothing does, so that silence means trouble.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::admin::SlotSight;
use crate::metrics::Snapshot;

/// The longest a healthy worker is silent.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

/// The shortest time between two reports: what changes more often is told together, unless it is the
/// first request after none.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// A worker at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Report {
    /// Whether it takes connections.
    pub(super) listening: bool,
    /// Whether it has nothing to do, so that it takes the next one at once.
    pub(super) idle: bool,
    /// Requests that have no answer yet: should it end now, they are lost.
    pub(super) in_flight: i64,
    /// Connections that it has taken so far.
    pub(super) accepted: u64,
    /// Whether it has served as many requests as it should.
    pub(super) spent: bool,
    /// Why it cannot stop what it computes.
    pub(super) stuck: Option<String>,
    /// Its only slot.
    pub(super) slot: Option<SlotSight>,
    /// Recent time per request.
    pub(super) mean_service: Option<Duration>,
    /// All its numbers.
    pub(super) metrics: Snapshot,
}

impl Report {
    pub(super) fn has_request(&self) -> bool {
        self.in_flight > 0
    }
}
