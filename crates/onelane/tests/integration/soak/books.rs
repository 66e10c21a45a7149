//! What clients, log and metrics say of the same requests.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use crate::lane::Mode::{self, Cluster};
use crate::lane::{Lane, PATIENCE};

/// What a worker answered in so long a time before it was killed may be missing from the sum. It
/// reports every 50 ms, on a machine that has nothing else to do.
const UNREPORTED: Duration = Duration::from_millis(500);

/// What became of a request, as its client saw it.
#[derive(Debug)]
pub enum Outcome {
    Answered {
        status: u16,
        /// `X-Served-By`.
        by: String,
        at: Instant,
    },
    /// The client did not wait.
    Left,
    /// The connection broke.
    Lost,
}

pub struct Books {
    pub mode: Mode,
    /// By request id.
    pub outcomes: BTreeMap<String, Outcome>,
    /// By process id.
    pub kills: BTreeMap<String, Instant>,
}

impl Books {
    pub async fn check(&self, lane: &Lane) {
        lane.until_busy(0).await;
        lane.counted("http_requests_in_flight", 0.0).await;
        let (lines, metrics) = self.whole(lane).await;
        self.check_log(&lines);
        eprintln!(
            "{}: {} requests, {} kills",
            self.mode,
            lines.len(),
            self.kills.len()
        );
        self.check_metrics(&metrics, &lines, ("http_requests_total", "status"));
        self.check_metrics(&metrics, &lines, ("onelane_rejected_total", "reason"));
        for gauge in ["onelane_slots_busy", "onelane_queue_depth"] {
            assert!(metrics.contains(&format!("\n{gauge} 0\n")), "{metrics}");
        }
    }

    /// The line of each request, and the metrics, as soon as both are whole.
    async fn whole(&self, lane: &Lane) -> (BTreeMap<String, Value>, String) {
        let answered = |(id, outcome)| matches!(outcome, &Outcome::Answered { .. }).then_some(id);
        let answered: Vec<&String> = self.outcomes.iter().filter_map(answered).collect();
        assert!(answered.len() > 100, "no load to speak of: {answered:?}");
        let start = Instant::now();
        loop {
            let lines = log_by_id(lane);
            let metrics = lane.admin("/metrics").await.text;
            let mut told_for_sure = answered.iter().filter(|id| self.is_told_for_sure(id));
            let unlogged = told_for_sure.find(|id| !lines.contains_key(**id));
            // Clients that left have lines, too; only the count tells whether some are still on their
            // way. What is logged was counted before; workers report it later.
            let counted: u64 = sum_by(&metrics, "http_requests_total", "status")
                .values()
                .sum();
            let certain = lines.keys().filter(|id| self.is_told_for_sure(id));
            let is_whole = (certain.count() as u64..=lines.len() as u64).contains(&counted);
            if unlogged.is_none() && is_whole {
                return (lines, metrics);
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{unlogged:?} was not logged; {counted} counted, {} logged",
                lines.len()
            );
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Every answer has its line, unless its worker was killed before it had written it, and every line its
    /// request.
    fn check_log(&self, lines: &BTreeMap<String, Value>) {
        for (id, outcome) in &self.outcomes {
            match outcome {
                Outcome::Answered { status, .. } => match lines.get(id) {
                    Some(line) => assert_eq!(line["status"], *status, "{id}"),
                    None => assert!(!self.is_told_for_sure(id), "{id} was not logged"),
                },
                Outcome::Left => {}
                Outcome::Lost => assert_eq!(self.mode, Cluster, "{id} was lost"),
            }
        }
        for id in lines.keys() {
            assert!(self.outcomes.contains_key(id), "{id} was never sent");
        }
    }

    /// What was counted is what was logged.
    fn check_metrics(
        &self,
        metrics: &str,
        lines: &BTreeMap<String, Value>,
        (name, label): (&str, &str),
    ) {
        let counted = sum_by(metrics, name, label);
        let mut logged: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (id, line) in lines {
            let value = line[label]
                .as_str()
                .map_or_else(|| line[label].to_string(), str::to_owned);
            let (all, certain) = logged.entry(value).or_default();
            *all += 1;
            *certain += u64::from(self.is_told_for_sure(id));
        }
        logged.remove("null");
        for (value, (all, certain)) in &logged {
            let count = counted.get(value).copied().unwrap_or_default();
            let right = (*certain..=*all).contains(&count);
            assert!(
                right,
                "{name} {value}: {certain} to {all} expected, {count} counted"
            );
        }
        // A killed worker cannot log its request, and no other process does.
        let happened = counted.iter().filter(|(_, count)| **count > 0);
        let unlogged = happened.filter(|(value, _)| !logged.contains_key(*value));
        let unlogged: Vec<_> = unlogged
            .filter(|(value, _)| *value != "worker_crashed")
            .collect();
        assert!(
            unlogged.is_empty(),
            "{name} counted but not logged: {unlogged:?}"
        );
    }

    /// A killed worker takes with it what it has not reported.
    fn is_told_for_sure(&self, id: &str) -> bool {
        if self.mode != Cluster {
            return true;
        }
        let Some(Outcome::Answered { by, at, .. }) = self.outcomes.get(id) else {
            return false;
        };
        let (_, pid) = by.rsplit_once('/').unwrap();
        let killed = self.kills.get(pid);
        killed.is_none_or(|killed| *killed > *at + UNREPORTED)
    }
}

/// The log's lines about requests.
fn log_by_id(lane: &Lane) -> BTreeMap<String, Value> {
    let lines = lane.log(|line| line["message"] == "request");
    let count = lines.len();
    let id = |line: &Value| line["request_id"].as_str().unwrap().to_owned();
    let by_id: BTreeMap<_, _> = lines.into_iter().map(|line| (id(&line), line)).collect();
    assert_eq!(by_id.len(), count, "a request was logged twice");
    assert_eq!(lane.log(Value::is_string), [""; 0], "all is JSON");
    by_id
}

/// All series of this name, summed by one of their labels.
fn sum_by(metrics: &str, name: &str, label: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    let samples = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
    for sample in samples {
        let (_, rest) = sample.split_once(&format!("{label}=\"")).unwrap();
        let (value, _) = rest.split_once('"').unwrap();
        let (_, count) = sample.rsplit_once(' ').unwrap();
        *sums.entry(value.to_owned()).or_default() += count.parse::<u64>().unwrap();
    }
    sums
}
