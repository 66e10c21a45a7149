use std::collections::BTreeSet;

use reqwest::Method;

use crate::lane::Mode::Fork;
use crate::lane::{self, SPARE_CHILDREN, send};
use crate::processes;

#[tokio::test]
async fn every_request_gets_a_process_of_its_own() {
    let lane = lane::of(Fork, &[]);
    let mut pids = BTreeSet::new();
    for _ in 0..20 {
        pids.insert(lane.get("/fast").await.pid());
    }
    assert_eq!(pids.len(), 20);
    let exited = |status: &serde_json::Value| status["children"]["exited"]["completed"] == 20;
    let status = lane.until_status(exited).await;
    assert_eq!(status["children"]["spawned"], 20 + SPARE_CHILDREN);
    assert!(!pids.into_iter().any(processes::exists));
}

#[tokio::test]
async fn a_child_ends_with_its_request_whatever_the_reason() {
    let lane = lane::of(Fork, &[]);
    let work = || lane.request(Method::GET, "/sleep?ms=60000");
    let cancelled = async {
        tokio::select! {
            _ = send(work()) => unreachable!(),
            pid = lane.until_computing() => pid,
        }
    };
    let overrun = async {
        let late = send(work().header("x-timeout", "1"));
        let (answer, pid) = tokio::join!(late, lane.until_computing());
        assert_eq!(answer.status, 504);
        pid
    };
    let pids = [cancelled.await, overrun.await];
    lane.until("idle", 0).await;
    assert!(!pids.into_iter().any(processes::exists));
    let exited = lane.status().await["children"]["exited"].clone();
    assert_eq!(exited, serde_json::json!({"cancelled": 1, "deadline": 1}));
}
