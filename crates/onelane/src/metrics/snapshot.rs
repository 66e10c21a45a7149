//! All series at one moment, as plain data: to be sent to another process, added up, and written out.

use std::collections::BTreeMap;

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prometheus::{Encoder, TextEncoder};
use serde::{Deserialize, Serialize};

/// All series at one moment, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MetricsSnapshot(pub(super) BTreeMap<String, Family>);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Family {
    pub(super) help: String,
    /// Whether its values only grow: true for counters and histograms.
    pub(super) counts: bool,
    pub(super) series: Vec<(Labels, Value)>,
}

/// Names and values, in the order in which the registry gives them.
pub(super) type Labels = Vec<(String, String)>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Value {
    Counter(f64),
    Gauge(f64),
    Histogram {
        /// Upper bound and cumulative count.
        buckets: Vec<(f64, u64)>,
        sum: f64,
        count: u64,
    },
}

impl MetricsSnapshot {
    /// The series that a registry has gathered.
    pub(super) fn of(families: &[MetricFamily]) -> Self {
        let known = families.iter().filter_map(|family| {
            let value: fn(&Metric) -> Value = match family.get_field_type() {
                MetricType::COUNTER => |metric| Value::Counter(metric.get_counter().get_value()),
                MetricType::GAUGE => |metric| Value::Gauge(metric.get_gauge().get_value()),
                MetricType::HISTOGRAM => |metric| histogram(metric.get_histogram()),
                // The engine has no series of these types.
                MetricType::SUMMARY | MetricType::UNTYPED => return None,
            };
            let name = family.name().to_owned();
            let series = family.get_metric().iter();
            let family = Family {
                help: family.help().to_owned(),
                counts: family.get_field_type() != MetricType::GAUGE,
                series: series
                    .map(|metric| (labels(metric), value(metric)))
                    .collect(),
            };
            Some((name, family))
        });
        Self(known.collect())
    }

    /// Adds the values of another process.
    pub fn add(&mut self, other: &Self) {
        for (name, family) in &other.0 {
            let Some(mine) = self.0.get_mut(name) else {
                self.0.insert(name.clone(), family.clone());
                continue;
            };
            for (labels, value) in &family.series {
                let same = mine.series.iter_mut().find(|(other, _)| other == labels);
                match same {
                    Some((_, sum)) => sum.add(value),
                    None => mine.series.push((labels.clone(), value.clone())),
                }
            }
        }
    }

    /// Without the series of these names.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|name, _| !names.contains(&name.as_str()));
        self
    }

    /// Keeps counters and histograms, and drops gauges: these end with their process.
    #[must_use]
    pub fn counts(mut self) -> Self {
        self.0.retain(|_, family| family.counts);
        self
    }

    /// The counters of one name, by the value of their only label.
    pub fn by_label(&self, name: &str) -> BTreeMap<String, u64> {
        let series = self.0.get(name).map(|family| family.series.as_slice());
        let counters = series.unwrap_or_default().iter();
        counters
            .filter_map(|(labels, value)| match value {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a count"
                )]
                Value::Counter(count) => Some((labels.first()?.1.clone(), *count as u64)),
                Value::Gauge(_) | Value::Histogram { .. } => None,
            })
            .collect()
    }

    /// Everything in the Prometheus text format.
    pub fn render(self) -> String {
        let families = self.0.into_iter();
        let families: Vec<_> = families.map(|(name, family)| family.build(name)).collect();
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&families, &mut text)
            .expect("these families came from a registry, and a Vec takes every byte");
        String::from_utf8(text).expect("the text format is UTF-8")
    }
}

fn labels(metric: &Metric) -> Labels {
    let pairs = metric.get_label().iter();
    pairs
        .map(|pair| (pair.name().to_owned(), pair.value().to_owned()))
        .collect()
}

fn histogram(histogram: &Histogram) -> Value {
    let buckets = histogram.get_bucket().iter();
    Value::Histogram {
        buckets: buckets
            .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
            .collect(),
        sum: histogram.get_sample_sum(),
        count: histogram.get_sample_count(),
    }
}

impl Value {
    fn add(&mut self, other: &Self) {
        match (self, other) {
            (Self::Counter(mine), Self::Counter(more)) | (Self::Gauge(mine), Self::Gauge(more)) => {
                *mine += more;
            }
            (
                Self::Histogram {
                    buckets,
                    sum,
                    count,
                },
                Self::Histogram {
                    buckets: more_buckets,
                    sum: more_sum,
                    count: more_count,
                },
            ) => {
                for (mine, more) in buckets.iter_mut().zip(more_buckets) {
                    mine.1 = mine.1.saturating_add(more.1);
                }
                *sum += more_sum;
                *count = count.saturating_add(*more_count);
            }
            // All processes of a server run the same program, so that a series has the same type in
            // all of them.
            _ => {}
        }
    }

    fn build(self, labels: Labels) -> (MetricType, Metric) {
        let labels = labels.into_iter().map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name);
            pair.set_value(value);
            pair
        });
        let mut metric = Metric::from_label(labels.collect());
        let kind = match self {
            Self::Counter(value) => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
                MetricType::COUNTER
            }
            Self::Gauge(value) => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
                MetricType::GAUGE
            }
            Self::Histogram {
                buckets,
                sum,
                count,
            } => {
                let mut histogram = Histogram::default();
                histogram.set_bucket(buckets.into_iter().map(bucket).collect());
                histogram.set_sample_sum(sum);
                histogram.set_sample_count(count);
                metric.set_histogram(histogram);
                MetricType::HISTOGRAM
            }
        };
        (kind, metric)
    }
}

fn bucket((upper_bound, cumulative_count): (f64, u64)) -> Bucket {
    let mut bucket = Bucket::default();
    bucket.set_upper_bound(upper_bound);
    bucket.set_cumulative_count(cumulative_count);
    bucket
}

impl Family {
    fn build(self, name: String) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(name);
        family.set_help(self.help);
        let mut metrics = Vec::new();
        for (labels, value) in self.series {
            let (kind, metric) = value.build(labels);
            family.set_field_type(kind);
            metrics.push(metric);
        }
        family.set_metric(metrics);
        family
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramVec, IntCounterVec, Opts, Registry, histogram_opts};

    use super::*;

    fn process(requests: u64, seconds: f64) -> Registry {
        let registry = Registry::new();
        let counter = IntCounterVec::new(Opts::new("answers", "Answers"), &["status"]).unwrap();
        counter.with_label_values(&["200"]).inc_by(requests);
        registry.register(Box::new(counter)).unwrap();
        let options = histogram_opts!("seconds", "Seconds", vec![0.1, 1.0]);
        let histogram = HistogramVec::new(options, &["route"]).unwrap();
        histogram.with_label_values(&["/"]).observe(seconds);
        registry.register(Box::new(histogram)).unwrap();
        registry
    }

    #[test]
    fn a_snapshot_is_written_out_as_the_registry_itself_would() {
        let registry = process(3, 0.5);
        let mut expected = String::new();
        let families = registry.gather();
        TextEncoder::new()
            .encode_utf8(&families, &mut expected)
            .unwrap();
        assert_eq!(MetricsSnapshot::of(&families).render(), expected);
    }

    #[test]
    fn the_numbers_of_two_processes_add_up() {
        let mut sum = MetricsSnapshot::of(&process(3, 0.05).gather());
        sum.add(&MetricsSnapshot::of(&process(4, 0.5).gather()));
        let text = sum.render();
        for line in [
            "answers{status=\"200\"} 7",
            "seconds_bucket{route=\"/\",le=\"0.1\"} 1",
            "seconds_bucket{route=\"/\",le=\"1\"} 2",
            "seconds_count{route=\"/\"} 2",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
