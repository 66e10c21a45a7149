use std::time::{Duration, Instant};

use crate::lane::Mode::{Blocking, Cluster, Threads};
use reqwest::Method;

use crate::lane::{Lane, PATIENCE, send};

/// Longer than it takes to notice that a computation cannot be stopped, which is a second.
const STUBBORN: &str = "/stubborn?ms=5000";

/// Has a slot compute something that cannot be stopped, for a caller that gets its 504.
async fn stick(lane: &Lane) {
    let work = lane.request(Method::GET, STUBBORN);
    let answer = send(work.header("x-timeout", "0.1")).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (504, "request_timeout")
    );
}

async fn until_livez(lane: &Lane, status: u16) {
    let start = Instant::now();
    while lane.admin("/livez").await.status != status {
        assert!(start.elapsed() < PATIENCE, "/livez never becomes {status}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_blocking_lane_that_cannot_stop_fails_its_liveness_until_it_can() {
    let lane = Lane::of(Blocking, &[]);
    stick(&lane).await;
    until_livez(&lane, 503).await;
    assert_eq!(lane.admin("/readyz").await.status, 200);
    lane.until("busy", 0).await;
    lane.until("idle", 0).await;
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[tokio::test]
async fn threads_that_cannot_stop_are_replaced_and_half_of_them_fail_the_liveness() {
    let lane = Lane::with_slots(Threads, 4, &[]);
    let replaced = "onelane_worker_restarts_total{cause=\"hung\"}";
    stick(&lane).await;
    lane.until_busy(0).await;
    assert_eq!(lane.metric(replaced).await, 1.0);
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert_eq!(lane.get("/fast").await.status, 200);

    stick(&lane).await;
    lane.until_busy(0).await;
    assert_eq!(lane.metric(replaced).await, 2.0);
    assert_eq!(lane.admin("/livez").await.status, 503);
    // What works goes on.
    assert_eq!(lane.get("/fast").await.status, 200);

    until_livez(&lane, 200).await;
    assert_eq!(lane.metric("onelane_slots").await, 4.0);
}

#[tokio::test]
async fn a_worker_that_cannot_stop_is_replaced_and_takes_nobody_meanwhile() {
    let lane = Lane::with_slots(Cluster, 2, &[]);
    lane.until_status(|status| status["slots"].as_array().unwrap().len() == 2)
        .await;
    stick(&lane).await;
    let replaced = "onelane_worker_restarts_total{cause=\"hung\"}";
    let start = Instant::now();
    while lane.metric(replaced).await == 0.0 {
        assert_eq!(lane.get("/fast").await.status, 200);
        assert!(start.elapsed() < PATIENCE, "never replaced");
    }
    assert_eq!(lane.admin("/livez").await.status, 200);
    lane.counted("onelane_child_exits_total{cause=\"hung\"}", 1.0)
        .await;
}
