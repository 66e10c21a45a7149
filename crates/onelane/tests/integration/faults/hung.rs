use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rstest::rstest;
use rustix::process::Signal;

use super::process::{Process, children, computing, until};
use super::request::{LOST, counted, disturb, exits, named, restarts, until_served};
use crate::lane;
use crate::lane::Mode::{self, Cluster, Fork, Pool};

#[rstest]
#[tokio::test]
async fn a_child_that_hangs_is_killed_at_its_deadline(#[values(Fork, Pool)] mode: Mode) {
    let lane = lane::with_slots(mode, 2, &["--request-timeout", "1s"]);
    let answer = disturb(&lane, async |child| child.signal(Signal::STOP))
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (504, "request_timeout")
    );
    counted(&lane, &exits("deadline"), 1.0).await;
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[tokio::test]
async fn workers_that_hang_are_killed_and_replaced() {
    let lane = lane::with_slots(Cluster, 2, &["--request-timeout", "1h"]);
    let hung = named(&lane, "/sleep?ms=3600000", "hung");
    let stopped = async {
        computing(&lane, "hung").await;
        let workers = children(&lane, 2).await;
        for worker in &workers {
            worker.signal(Signal::STOP);
        }
        workers
    };
    let (outcome, workers) = tokio::join!(hung, stopped);
    outcome.unwrap_err();
    counted(&lane, &exits("hung"), 2.0).await;
    counted(&lane, &restarts("hung"), 2.0).await;
    counted(&lane, LOST, 1.0).await;
    assert!(workers.iter().all(|worker| !worker.is_alive()));
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_process_that_ignores_the_end_is_killed_when_its_time_is_over(
    #[values(Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "500ms"]);
    let ended = async {
        let child = computing(&lane, "deaf").await;
        child.signal(Signal::STOP);
        Process::of(&lane).signal(Signal::TERM);
        child
    };
    let (outcome, child) = tokio::join!(named(&lane, "/sleep?ms=3600000", "deaf"), ended);
    outcome.unwrap_err();
    assert_eq!(lane.wait_for_exit().code(), Some(1));
    until("gone", || !child.is_alive()).await;
}

#[tokio::test]
async fn an_idle_worker_that_ignores_the_end_is_killed_when_its_time_is_over() {
    let mut lane = lane::of(Cluster, &["--shutdown-timeout", "500ms"]);
    lane.until_ready().await;
    let worker = children(&lane, 1).await.remove(0);
    worker.signal(Signal::STOP);
    lane.signal(Signal::TERM);
    assert_eq!(lane.wait_for_exit().code(), Some(1));
    assert!(!worker.is_alive());
}

#[tokio::test]
async fn a_worker_that_ignores_its_replacement_is_killed_when_its_time_is_over() {
    let lane = lane::of(Cluster, &["--shutdown-timeout", "500ms"]);
    lane.until_ready().await;
    let worker = children(&lane, 1).await.remove(0);
    worker.signal(Signal::STOP);
    lane.signal(Signal::HUP);
    counted(&lane, &exits("reload"), 1.0).await;
    assert!(!worker.is_alive());
    assert_eq!(lane.get("/fast").await.status, 200);
}

/// It is not known whether the job has reached a child: it must not be given to another one.
#[rstest]
#[case::fork(Fork, "0", 502)]
// One that is ready needs no fork server.
#[case::fork_with_children_ready(Fork, "2", 200)]
#[case::pool(Pool, "0", 200)]
#[tokio::test]
async fn a_fork_server_that_hangs_is_replaced(
    #[case] mode: Mode,
    #[case] spare_children: &str,
    #[case] first: u16,
) {
    let flags = [
        "--request-timeout",
        "1h",
        "--spare-children",
        spare_children,
    ];
    let lane = lane::of(mode, &flags);
    let fork_server = Process::of(&lane).children().remove(0);
    fork_server.signal(Signal::STOP);
    if mode == Pool {
        // Its successor is not to be had.
        let child = children(&lane, 1).await.remove(0);
        child.signal(Signal::KILL);
        until("gone", || !child.is_alive()).await;
    }
    assert_eq!(named(&lane, "/fast", "first").await.unwrap().status, first);
    until("replaced", || !fork_server.is_alive()).await;
    let start = Instant::now();
    while named(&lane, "/fast", "later").await.unwrap().status != 200 {
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}

#[tokio::test]
async fn a_fork_server_that_hangs_is_replaced_if_all_it_has_to_do_is_to_kill() {
    let lane = lane::of(Fork, &["--request-timeout", "1s"]);
    let fork_server = Process::of(&lane).children().remove(0);
    let hang = async {
        computing(&lane, "first").await;
        fork_server.signal(Signal::STOP);
    };
    let (answer, ()) = tokio::join!(named(&lane, "/sleep?ms=3600000", "first"), hang);
    assert_eq!(answer.unwrap().status, 504);
    // The server orders no other child, because the only slot is taken until this one is gone.
    let start = Instant::now();
    while named(&lane, "/fast", "later").await.unwrap().status != 200 {
        assert!(start.elapsed() < Duration::from_secs(30));
    }
    assert!(!fork_server.is_alive());
}

#[tokio::test]
async fn a_fork_server_that_hangs_is_replaced_however_much_it_was_told() {
    // More than there is room for on the way to it.
    const MANY: usize = 400;
    let lane = lane::with_slots(Fork, MANY, &["--request-timeout", "1s"]);
    let fork_server = Process::of(&lane).children().remove(0);
    fork_server.signal(Signal::STOP);
    let requests = join_all((0..MANY).map(|_| named(&lane, "/fast", "unheard"))).await;
    let lost: Vec<_> = requests.iter().filter(|it| it.is_err()).collect();
    assert!(
        lost.is_empty(),
        "{} without an answer: {:?}",
        lost.len(),
        lost[0]
    );
    until_served(&lane).await;
    assert!(!fork_server.is_alive());
}
