use rstest::rstest;

use super::process::computing;
use super::request::{LOST, assert_lost, counted, exits, named, restarts};
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Answer, Lane};

/// Ends the process that computes it with this code.
async fn exit(lane: &Lane, code: u8) -> reqwest::Result<Answer> {
    named(lane, &format!("/exit?code={code}"), "victim").await
}

#[rstest]
#[tokio::test]
async fn a_process_that_exits_instead_of_answering_loses_its_request_and_no_other(
    #[values(0, 7)] code: u8,
    #[values(Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::with_slots(mode, 2, &["--request-timeout", "20s"]);
    let victim = async {
        computing(&lane, "bystander").await;
        exit(&lane, code).await
    };
    let (bystander, victim) = tokio::join!(named(&lane, "/sleep?ms=500", "bystander"), victim);
    assert_eq!(bystander.unwrap().status, 200);
    match victim {
        Ok(answer) => {
            assert_ne!(mode, Cluster);
            let detail = answer.json()["detail"].to_string();
            assert!(detail.contains(&format!("code {code}")), "{detail}");
            assert_lost(Ok(answer));
            let line = lane.logged(|line| line["request_id"] == "victim").await;
            let (status, reason) = (&line["status"], &line["reason"]);
            assert_eq!((status, reason), (&502.into(), &"worker_crashed".into()));
        }
        // The worker with the connection is gone: only the parent can log it.
        Err(err) => {
            assert_eq!(mode, Cluster, "{err:?}");
            assert_lost(Err(err));
            let line = lane.logged(|line| line["message"] == "worker exit").await;
            assert_eq!(line["cause"], "crashed");
            assert_eq!(line["status"], format!("exit status: {code}"));
            assert_eq!(line["lost_request"], true);
        }
    }
    counted(&lane, LOST, 1.0).await;
    counted(&lane, &exits("crashed"), 1.0).await;
    // Not as if it had done what it was to do, as the bystander of the fork mode has.
    counted(
        &lane,
        &exits("completed"),
        f64::from(u8::from(mode == Fork)),
    )
    .await;
    counted(
        &lane,
        &restarts("crashed"),
        f64::from(u8::from(mode != Fork)),
    )
    .await;
    lane.until_busy(0).await;
    assert_eq!(lane.get("/fast").await.status, 200);
}

/// Each exit ends a new process that has done nothing else, and no request waits for its process longer
/// than the one before.
#[rstest]
#[tokio::test]
async fn the_next_request_is_served_however_many_processes_have_exited_in_a_row(
    #[values(Fork, Pool, Cluster)] mode: Mode,
) {
    const EXITS: u32 = 8;
    let lane = lane::of(
        mode,
        &["--request-timeout", "10s", "--queue-timeout", "10s"],
    );
    for _ in 0..EXITS {
        let outcome = exit(&lane, 1).await;
        assert_eq!(outcome.is_err(), mode == Cluster, "{outcome:?}");
        assert_lost(outcome);
    }
    assert_eq!(lane.get("/fast").await.status, 200);
    counted(&lane, LOST, f64::from(EXITS)).await;
    counted(&lane, &exits("crashed"), f64::from(EXITS)).await;
}

/// Where the server computes itself, the process that started it sees the code.
#[rstest]
#[tokio::test]
async fn a_server_that_exits_passes_the_code_on_and_takes_all_requests_along(
    #[values(0, 7)] code: u8,
    #[values(Blocking, Threads)] mode: Mode,
) {
    let mut lane = lane::of(mode, &[]);
    // Leaves when both have found their place in the queue.
    let before = async {
        tokio::select! {
            _ = named(&lane, "/sleep?ms=3600000", "before") => unreachable!(),
            () = lane.until("busy", 2) => {}
        }
    };
    let victim = async {
        lane.until("busy", 0).await;
        exit(&lane, code).await
    };
    let behind = async {
        lane.until("busy", 1).await;
        named(&lane, "/fast", "behind").await
    };
    let ((), exit, behind) = tokio::join!(before, victim, behind);
    for outcome in [exit, behind] {
        let err = outcome.expect_err("a broken connection");
        assert!(!err.is_timeout(), "{err:?}");
    }
    assert_eq!(lane.wait_for_exit().code(), Some(code.into()));
}

#[tokio::test]
async fn a_thread_that_exits_takes_along_what_runs_beside_it() {
    let mut lane = lane::with_slots(Threads, 2, &[]);
    let end = async {
        lane.until_busy(1).await;
        exit(&lane, 7).await
    };
    let (bystander, exit) = tokio::join!(named(&lane, "/sleep?ms=3600000", "bystander"), end);
    assert!(bystander.is_err() && exit.is_err());
    assert_eq!(lane.wait_for_exit().code(), Some(7));
}
