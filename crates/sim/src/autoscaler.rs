//! What `k8s/app-hpa.yaml` makes of a rising load. Of the way down it knows nothing: that begins
//! after five minutes.

use std::time::Duration;

/// metrics-server reads, and the autoscaler looks, as often as this.
pub(crate) const PERIOD: Duration = Duration::from_secs(15);
/// From the decision until a lane answers: scheduled, started and probed on a node with room that
/// has the image.
pub(crate) const START: Duration = Duration::from_secs(3);
/// Until nginx knows it: cluster DNS may be asked by somebody else up to 30 s before it changes, and
/// nginx asks every 2 s.
pub(crate) const DNS: Duration = Duration::from_secs(32);
/// A deviation that the autoscaler lets be.
const TOLERANCE: f64 = 0.1;

/// The numbers of the manifest.
#[derive(Debug, Clone, Copy)]
pub struct Autoscaler {
    /// `minReplicas`.
    pub min: usize,
    /// `maxReplicas`.
    pub max: usize,
    /// The share of its requested CPU that a lane should use.
    pub target: f64,
    /// The CPU that a lane requests.
    pub cpu_request: f64,
    /// `scaleUp` allows the larger of both in 15 s: this share more, …
    pub growth: f64,
    /// … or so many.
    pub pods: usize,
}

impl Autoscaler {
    /// As `k8s/` has it; a test holds it against the manifests.
    pub const SHIPPED: Self = Self {
        min: 2,
        max: 20,
        target: 0.8,
        cpu_request: 0.25,
        growth: 1.0,
        pods: 4,
    };

    /// How many lanes it wants in the end, when lanes use `cpus` in all.
    pub fn settled(&self, cpus: f64) -> usize {
        let lanes = (cpus / (self.target * self.cpu_request)).ceil();
        whole(lanes).clamp(self.min, self.max)
    }

    /// How many it wants next, when there are `lanes` and they use `cpus`.
    pub(crate) fn next(&self, cpus: f64, lanes: usize) -> usize {
        let wanted = cpus / (self.target * self.cpu_request);
        let ratio = wanted / as_f64(lanes);
        if (ratio - 1.0).abs() <= TOLERANCE {
            return lanes;
        }
        let grown = whole((as_f64(lanes) * (1.0 + self.growth)).ceil());
        self.settled(cpus)
            .min(grown.max(lanes + self.pods))
            .max(lanes)
    }
}

/// What the autoscaler has seen and decided.
#[derive(Debug)]
pub(crate) struct Scaling {
    autoscaler: Autoscaler,
    /// Those that have not started yet included.
    lanes: usize,
    /// What all lanes used in the last period.
    cpus: f64,
    /// By lane, at the last scrape.
    busy: Vec<Duration>,
}

impl Scaling {
    pub(crate) fn new(autoscaler: Autoscaler, lanes: usize) -> Self {
        Self {
            autoscaler,
            lanes,
            cpus: 0.0,
            busy: Vec::new(),
        }
    }

    /// metrics-server reads how long each lane has computed. Only those count that were there
    /// during the whole period.
    pub(crate) fn scrape(&mut self, busy: Vec<Duration>) {
        let seen = self.busy.iter().zip(&busy);
        let used: Duration = seen
            .map(|(before, after)| after.saturating_sub(*before))
            .sum();
        self.cpus = used.as_secs_f64() / PERIOD.as_secs_f64();
        self.busy = busy;
    }

    /// How many more lanes it wants now.
    pub(crate) fn look(&mut self) -> usize {
        let before = self.lanes;
        self.lanes = self.autoscaler.next(self.cpus, before);
        self.lanes - before
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 lanes")]
fn as_f64(lanes: usize) -> f64 {
    lanes as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of lanes; a larger one than fits is clamped"
)]
fn whole(lanes: f64) -> usize {
    lanes as usize
}
