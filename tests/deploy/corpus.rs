//! The raw requests in `crates/requests/src/corpus/`, sent to nginx with lanes behind it. Elsewhere a proxy and
//! the server behind it found different requests in the same bytes, and callers hid requests in that: so the
//! answers that came from a lane, and the requests that the lanes have served, must be the same ones.

use std::collections::HashSet;
use std::fs;

use futures_util::{StreamExt, stream};
use onelane_requests::corpus::{self, RawAnswer};
use onelane_stack::{Local, eventually, get};
use serde_json::Value;

const LANES: usize = 2;

/// As many connections at once, fewer than one client may have.
const AT_ONCE: usize = 64;

/// Requests are waited for rather than refused: the corpus is not about queues.
const PATIENT: [(&str, &str); 1] = [("ONELANE_QUEUE_MAX", "1000")];

#[tokio::test]
async fn nginx_and_a_lane_read_the_same() {
    let stack = Local::up_with(LANES, &PATIENT).await;
    let address = stack.base.trim_start_matches("http://");
    let mut entries = corpus::entries();
    // Those that take long take no longer together.
    entries.sort_by_key(|entry| !entry.nginx.takes_long());
    let replies = entries.iter().map(|entry| async move {
        let id = format!("raw-{}", entry.name);
        entry.send(address, &id, usize::MAX, &entry.nginx).await
    });
    let replies: Vec<_> = stream::iter(replies)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let (seen, failures): (Vec<_>, Vec<_>) = replies.into_iter().partition(Result::is_ok);
    let failures: Vec<_> = failures.into_iter().filter_map(Result::err).collect();
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    let answers: Vec<RawAnswer> = seen.into_iter().flatten().flatten().collect();
    answers.iter().for_each(RawAnswer::check);

    // nginx has a line for each, and for those that it ended without an answer.
    let of_nginx = |line: &Value| line["request"].is_string() && line["status"] != 408;
    told(
        &stack,
        &["nginx"],
        of_nginx,
        &answers.iter().collect::<Vec<_>>(),
    )
    .await;
    // The others were made by nginx itself. A busy lane is asked in vain, at a lower level.
    let of_lanes: Vec<_> = answers
        .iter()
        .filter(|it| !it.header("x-served-by").is_empty())
        .collect();
    let is_request = |line: &Value| line["message"] == "request" && line["level"] == "INFO";
    told(&stack, &["lane-1", "lane-2"], is_request, &of_lanes).await;
    assert_eq!(get(format!("{}/fast", stack.base)).await.status, 200);
}

/// Waits until these logs tell of these answers: of each of them once, and of no other request of the corpus.
async fn told(
    stack: &Local,
    logs: &[&str],
    is_request: impl Fn(&Value) -> bool,
    answers: &[&RawAnswer],
) {
    let ids: HashSet<&str> = answers.iter().map(|it| it.header("x-request-id")).collect();
    let lines = eventually("a line for each", async || {
        let lines = logs.iter().flat_map(|log| lines(stack, log));
        let of_corpus = lines.filter(|line| {
            let id = line["request_id"].as_str().unwrap_or_default();
            is_request(line) && (ids.contains(id) || id.starts_with("raw-"))
        });
        let lines: Vec<Value> = of_corpus.collect();
        (lines.len() >= answers.len()).then_some(lines)
    })
    .await;
    let given = corpus::count(answers.iter().map(|answer| answer.key()));
    assert_eq!(corpus::count(lines.iter().map(corpus::logged)), given);
    let smuggled = |line: &&Value| {
        let asked = ["request", "uri"].map(|name| line[name].as_str().unwrap_or_default());
        asked
            .iter()
            .any(|it| it.starts_with("GET /smuggled") || it.starts_with("/smuggled"))
    };
    assert_eq!(lines.iter().find(smuggled), None);
}

/// Those that are JSON.
fn lines(stack: &Local, log: &str) -> Vec<Value> {
    let log = fs::read(stack.run.path().join(format!("{log}.log"))).expect("it is ours");
    let lines = log.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}
