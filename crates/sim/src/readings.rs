//! What metrics-server and Prometheus have read of the lanes, and what they make of it.

use std::collections::VecDeque;
use std::time::Duration;

/// metrics-server and Prometheus read, and the autoscaler looks, as often as this.
pub(crate) const PERIOD: Duration = Duration::from_secs(15);
/// How far the queries of `k8s/autoscale-on-lanes/` look back.
const WINDOW: Duration = Duration::from_mins(1);
/// What metrics-server gets is older by so much at most: the kubelet measures every 10 s.
pub(crate) const KUBELET: Duration = Duration::from_secs(10);
/// So many reach back a minute, and to what the kubelet measured before.
const KEPT: usize = 6;

/// Both only grow, from the start of a lane.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counters {
    /// How long it was busy.
    pub(crate) busy: Duration,
    /// How long requests waited in its queue, all together.
    pub(crate) waited: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Readings {
    /// When, and by lane; none of a lane that was not ready.
    read: VecDeque<(Duration, Vec<Option<Counters>>)>,
    /// How old the last one is before metrics-server has it.
    pub(crate) delay: Duration,
    pub(crate) now: Duration,
    /// Lanes that were taken away.
    pub(crate) leaving: Vec<usize>,
}

impl Readings {
    pub(crate) fn add(&mut self, at: Duration, lanes: Vec<Option<Counters>>) {
        self.read.truncate(KEPT - 1);
        self.read.push_front((at, lanes));
    }

    /// By metrics-server, from its last two readings: the share of its time that each lane was busy.
    /// Without those that were not ready all the time, and those that are leaving.
    pub(crate) fn busy_of_each(&self) -> Vec<f64> {
        let mut has = self
            .read
            .iter()
            .skip_while(|(at, _)| *at + self.delay > self.now);
        let (Some((end, last)), Some((start, first))) = (has.next(), has.next()) else {
            return Vec::new();
        };
        let seconds = end.saturating_sub(*start).as_secs_f64();
        let staying = first
            .iter()
            .zip(last)
            .enumerate()
            .filter(|(lane, _)| !self.leaving.contains(lane));
        let busy = staying.filter_map(|(_, (first, last))| {
            let busy = (*last)?.busy.saturating_sub((*first)?.busy);
            Some(busy.as_secs_f64() / seconds)
        });
        busy.collect()
    }

    /// By Prometheus: `sum(rate(…[1m]))`; none before anything has been read twice.
    pub(crate) fn rate(&self, figure: impl Fn(&Counters) -> Duration) -> Option<f64> {
        let lanes = self.read.front()?.1.len();
        let rates = (0..lanes).filter_map(|lane| self.rate_of(lane, &figure));
        rates.reduce(|sum, rate| sum + rate)
    }

    /// As Prometheus extrapolates: to both ends of the window if samples come near them, else by half
    /// an interval, and never to before the counter was zero.
    fn rate_of(&self, lane: usize, figure: impl Fn(&Counters) -> Duration) -> Option<f64> {
        let within = self.read.iter().filter(|(at, _)| *at + WINDOW >= self.now);
        let mut seen = within.filter_map(|(at, lanes)| {
            let read = (*lanes.get(lane)?)?;
            Some((*at, figure(&read).as_secs_f64()))
        });
        let (end, last) = seen.next()?;
        let (begin, first) = seen.last()?;
        let increase = last - first;
        if increase <= 0.0 {
            return Some(0.0);
        }
        let sampled = end.saturating_sub(begin).as_secs_f64();
        let since_zero = sampled * first / increase;
        let before = reach((begin + WINDOW).saturating_sub(self.now)).min(since_zero);
        let after = reach(self.now.saturating_sub(end));
        Some(increase * (before + sampled + after) / sampled / WINDOW.as_secs_f64())
    }
}

/// How far towards an end of the window that is so far from the nearest sample.
fn reach(distance: Duration) -> f64 {
    let near = distance < PERIOD.mul_f64(1.1);
    let reach = if near { distance } else { PERIOD / 2 };
    reach.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Of lanes that are busy all the time from a second on, read every 15 s until a minute has passed;
    /// looked at two seconds later.
    fn readings(since: &[u32]) -> Readings {
        let mut readings = Readings {
            now: 62 * SECOND,
            ..Readings::default()
        };
        for at in (0_u32..=60).step_by(15) {
            let read = |since: &u32| {
                let busy = at.checked_sub(*since)? * SECOND;
                Some(Counters {
                    busy,
                    waited: 3 * busy,
                })
            };
            readings.add(at * SECOND, since.iter().map(read).collect());
        }
        readings
    }

    #[test]
    fn metrics_server_tells_the_last_period_of_lanes_that_were_ready_in_all_of_it() {
        assert_eq!(readings(&[0, 45, 46, 100]).busy_of_each(), [1.0, 1.0]);
        let late = Readings {
            delay: 3 * SECOND,
            ..readings(&[0, 40])
        };
        assert_eq!(late.busy_of_each(), [1.0], "it has the one before");
        let leaving = Readings {
            leaving: vec![0],
            ..readings(&[0, 45])
        };
        assert_eq!(leaving.busy_of_each(), [1.0]);
        assert!(Readings::default().busy_of_each().is_empty());
    }

    #[test]
    fn prometheus_tells_a_minute_of_all_lanes() {
        let busy = |since: &[u32]| readings(since).rate(|read| read.busy);
        assert_eq!(busy(&[0]), Some(1.0));
        assert_eq!(busy(&[0, 0]), Some(2.0));
        assert_eq!(readings(&[0]).rate(|read| read.waited), Some(3.0));
        // 15 s between two samples, 2 s after them, and 5 s before: then it was zero.
        assert_eq!(busy(&[40]), Some(22.0 / 60.0));
        assert_eq!(busy(&[50]), None, "read once");
        assert_eq!(busy(&[]), None);
    }
}
