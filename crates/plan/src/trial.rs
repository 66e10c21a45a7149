//! What an autoscaler is tried with, whichever signal it follows.

use onelane_sim::{Autoscaler, Limits, System};

use crate::demand::Demand;
use crate::search::behind;

/// The load, and what is behind it.
pub(crate) struct Trial<'a> {
    pub(crate) demand: &'a Demand,
    pub(crate) limits: Limits,
    pub(crate) nginx: usize,
    /// Lanes that meet the target.
    pub(crate) enough: usize,
    /// The rate before the rise.
    pub(crate) from_rate: f64,
}

impl Trial<'_> {
    /// With `lanes` to begin with.
    pub(crate) fn system(&self, autoscaler: Autoscaler, lanes: usize) -> System {
        System {
            autoscaler: Some(autoscaler),
            limits: self.limits,
            ..behind(self.nginx, lanes)
        }
    }
}
