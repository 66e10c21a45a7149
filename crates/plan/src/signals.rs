//! Which signal the autoscaler needs: CPU, which every cluster can measure, or lanes, which takes a
//! Prometheus. Both are tried.

use onelane_sim::{Autoscaler, Signal};
use serde::Serialize;

use crate::rise::Rise;
use crate::steady::Steady;
use crate::trial::Trial;

/// Requests of a rise that CPU may lose beyond what lanes do, and still be enough: it is simpler to have.
const TOLERATED: f64 = 0.01;

#[derive(Debug, Serialize)]
pub(crate) struct Signals {
    pub(crate) needed: Name,
    pub(crate) cpu: Scaled,
    pub(crate) lanes: Scaled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Name {
    Cpu,
    Lanes,
}

/// What an autoscaler makes of the load.
#[derive(Debug, Serialize)]
pub(crate) struct Scaled {
    /// Lanes that it keeps for each that is busy, while no request waits.
    pub(crate) lanes_for_each_busy: f64,
    pub(crate) steady: Steady,
    pub(crate) rise: Rise,
}

impl Signals {
    pub(crate) fn of(trial: &Trial, autoscaler: Autoscaler) -> Self {
        let cpu = Scaled::of(trial, autoscaler);
        let lanes = Scaled::of(
            trial,
            Autoscaler {
                signal: Signal::LANES,
                ..autoscaler
            },
        );
        Self {
            needed: if cpu.is_enough_beside(&lanes) {
                Name::Cpu
            } else {
                Name::Lanes
            },
            cpu,
            lanes,
        }
    }

    pub(crate) fn needed(&self) -> &Scaled {
        match self.needed {
            Name::Cpu => &self.cpu,
            Name::Lanes => &self.lanes,
        }
    }
}

impl Scaled {
    fn of(trial: &Trial, autoscaler: Autoscaler) -> Self {
        Self {
            lanes_for_each_busy: autoscaler.signal.lanes_for_each_busy(),
            steady: Steady::of(trial, autoscaler),
            rise: Rise::of(trial, autoscaler),
        }
    }

    fn is_enough_beside(&self, lanes: &Self) -> bool {
        self.steady.is_as_good_as(&lanes.steady)
            && self.rise.lost() <= lanes.rise.lost() + TOLERATED
    }
}
