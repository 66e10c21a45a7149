//! What the autoscaler goes by, and how many lanes that asks for: Kubernetes' own arithmetic
//! (`replica_calculator.go`). `k8s/` scales by CPU, `k8s/autoscale-on-lanes/` by lanes.

use crate::readings::Readings;

/// A deviation that the autoscaler lets be.
const TOLERANCE: f64 = 0.1;

/// With the numbers of the manifests.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    /// Through metrics-server, lane by lane.
    Cpu {
        /// The share of its requested CPU that a lane should use.
        target: f64,
        /// The CPU that a lane requests.
        request: f64,
        /// The CPU that a busy lane uses: less than one where requests wait for something else.
        used: f64,
    },
    /// Through Prometheus and KEDA, all lanes in one figure. Of both, the one that asks for more
    /// lanes decides.
    Lanes {
        /// Busy lanes, for each that there should be.
        busy: f64,
        /// Requests that wait, for each lane that there should be.
        waiting: f64,
    },
}

impl Signal {
    /// Of requests that do nothing but compute.
    pub const CPU: Self = Self::Cpu {
        target: 0.8,
        request: 0.25,
        used: 1.0,
    };
    /// As `k8s/autoscale-on-lanes/` has it.
    pub const LANES: Self = Self::Lanes {
        busy: 0.7,
        waiting: 0.5,
    };

    /// Lanes that it keeps for each that is busy, while no request waits.
    pub fn lanes_for_each_busy(&self) -> f64 {
        match self {
            Self::Cpu {
                target,
                request,
                used,
            } => used / (target * request),
            Self::Lanes { busy, .. } => 1.0 / busy,
        }
    }

    /// How many lanes it asks for, when there are `lanes`; as many where nothing can be told.
    pub(crate) fn wish(&self, readings: &Readings, lanes: usize) -> usize {
        match self {
            Self::Cpu {
                target,
                request,
                used,
            } => {
                let busy = readings.busy_of_each();
                let cpus: Vec<f64> = busy.iter().map(|busy| busy * used).collect();
                by_each(&cpus, lanes, target * request, *request)
            }
            Self::Lanes { busy, waiting } => {
                let wish = |total: Option<f64>, each| {
                    total.map_or(lanes, |total| by_sum(total, each, lanes))
                };
                wish(readings.rate(|read| read.busy), *busy)
                    .max(wish(readings.rate(|read| read.waited), *waiting))
            }
        }
    }
}

/// What each of `lanes` uses, of those that could be measured since they were ready. They should use
/// `target` each.
///
/// The others count as idle when lanes are missing, and as using all they requested when there are
/// too many: a new lane never hastens anything.
fn by_each(used: &[f64], lanes: usize, target: f64, request: f64) -> usize {
    let new = lanes.saturating_sub(used.len());
    let sum: f64 = used.iter().sum();
    let of_measured = sum / (as_f64(used.len()) * target);
    let for_new = if of_measured < 1.0 {
        as_f64(new) * request.max(target)
    } else {
        0.0
    };
    let of_all = (sum + for_new) / (as_f64(lanes) * target);
    let turned = (of_measured < 1.0) != (of_all < 1.0);
    if used.is_empty() || turned || is_near(of_all) {
        return lanes;
    }
    ceil(of_all * as_f64(lanes))
}

/// A figure of all lanes together, of which there should be a lane for `each`.
fn by_sum(total: f64, each: f64, lanes: usize) -> usize {
    if is_near(total / (each * as_f64(lanes))) {
        return lanes;
    }
    ceil(total / each)
}

fn is_near(ratio: f64) -> bool {
    (ratio - 1.0).abs() <= TOLERANCE
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 lanes")]
pub(crate) fn as_f64(lanes: usize) -> f64 {
    lanes as f64
}

/// Rounded up, but not for the last bit of a division.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of lanes; a larger one than fits is clamped"
)]
pub(crate) fn ceil(lanes: f64) -> usize {
    (lanes - 1e-9).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lane_counts_by_its_cpu_and_a_tenth_is_let_be() {
        // 80 % of 250m.
        let wish = |used: &[f64]| by_each(used, used.len(), 0.2, 0.25);
        assert_eq!(wish(&[1.0, 1.0]), 10);
        assert_eq!(wish(&[0.22, 0.22]), 2, "within a tenth");
        assert_eq!(wish(&[0.23, 0.23]), 3);
        assert_eq!(wish(&[0.0; 6]), 0);
    }

    #[test]
    fn new_lanes_count_as_idle_when_lanes_are_missing() {
        assert_eq!(by_each(&[1.0, 1.0], 6, 0.2, 0.25), 10, "and not 30");
        assert_eq!(by_each(&[0.25, 0.25], 3, 0.2, 0.25), 3, "enough for now");
        assert_eq!(by_each(&[], 3, 0.2, 0.25), 3, "nothing is known");
    }

    #[test]
    fn new_lanes_count_as_used_when_there_are_too_many() {
        assert_eq!(by_each(&[0.0; 4], 6, 0.2, 0.25), 3, "2 × 250m ÷ 0.2");
        let nearly = [0.1, 0.1];
        assert_eq!(by_each(&nearly, 6, 0.2, 0.25), 6, "they turn it round");
    }

    #[test]
    fn a_sum_is_shared_out() {
        assert_eq!(by_sum(3.1, 0.7, 10), 5, "4.4");
        assert_eq!(by_sum(6.5, 0.7, 10), 10, "within a tenth");
        assert_eq!(by_sum(10.0, 0.7, 10), 15);
    }
}
