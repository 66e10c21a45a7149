//! The series that a service has declared. They are kept as the plain data that a snapshot is, because what
//! happens to them comes as data, too, from children as a rule.

use std::collections::BTreeMap;

use super::snapshot::{Family, Labels, MetricsSnapshot, Value};
use crate::workload::{Change, Series, SeriesEvent, SeriesKind};

impl MetricsSnapshot {
    /// These series, with every value of their labels, at zero.
    pub(super) fn declared<'a>(series: impl IntoIterator<Item = &'a Series>) -> Self {
        let families = series
            .into_iter()
            .map(|series| (series.name.to_owned(), family(series)));
        Self(families.collect::<BTreeMap<_, _>>())
    }

    /// Adds what computations have recorded. Who declared no such series has been told so already.
    pub(super) fn record(&mut self, events: &[SeriesEvent]) {
        for event in events {
            let family = self.0.get_mut(&*event.series);
            let series = family.into_iter().flat_map(|family| &mut family.series);
            for (_, value) in series.filter(|(labels, _)| is_of(labels, event)) {
                value.change(&event.change);
            }
        }
    }
}

fn family(series: &Series) -> Family {
    let labels: Vec<Labels> = match series.label {
        None => vec![Labels::new()],
        Some(label) => {
            let values = label.values.iter();
            let labels = values.map(|value| vec![(label.name.to_owned(), (*value).to_owned())]);
            labels.collect()
        }
    };
    let zeros = labels.into_iter().map(|labels| (labels, zero(series.kind)));
    Family {
        help: series.help.to_owned(),
        counts: series.kind != SeriesKind::Gauge,
        series: zeros.collect(),
    }
}

fn zero(kind: SeriesKind) -> Value {
    match kind {
        SeriesKind::Counter => Value::Counter(0.0),
        SeriesKind::Gauge => Value::Gauge(0.0),
        SeriesKind::Histogram(bounds) => Value::Histogram {
            buckets: bounds.iter().map(|bound| (*bound, 0)).collect(),
            sum: 0.0,
            count: 0,
        },
    }
}

fn is_of(labels: &Labels, event: &SeriesEvent) -> bool {
    let value = labels.first().map(|(_, value)| value.as_str());
    value == event.value.as_deref()
}

impl Value {
    fn change(&mut self, change: &Change) {
        match (self, change) {
            (Self::Counter(value), Change::Counted(by)) => *value += by,
            (Self::Gauge(value), Change::Set(to)) => *value = *to,
            (
                Self::Histogram {
                    buckets,
                    sum,
                    count,
                },
                Change::Observed { counts, sum: more },
            ) => {
                let mut up_to_here = 0_u64;
                for ((_, cumulative), counted) in buckets.iter_mut().zip(counts) {
                    up_to_here = up_to_here.saturating_add(*counted);
                    *cumulative = cumulative.saturating_add(up_to_here);
                }
                *count = counts
                    .iter()
                    .fold(*count, |sum, more| sum.saturating_add(*more));
                *sum += more;
            }
            // A computation with such a change in it has failed.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Call;

    const SIZES: Series = Series::histogram("sizes", "Sizes", &[1.0, 10.0]);
    const KINDS: Series = Series::counter("kinds_total", "Kinds").label("kind", &["a", "b"]);
    const LEVEL: Series = Series::gauge("level", "Level");
    const UNDECLARED: Series = Series::gauge("nowhere", "Nowhere");

    fn text(call: &Call) -> String {
        let mut own = MetricsSnapshot::declared(&[SIZES, KINDS, LEVEL]);
        own.record(&call.events());
        own.render()
    }

    #[test]
    fn all_that_is_declared_is_there_at_zero() {
        let text = text(&Call::default());
        for line in [
            "sizes_bucket{le=\"+Inf\"} 0",
            "sizes_count 0",
            "kinds_total{kind=\"a\"} 0",
            "kinds_total{kind=\"b\"} 0",
            "level 0",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn what_was_recorded_is_added() {
        let call = Call::default();
        for size in [0.5, 1.0, 2.0, 100.0] {
            call.observe(&SIZES, size);
        }
        call.count(KINDS.of("b"), 2.0);
        call.count(KINDS.of("b"), 0.5);
        call.set(&LEVEL, 3.0);
        call.set(&LEVEL, -1.0);
        assert_eq!(call.recorded(&SIZES), Some(103.5));
        assert_eq!(call.recorded(KINDS.of("a")), None);
        assert_eq!(call.mistake(&[SIZES, KINDS, LEVEL]), None);
        let text = text(&call);
        for line in [
            "sizes_bucket{le=\"1\"} 2",
            "sizes_bucket{le=\"10\"} 3",
            "sizes_bucket{le=\"+Inf\"} 4",
            "sizes_sum 103.5",
            "sizes_count 4",
            "kinds_total{kind=\"a\"} 0",
            "kinds_total{kind=\"b\"} 2.5",
            "level -1",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn what_cannot_be_done_to_a_series_is_a_mistake() {
        let mistake = |record: fn(&Call)| {
            let call = Call::default();
            record(&call);
            call.mistake(&[SIZES, KINDS, LEVEL]).unwrap_or_default()
        };
        let undeclared = mistake(|call| call.set(&UNDECLARED, 1.0));
        assert_eq!(undeclared, "the series nowhere is not in SERIES");
        let value = mistake(|call| call.count(KINDS.of("c"), 1.0));
        assert_eq!(
            value,
            "the series kinds_total is declared for no kind \"c\""
        );
        let missing = mistake(|call| call.count(&KINDS, 1.0));
        assert_eq!(missing, "the series kinds_total needs its kind");
        assert!(mistake(|call| call.set(LEVEL.of("x"), 1.0)).contains("no label"));
        let falling = mistake(|call| call.count(KINDS.of("a"), -1.0));
        assert_eq!(
            falling,
            "kinds_total is a counter, which cannot be counted by -1"
        );
        assert!(mistake(|call| call.observe(&LEVEL, 1.0)).contains("a gauge"));
        assert!(mistake(|call| call.observe(&SIZES, f64::NAN)).contains("NaN"));
    }
}
