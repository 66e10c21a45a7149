//! Requests while something happens to whatever computes them.

use std::time::{Duration, Instant};

use reqwest::Method;

use super::process::{Process, computing};
use crate::lane::{Answer, Lane, PATIENCE, try_send};

/// What counts requests that were lost with their process.
pub const LOST: &str = "onelane_rejected_total{reason=\"worker_crashed\"}";

/// What counts processes that ended like this.
pub fn exits(cause: &str) -> String {
    format!("onelane_child_exits_total{{cause=\"{cause}\"}}")
}

/// What counts those that took the place of another, and why.
pub fn restarts(cause: &str) -> String {
    format!("onelane_worker_restarts_total{{cause=\"{cause}\"}}")
}

/// A request that can be told from others. In a cluster its connection may break.
pub async fn named(lane: &Lane, path: &str, request_id: &str) -> reqwest::Result<Answer> {
    let request = lane.request(Method::GET, path).timeout(PATIENCE);
    try_send(request.header("x-request-id", request_id)).await
}

/// Does something to the process that computes a request that would take hours. Returns what became
/// of the request; another one is computed meanwhile, and has its answer.
pub async fn disturb(lane: &Lane, hurt: impl AsyncFnOnce(Process)) -> reqwest::Result<Answer> {
    let bystander = async {
        computing(lane, "victim").await;
        named(lane, "/sleep?ms=300", "bystander").await
    };
    let hurt = async {
        computing(lane, "bystander").await;
        hurt(computing(lane, "victim").await).await;
    };
    let victim = named(lane, "/sleep?ms=3600000", "victim");
    let (victim, bystander, ()) = tokio::join!(victim, bystander, hurt);
    assert_eq!(bystander.unwrap().status, 200, "the bystander");
    victim
}

/// That the request is lost, in the way in which the mode says so.
#[track_caller]
pub fn assert_lost(outcome: reqwest::Result<Answer>) {
    match outcome {
        Ok(answer) => {
            let reason = answer.reason();
            assert_eq!((answer.status, reason.as_str()), (502, "worker_crashed"));
        }
        // The connection of a cluster is the worker's own, and ends with it.
        Err(err) => assert!(!err.is_timeout(), "{err:?}"),
    }
}

/// Waits until a series has this value.
pub async fn counted(lane: &Lane, series: &str, value: f64) {
    let start = Instant::now();
    loop {
        let now = lane.metric(series).await;
        if now == value {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{series} is {now}, not {value}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until requests have their answers again; while there is no process, they are told so.
pub async fn until_served(lane: &Lane) {
    let start = Instant::now();
    loop {
        let answer = lane.get("/fast").await;
        if answer.status == 200 {
            return;
        }
        assert_refused(&answer);
        assert!(start.elapsed() < PATIENCE);
    }
}

/// That there was no process for the request, and that it may come again.
#[track_caller]
pub fn assert_refused(answer: &Answer) {
    let reason = answer.reason();
    let is_refused = ["spawn_failed", "queue_timeout"].contains(&reason.as_str());
    assert!(is_refused && answer.status == 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some());
}
