use std::io::Write;

use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;

use super::process::children;
use super::request::{LOST, counted, exits, restarts};
use crate::lane::Mode::Fork;
use crate::lane::{self, SPARE_CHILDREN};

#[tokio::test]
async fn children_that_die_before_their_job_are_replaced_and_no_client_notices() {
    let lane = lane::of(Fork, &[]);
    let before = children(&lane, SPARE_CHILDREN).await;
    for child in &before {
        child.signal(Signal::KILL);
    }
    let crashed = |status: &Value| status["children"]["exited"]["crashed"] == SPARE_CHILDREN;
    lane.until_status(crashed).await;
    assert_eq!(lane.get("/fast").await.status, 200);
    let after = children(&lane, SPARE_CHILDREN).await;
    assert!(after.iter().all(|child| !before.contains(child)));
    counted(&lane, &restarts("crashed"), 2.0).await;
    counted(&lane, LOST, 0.0).await;
}

#[tokio::test]
async fn a_child_that_speaks_before_its_job_is_replaced_and_no_client_notices() {
    let lane = lane::of(Fork, &[]);
    let before = children(&lane, SPARE_CHILDREN).await;
    for child in &before {
        child.answers().write_all(b"\0\0\0\x02{}").unwrap();
    }
    assert_eq!(lane.get("/fast").await.status, 200);
    counted(&lane, &exits("garbled"), 2.0).await;
    let after = children(&lane, SPARE_CHILDREN).await;
    assert!(after.iter().all(|child| !before.contains(child)));
    counted(&lane, LOST, 0.0).await;
}

/// As many as are wished, and none if that is what is wished.
#[rstest]
#[tokio::test]
async fn so_many_children_are_ready(#[values(0, 1, 5)] spare: usize) {
    let lane = lane::with_slots(Fork, 2, &["--spare-children", &spare.to_string()]);
    for _ in 0..10 {
        assert_eq!(lane.get("/fast").await.status, 200);
    }
    let status = lane
        .until_status(|status| {
            let children = &status["children"];
            let alive = children["alive"].as_array().unwrap().len();
            alive == spare && children["exited"]["completed"] == 10
        })
        .await;
    assert_eq!(status["children"]["spawned"], 10 + spare);
}
