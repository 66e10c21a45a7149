//! The raw requests in `tests/corpus/`, sent to a lane: each has the answer that is documented, no connection
//! hangs, and nothing is served that was hidden in something else. Elsewhere an error that the HTTP library
//! made had no body, and was in no log and in no figure; and what two servers in a row read differently let
//! callers send requests in other people's names.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use onelane_requests::corpus::{self, Outcome, RawAnswer};
use rstest::rstest;
use serde_json::Value;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane, PATIENCE};

/// As many connections at once. Some wait 5 s for a lane that waits for them.
const AT_ONCE: usize = 128;

/// Bytes sent at once: everything, and few enough that nothing comes as a whole.
const PIECES: [usize; 2] = [usize::MAX, 11];

/// Requests are waited for rather than refused: the corpus is not about queues.
const PATIENT: [&str; 4] = ["--queue-max", "1000", "--queue-timeout", "60s"];

#[rstest]
#[tokio::test]
async fn raw_requests_have_the_documented_answers(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::with_slots(mode, 4 - 3 * usize::from(mode == Blocking), &PATIENT);
    let entries = corpus::entries();
    assert!(entries.len() >= 150, "{}", entries.len());
    let all = |piece| entries.iter().map(move |entry| (entry, piece));
    let cases = PIECES.into_iter().flat_map(all);
    // A request whose body never comes as a whole has the slot meanwhile: once is enough.
    let cases = cases.filter(|(entry, piece)| *piece != 11 || entry.name != "body-too-short");
    let mut cases: Vec<_> = cases.collect();
    // Those that take long take no longer together.
    cases.sort_by_key(|(entry, _)| !entry.lane.takes_long());
    let replies = cases.into_iter().map(|(entry, piece)| {
        let address = lane.listen.clone();
        async move {
            let id = format!("raw-{piece}-{}", entry.name);
            let expected = expected(entry, mode);
            entry.send(&address, &id, piece, &expected).await
        }
    });
    let replies: Vec<_> = stream::iter(replies)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let (mut answers, mut failures) = (Vec::new(), Vec::new());
    for reply in replies {
        match reply {
            Ok(seen) => answers.extend(seen),
            Err(failure) => failures.push(failure),
        }
    }
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
    );

    answers.iter().for_each(RawAnswer::check);
    each_is_logged_once(&lane, &answers).await;
    each_is_counted(&lane, &answers).await;
    assert_eq!(lane.get("/fast").await.status, 200);
}

/// A worker of a cluster answers once and closes.
fn expected(entry: &corpus::Entry, mode: Mode) -> Outcome {
    let mut expected = entry.lane.clone();
    if mode == Cluster {
        expected.statuses.truncate(1);
    }
    expected
}

async fn each_is_logged_once(lane: &Lane, answers: &[RawAnswer]) {
    let is_request = |line: &Value| line["message"] == "request";
    lane.logged_times(answers.len(), is_request).await;
    let lines = lane.log(is_request);
    let smuggled = |line: &&Value| {
        line["uri"]
            .as_str()
            .is_some_and(|uri| uri.starts_with("/smuggled"))
    };
    assert_eq!(lines.iter().find(smuggled), None);
    assert_eq!(
        corpus::count(lines.iter().map(corpus::logged)),
        corpus::count(answers.iter().map(RawAnswer::key))
    );
}

/// Those that the HTTP library would make. In a cluster it takes a moment.
async fn each_is_counted(lane: &Lane, answers: &[RawAnswer]) {
    for status in [400, 408, 414, 431, 501, 505] {
        let given = answers.iter().filter(|answer| answer.status == status);
        let (given, start) = (given.count(), Instant::now());
        loop {
            let metrics = lane.admin("/metrics").await.text;
            let counted = counted(&metrics, status);
            if counted == given {
                break;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{status}: {counted}, not {given}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn counted(metrics: &str, status: u16) -> usize {
    let label = format!("status=\"{status}\"");
    let series = metrics
        .lines()
        .filter(|line| line.starts_with("http_requests_total{") && line.contains(&label));
    let values = series.map(|line| line.rsplit(' ').next().unwrap_or_default());
    values
        .map(|value| value.parse::<usize>().expect("a whole number"))
        .sum()
}
