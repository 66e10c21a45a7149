use rstest::rstest;
use rustix::process::Signal;

use super::process::{Process, computing};
use super::request::named;
use crate::lane;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};

/// As systemd stops a service, unless it is told to do otherwise.
#[rstest]
#[tokio::test]
async fn a_request_completes_although_every_process_is_told_to_end(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &[]);
    let end = async {
        lane.until_busy(1).await;
        let family = Process::of(&lane).descendants();
        for process in family.into_iter().chain([Process::of(&lane)]) {
            process.signal(Signal::TERM);
        }
    };
    let (answer, ()) = tokio::join!(named(&lane, "/sleep?ms=500", "last"), end);
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
#[tokio::test]
async fn what_means_the_server_does_nothing_to_its_children(
    #[values(Signal::TERM, Signal::INT, Signal::HUP)] signal: Signal,
    #[values(Fork, Pool)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let fork_server = Process::of(&lane).children();
    let told = async {
        lane.until_busy(1).await;
        for process in Process::of(&lane).descendants() {
            process.signal(signal);
        }
    };
    let (answer, ()) = tokio::join!(named(&lane, "/sleep?ms=500", "undisturbed"), told);
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(Process::of(&lane).children(), fork_server);
    assert_eq!(lane.get("/fast").await.status, 200);
    let status = lane.status().await;
    assert!(
        status["children"]["exited"]["crashed"].is_null(),
        "{status}"
    );
}

/// Programs inherit what is ignored or blocked, and nothing else.
#[rstest]
#[tokio::test]
async fn a_program_that_a_workload_starts_can_be_told_to_end(#[values(Fork, Pool)] mode: Mode) {
    let lane = lane::of(mode, &[]);
    let look = async {
        let child = computing(&lane, "starter").await;
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            assert!(
                !child.has_signal("SigIgn:", signal),
                "{signal:?} is ignored"
            );
            assert!(
                !child.has_signal("SigBlk:", signal),
                "{signal:?} is blocked"
            );
        }
    };
    let (answer, ()) = tokio::join!(named(&lane, "/sleep?ms=500", "starter"), look);
    assert_eq!(answer.unwrap().status, 200);
}
