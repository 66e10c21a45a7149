use std::time::{Duration, Instant};

use crate::lane::Mode::{Blocking, Cluster, Threads};
use reqwest::Method;

use crate::lane::{Frozen, Lane, PATIENCE, send};

/// Has the first slot compute something that cannot be stopped, for a caller that gets its 504.
async fn stick(lane: &Lane) -> Frozen {
    let work = lane.request(Method::GET, "/sleep?ms=3600000");
    let work = send(work.header("x-timeout", "1"));
    let freeze = async {
        let process = lane.until_computing().await;
        Frozen::new(process, "lane-0")
    };
    let (answer, frozen) = tokio::join!(work, freeze);
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (504, "request_timeout")
    );
    frozen
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
    let frozen = stick(&lane).await;
    until_livez(&lane, 503).await;
    assert_eq!(lane.admin("/readyz").await.status, 200);
    lane.until("busy", 0).await;
    drop(frozen);
    lane.until("idle", 0).await;
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[tokio::test]
async fn threads_that_cannot_stop_are_replaced_and_half_of_them_fail_the_liveness() {
    let lane = Lane::with_slots(Threads, 4, &[]);
    let replaced = "onelane_worker_restarts_total{cause=\"hung\"}";
    let first = stick(&lane).await;
    lane.until_busy(0).await;
    assert_eq!(lane.metric(replaced).await, 1.0);
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert_eq!(lane.get("/fast").await.status, 200);

    let second = stick(&lane).await;
    lane.until_busy(0).await;
    assert_eq!(lane.metric(replaced).await, 2.0);
    assert_eq!(lane.admin("/livez").await.status, 503);
    // What works goes on.
    assert_eq!(lane.get("/fast").await.status, 200);

    drop((first, second));
    until_livez(&lane, 200).await;
    assert_eq!(lane.metric("onelane_slots").await, 4.0);
}

#[tokio::test]
async fn a_worker_that_cannot_stop_is_replaced_and_takes_nobody_meanwhile() {
    let lane = Lane::with_slots(Cluster, 2, &[]);
    lane.until_status(|status| status["slots"].as_array().unwrap().len() == 2)
        .await;
    let _frozen = stick(&lane).await;
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
