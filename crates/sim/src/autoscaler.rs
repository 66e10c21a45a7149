//! What the autoscaler makes of what it sees: Kubernetes' own rules (`horizontal.go`) with the numbers
//! of `k8s/`.

use std::time::Duration;

use crate::readings::Readings;
use crate::signal::{Signal, as_f64, ceil};

/// The numbers of its manifest.
#[derive(Debug, Clone, Copy)]
pub struct Autoscaler {
    /// `minReplicas`.
    pub min: usize,
    /// `maxReplicas`.
    pub max: usize,
    /// What it goes by.
    pub signal: Signal,
    /// `scaleUp` allows the larger of both in 15 s: this share more, …
    pub growth: f64,
    /// … or so many.
    pub pods: usize,
    /// `scaleDown` allows this share less in a minute, …
    pub shrinkage: f64,
    /// … and no fewer than were asked for in so long a time.
    pub patience: Duration,
}

/// The period of the only `scaleDown` policy. That of `scaleUp` is as long as the autoscaler's own, so
/// what it did there before is over.
const SCALE_DOWN_PERIOD: Duration = Duration::from_mins(1);

impl Autoscaler {
    /// As `k8s/` has it; a test holds it against the manifests.
    pub const SHIPPED: Self = Self {
        min: 2,
        max: 20,
        signal: Signal::CPU,
        growth: 1.0,
        pods: 4,
        shrinkage: 0.25,
        patience: Duration::from_mins(5),
    };

    /// How many lanes it has when `busy` of them are for long, and no request waits.
    pub fn settled(&self, busy: f64) -> usize {
        let lanes = ceil(busy * self.signal.lanes_for_each_busy());
        lanes.clamp(self.min, self.max)
    }
}

/// What the autoscaler has seen and decided.
#[derive(Debug)]
pub(crate) struct Scaling {
    autoscaler: Autoscaler,
    pub(crate) readings: Readings,
    /// Those that have not started yet included.
    lanes: usize,
    /// What the signal asked for, and when.
    wishes: Vec<(Duration, usize)>,
    /// How many lanes were taken away, and when.
    taken: Vec<(Duration, usize)>,
}

impl Scaling {
    pub(crate) fn new(autoscaler: Autoscaler, lanes: usize) -> Self {
        Self {
            autoscaler,
            readings: Readings::default(),
            lanes,
            // An autoscaler that begins takes the lanes that it finds as asked for.
            wishes: vec![(Duration::ZERO, lanes)],
            taken: Vec::new(),
        }
    }

    /// How many lanes there were, and how many there are to be.
    pub(crate) fn look(&mut self, now: Duration) -> (usize, usize) {
        self.readings.now = now;
        let before = self.lanes;
        let wish = self.autoscaler.signal.wish(&self.readings, before);
        self.lanes = self.next(now, wish);
        if self.lanes < before {
            self.taken.push((now, before - self.lanes));
        }
        (before, self.lanes)
    }

    /// As many as the signal asks for, as far as the policies allow.
    pub(crate) fn next(&mut self, now: Duration, wish: usize) -> usize {
        let Autoscaler {
            min,
            max,
            growth,
            pods,
            shrinkage,
            patience,
            ..
        } = self.autoscaler;
        self.wishes.retain(|(at, _)| now < *at + patience);
        self.wishes.push((now, wish));
        self.taken.retain(|(at, _)| now < *at + SCALE_DOWN_PERIOD);
        let wishes = self.wishes.iter().map(|(_, wish)| *wish);
        let highest = wishes.fold(0, usize::max);
        let wanted = if wish > self.lanes {
            wish
        } else {
            highest.min(self.lanes)
        };
        let taken: usize = self.taken.iter().map(|(_, lanes)| lanes).sum();
        let least = floor(as_f64(self.lanes + taken) * (1.0 - shrinkage));
        let most = ceil(as_f64(self.lanes) * (1.0 + growth)).max(self.lanes + pods);
        wanted.max(least.min(self.lanes)).min(most).clamp(min, max)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of lanes"
)]
fn floor(lanes: f64) -> usize {
    (lanes + 1e-9) as usize
}
