use std::io::Write;

use rstest::rstest;
use rustix::io::ioctl_fionread;
use rustix::process::Signal;

use super::process::{Process, children, computing, until};
use super::request::{LOST, assert_lost, counted, disturb, exits, named, restarts};
use crate::lane;
use crate::lane::Mode::{self, Cluster, Fork, Pool};

#[rstest]
#[tokio::test]
async fn a_process_killed_before_its_answer_loses_this_request_and_no_other(
    #[values(Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::with_slots(mode, 2, &["--request-timeout", "20s"]);
    let outcome = disturb(&lane, async |child| child.signal(Signal::KILL)).await;
    assert_eq!(outcome.is_err(), mode == Cluster, "{outcome:?}");
    assert_lost(outcome);
    counted(&lane, LOST, 1.0).await;
    counted(&lane, &exits("crashed"), 1.0).await;
    // Neither is the job given to another process.
    lane.until_busy(0).await;
    if mode != Fork {
        counted(&lane, &restarts("crashed"), 1.0).await;
        counted(&lane, "onelane_children", 2.0).await;
    }
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_child_killed_during_its_answer_loses_this_request_and_no_other(
    #[values(Fork, Pool)] mode: Mode,
) {
    let lane = lane::with_slots(mode, 2, &["--request-timeout", "20s"]);
    let outcome = disturb(&lane, async |child| {
        // The length of a longer message, and how it begins.
        child.answers().write_all(b"\0\0\0\x64{").unwrap();
        child.signal(Signal::KILL);
    });
    assert_lost(outcome.await);
    assert_eq!(lane.metric(LOST).await, 1.0);
    counted(&lane, &exits("crashed"), 1.0).await;
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn the_answer_of_a_child_killed_after_it_still_counts(#[values(Fork, Pool)] mode: Mode) {
    let lane = lane::of(mode, &[]);
    let killed = async {
        let child = computing(&lane, "last").await;
        // So that the server reads neither the answer nor the news before both are there.
        Process::of(&lane).signal(Signal::STOP);
        let answers = child.answers();
        until("an answer", || ioctl_fionread(&answers).unwrap() > 0).await;
        if mode == Pool {
            child.signal(Signal::KILL);
        }
        until("reaped", || !child.is_alive() && !child.is_zombie()).await;
        drop(answers);
        Process::of(&lane).signal(Signal::CONT);
    };
    let (answer, ()) = tokio::join!(named(&lane, "/sleep?ms=2000", "last"), killed);
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(lane.get("/fast").await.status, 200);
    assert_eq!(lane.metric(LOST).await, 0.0);
}

#[rstest]
#[tokio::test]
async fn idle_processes_that_are_killed_are_replaced_and_no_client_notices(
    #[values(Pool, Cluster)] mode: Mode,
) {
    let lane = lane::with_slots(mode, 7, &[]);
    lane.until_status(|status| status["slots"].as_array().unwrap().len() == 7)
        .await;
    let before = children(&lane, 7).await;
    for child in &before {
        child.signal(Signal::KILL);
    }
    lane.until_status(|status| status["children"]["exited"]["crashed"] == 7)
        .await;
    let after = children(&lane, 7).await;
    assert!(after.iter().all(|child| !before.contains(child)));
    assert_eq!(lane.get("/fast").await.status, 200);
    assert_eq!(lane.metric(LOST).await, 0.0);
}

#[tokio::test]
async fn a_worker_that_is_killed_while_it_finishes_has_crashed() {
    let lane = lane::of(Cluster, &["--request-timeout", "1h"]);
    let killed = async {
        let worker = computing(&lane, "victim").await;
        lane.signal(Signal::HUP);
        // With its successor there, it was told to finish.
        lane.logged_times(2, |line| line["message"] == "worker listening")
            .await;
        assert_eq!(lane.get("/fast").await.status, 200);
        worker.signal(Signal::KILL);
    };
    let (outcome, ()) = tokio::join!(named(&lane, "/sleep?ms=3600000", "victim"), killed);
    outcome.unwrap_err();
    counted(&lane, LOST, 1.0).await;
    counted(&lane, &exits("crashed"), 1.0).await;
    counted(&lane, &exits("reload"), 0.0).await;
}
