//! How series are made and brought up to date.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Counter, IntCounterVec, IntGauge, Opts, Registry};

/// Brings a counter up to a total that was counted elsewhere.
pub(super) fn raise(counter: &Counter, total: Duration) {
    let news = total.as_secs_f64() - counter.get();
    counter.inc_by(news.max(0.0));
}

pub(super) fn gauge_value(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Creates series and registers them in the same step, so that none can be forgotten.
pub(super) struct Register<'a>(pub(super) &'a Registry);

impl Register<'_> {
    pub(super) fn series<C: Collector + Clone + 'static>(
        &self,
        series: prometheus::Result<C>,
    ) -> C {
        let series = series.expect("names, labels and buckets are constants that are valid");
        let registered = self.0.register(Box::new(series.clone()));
        registered.expect("each name is registered once");
        series
    }

    /// Counters of rare events, one for each value of the label. All of them exist from the start,
    /// because Prometheus misses the first event of a series that begins with it.
    pub(super) fn counters(
        &self,
        name: &str,
        help: &str,
        (label, values): (&str, &[&str]),
    ) -> IntCounterVec {
        let series = self.series(IntCounterVec::new(Opts::new(name, help), &[label]));
        for value in values {
            series.with_label_values(&[value]);
        }
        series
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.series(IntGauge::new(name, help))
    }
}
