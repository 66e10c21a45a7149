use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use onelane::config::Mode::Fork;
use reqwest::Method;

use crate::lane::{Lane, send};
use crate::processes;

#[tokio::test]
async fn every_request_gets_a_process_of_its_own() {
    let lane = Lane::of(Fork, &[]);
    let mut pids = BTreeSet::new();
    for _ in 0..20 {
        pids.insert(lane.get("/fast").await.pid());
    }
    assert_eq!(pids.len(), 20);
    let exited = |status: &serde_json::Value| status["children"]["exited"]["completed"] == 20;
    let status = lane.until_status(exited).await;
    assert_eq!(status["children"]["spawned"], 20);
    assert_eq!(status["children"]["alive"], serde_json::json!([]));
    assert!(!pids.into_iter().any(processes::exists));
}

#[tokio::test]
async fn a_child_ends_with_its_request_whatever_the_reason() {
    let lane = Lane::of(Fork, &[]);
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

#[tokio::test]
async fn a_child_has_two_pipes_and_its_limits_and_nothing_else_of_its_server() {
    let lane = Lane::of(
        Fork,
        &["--child-memory-mib", "70", "--child-cpu-time", "3s"],
    );
    let look = async {
        let pid = lane.until_computing().await;
        // It is seen before it has set its limits.
        let mut limits = String::new();
        while !limits.contains("Max cpu time              4 ") {
            tokio::time::sleep(Duration::from_millis(2)).await;
            limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        }
        assert!(limits.contains(&format!("Max data size             {} ", 70 << 20)));
        open_files(pid)
    };
    let files = tokio::select! {
        _ = lane.get("/sleep?ms=60000") => unreachable!(),
        files = look => files,
    };
    let pipes = files[3..].iter().filter(|file| file.starts_with("pipe:"));
    assert_eq!((files.len(), pipes.count()), (5, 2), "{files:?}");
    assert_eq!(files[0], "/dev/null");
}

/// What its descriptors are, in their order.
fn open_files(pid: u64) -> Vec<String> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let mut paths: Vec<_> = links.map(|link| link.unwrap().path()).collect();
    paths.sort();
    let names = paths.iter().map(|path| fs::read_link(path).unwrap());
    names.map(|name| name.display().to_string()).collect()
}
