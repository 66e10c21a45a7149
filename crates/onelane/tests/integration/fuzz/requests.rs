//! Random requests, and bytes that are none. Elsewhere a byte more or less had a server answer twice, or never, or take
//! a body for a request.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onelane_requests::corpus::RawAnswer;
use onelane_requests::random;
use parking_lot::Mutex;
use rstest::rstest;
use tokio::time::sleep;

use super::reader::Reading;
use super::talk::{Talk, talk};
use crate::faults::process::Process;
use crate::lane::Mode::{self, Blocking, Cluster};
use crate::lane::{self, Lane, PATIENCE};

/// Requests are waited for rather than refused, and none takes long.
pub const PATIENT: [&str; 6] = [
    "--queue-max",
    "1000",
    "--queue-timeout",
    "60s",
    "--request-timeout",
    "5s",
];

/// Half of what a lane has in a container.
const PEAK_MAX_KIB: u64 = 32 << 10;

#[rstest]
fn every_request_has_its_answer_and_no_other(#[values(Blocking, Cluster)] mode: Mode) {
    let lane = lane::of(mode, &PATIENT);
    let server = Process::of(&lane);
    let all = [vec![server], server.descendants()].concat();
    let books = Mutex::<Books>::default();
    let count = random::check(random::connection, async |sent| {
        let talk = talk(&lane.listen, &sent, mode != Cluster).await?;
        books.lock().add(&talk);
        Ok(())
    });
    eprintln!("{mode}: {count} connections");
    random::block_on(books.into_inner().check(&lane));
    for process in all {
        // No process has ended and been replaced.
        let peak = process.peak_kib().expect("it is alive");
        assert!(peak < PEAK_MAX_KIB, "{peak} KiB");
    }
}

/// What was answered on all connections.
#[derive(Default)]
struct Books {
    by_status: BTreeMap<String, usize>,
    /// Beginnings of requests, which may have been answered when their client left.
    beginnings: usize,
}

impl Books {
    fn add(&mut self, talk: &Talk) {
        // Others are no answers to requests.
        let counted = |answer: &&RawAnswer| !answer.header("x-served-by").is_empty();
        for answer in talk.answers.iter().filter(counted) {
            let status = answer.status.to_string();
            *self.by_status.entry(status).or_default() += 1;
        }
        let is_whole = matches!(talk.readings.last(), None | Some(Reading::Whole(_)));
        self.beginnings += usize::from(!is_whole);
    }

    /// As much was counted as was answered. In a cluster it takes a moment.
    async fn check(&self, lane: &Lane) {
        let start = Instant::now();
        loop {
            let metrics = lane.admin("/metrics").await.text;
            let counted = sum_by_status(&metrics);
            let more = self.missing(&counted);
            if metrics.contains("\nhttp_requests_in_flight 0\n")
                && more.is_some_and(|more| more <= self.beginnings)
            {
                return;
            }
            let told = || format!("{:?}: {counted:?}", self.by_status);
            assert!(start.elapsed() < PATIENCE, "{}", told());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// How many answers were counted that no client has seen. None if some that clients have seen were not counted.
    fn missing(&self, counted: &BTreeMap<String, usize>) -> Option<usize> {
        let of = |status: &str| counted.get(status).copied().unwrap_or_default();
        let mut answered = self.by_status.iter();
        if answered.any(|(status, count)| of(status) < *count) {
            return None;
        }
        let all = counted.values().sum::<usize>() - of("499");
        Some(all - self.by_status.values().sum::<usize>())
    }
}

fn sum_by_status(metrics: &str) -> BTreeMap<String, usize> {
    let mut sums = BTreeMap::new();
    let series = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("http_requests_total{"));
    for line in series {
        let (_, status) = line.split_once("status=\"").expect("it has a status");
        let (status, _) = status.split_once('"').expect("a whole one");
        let (_, count) = line.rsplit_once(' ').expect("it has a value");
        let count: usize = count.parse().expect("a whole number");
        *sums.entry(status.to_owned()).or_default() += count;
    }
    sums
}
