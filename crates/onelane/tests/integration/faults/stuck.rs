use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use rustix::process::Signal;

use super::process::{Process, children, until};
use super::request::{LOST, assert_lost, counted, exits, named, restarts};
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Answer, Lane, PATIENCE, send};

/// Longer than it takes to notice that a computation cannot be stopped, which is a second.
const STUBBORN: &str = "/stubborn?ms=5000";
/// Longer than any test waits.
const FOR_EVER: &str = "/stubborn?ms=3600000";

/// Few enough to start, and so many that one stuck thread is less than half of them.
const SLOTS: usize = 4;

/// All that a mode may have, up to [`SLOTS`].
fn slots(mode: Mode) -> usize {
    if mode == Blocking { 1 } else { SLOTS }
}

/// A request that is given so many seconds.
async fn limited(lane: &Lane, path: &str, seconds: &str) -> Answer {
    send(lane.request(Method::GET, path).header("x-timeout", seconds)).await
}

/// Has a slot compute something that cannot be stopped, for a caller that gets its 504.
async fn stick(lane: &Lane, path: &str) {
    let answer = limited(lane, path, "0.1").await;
    let reason = answer.reason();
    assert_eq!((answer.status, reason.as_str()), (504, "request_timeout"));
    assert!(answer.timing("compute") >= 100.0);
}

/// A server of which all slots are known.
async fn with_slots(mode: Mode, flags: &[&str]) -> Lane {
    let slots = slots(mode);
    let lane = lane::with_slots(mode, slots, flags);
    lane.until_status(|status| status["slots"].as_array().unwrap().len() == slots)
        .await;
    lane
}

async fn until_livez(lane: &Lane, status: u16) {
    let start = Instant::now();
    while lane.admin("/livez").await.status != status {
        assert!(start.elapsed() < PATIENCE, "/livez never becomes {status}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// That requests are computed on all slots at once.
async fn assert_all_slots_work(lane: &Lane, mode: Mode) {
    let all = (0..slots(mode)).map(|_| lane.get("/sleep?ms=3600000"));
    tokio::select! {
        _ = futures_util::future::join_all(all) => unreachable!(),
        _ = lane.until_busy(slots(mode)) => {}
    }
}

/// What is killed, given up or replaced for a computation that does not stop, and why.
async fn assert_accounts(lane: &Lane, mode: Mode, cause: &str) {
    let (exit, restart) = match mode {
        Blocking => (None, None),
        Threads => (None, Some("hung")),
        Fork => (Some(cause), None),
        Pool => (Some(cause), Some(cause)),
        Cluster => (Some("hung"), Some("hung")),
    };
    for known in ["deadline", "cancelled", "hung", "crashed"] {
        let count = |happened: Option<&str>| f64::from(u8::from(happened == Some(known)));
        counted(lane, &exits(known), count(exit)).await;
        counted(lane, &restarts(known), count(restart)).await;
    }
    if let Some(exit) = exit {
        assert_eq!(lane.status().await["children"]["exited"][exit], 1);
    }
    // Its caller was told, or has left.
    assert_eq!(lane.metric(LOST).await, 0.0);
}

#[rstest]
#[tokio::test]
async fn the_caller_of_what_cannot_be_stopped_gets_504_all_the_same(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--request-timeout", "100ms"]);
    let answer = named(&lane, FOR_EVER, "late").await.unwrap();
    let reason = answer.reason();
    assert_eq!((answer.status, reason.as_str()), (504, "request_timeout"));
    let line = lane.logged(|line| line["request_id"] == "late").await;
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&504.into(), &"request_timeout".into())
    );
    for series in [
        r#"http_requests_total{method="GET",route="/stubborn",status="504"}"#,
        r#"onelane_rejected_total{reason="request_timeout"}"#,
        r#"onelane_compute_seconds_count{workload="stubborn"}"#,
    ] {
        lane.counted(series, 1.0).await;
    }
}

#[rstest]
#[tokio::test]
async fn the_slot_of_what_cannot_be_stopped_comes_back(
    #[values(Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = with_slots(mode, &[]).await;
    let (pid, ()) = tokio::join!(lane.until_computing(), async {
        let answer = limited(&lane, FOR_EVER, "1").await;
        assert_eq!(answer.status, 504);
    });
    assert_accounts(&lane, mode, "deadline").await;
    if mode != Threads {
        let process = Process::new(pid);
        until("gone", || !process.is_alive()).await;
    }
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert_all_slots_work(&lane, mode).await;
}

#[tokio::test]
async fn a_blocking_lane_that_cannot_stop_fails_its_liveness_until_it_can() {
    let lane = lane::of(Blocking, &[]);
    stick(&lane, STUBBORN).await;
    until_livez(&lane, 503).await;
    assert_eq!(lane.admin("/readyz").await.status, 200);
    lane.until("busy", 0).await;
    lane.until("idle", 0).await;
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert_eq!(lane.get("/fast").await.status, 200);
    assert_accounts(&lane, Blocking, "none").await;
}

#[tokio::test]
async fn threads_that_cannot_stop_are_replaced_and_half_of_them_fail_the_liveness() {
    let lane = with_slots(Threads, &[]).await;
    let replaced = restarts("hung");
    stick(&lane, STUBBORN).await;
    lane.until_busy(0).await;
    assert_eq!(lane.metric(&replaced).await, 1.0);
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert_eq!(lane.get("/fast").await.status, 200);

    stick(&lane, STUBBORN).await;
    lane.until_busy(0).await;
    assert_eq!(lane.metric(&replaced).await, 2.0);
    assert_eq!(lane.admin("/livez").await.status, 503);
    // What works goes on.
    assert_eq!(lane.get("/fast").await.status, 200);

    until_livez(&lane, 200).await;
    assert_eq!(lane.metric("onelane_slots").await, 4.0);
}

/// Killed, they never are a reason to replace the server.
#[rstest]
#[tokio::test]
async fn children_that_cannot_stop_never_fail_the_liveness(#[values(Fork, Pool)] mode: Mode) {
    let lane = lane::of(mode, &[]);
    for _ in 0..3 {
        stick(&lane, FOR_EVER).await;
        assert_eq!(lane.admin("/livez").await.status, 200);
        assert_eq!(lane.get("/fast").await.status, 200);
    }
    counted(&lane, &exits("deadline"), 3.0).await;
    children(&lane, mode.children_at_rest(1)).await;
}

#[tokio::test]
async fn a_worker_that_cannot_stop_is_replaced_and_takes_no_request_meanwhile() {
    let lane = with_slots(Cluster, &[]).await;
    stick(&lane, FOR_EVER).await;
    let replaced = restarts("hung");
    let start = Instant::now();
    while lane.metric(&replaced).await == 0.0 {
        assert_eq!(lane.get("/fast").await.status, 200);
        assert!(start.elapsed() < PATIENCE, "never replaced");
    }
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert_accounts(&lane, Cluster, "hung").await;
}

#[rstest]
#[tokio::test]
async fn a_client_that_leaves_what_cannot_be_stopped_frees_the_slot_as_a_deadline_does(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = with_slots(mode, &[]).await;
    // The client is gone long before its two seconds are over, and they are long before the end.
    tokio::select! {
        answer = limited(&lane, "/stubborn?ms=10000", "2") => panic!("{answer:?}"),
        _ = lane.until_busy(1) => {}
    }
    lane.logged(|line| line["status"] == 499 && line["reason"] == "client_gone")
        .await;
    let left = r#"http_requests_total{method="GET",route="/stubborn",status="499"}"#;
    counted(&lane, left, 1.0).await;
    counted(&lane, "onelane_rejected_total{reason=\"client_gone\"}", 1.0).await;
    if mode == Blocking {
        until_livez(&lane, 503).await;
    }
    assert_accounts(&lane, mode, "cancelled").await;
    lane.until_busy(0).await;
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert_all_slots_work(&lane, mode).await;
}

#[rstest]
#[case::term(Signal::TERM, "500ms")]
#[case::int(Signal::INT, "1h")]
#[tokio::test]
async fn a_server_that_is_told_to_end_does_not_wait_for_what_cannot_be_stopped(
    #[case] signal: Signal,
    #[case] shutdown_timeout: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let flags = [
        "--request-timeout",
        "1h",
        "--shutdown-timeout",
        shutdown_timeout,
    ];
    let mut lane = with_slots(mode, &flags).await;
    let ended = async {
        lane.until_busy(1).await;
        let family = Process::of(&lane).descendants();
        lane.signal(signal);
        family
    };
    let (outcome, family) = tokio::join!(named(&lane, FOR_EVER, "cut"), ended);
    outcome.unwrap_err();
    assert_eq!(lane.wait_for_exit().code(), Some(1));
    assert_eq!(family.is_empty(), matches!(mode, Blocking | Threads));
    until("gone", || !family.iter().any(|process| process.is_alive())).await;
}

/// It is given its time to finish, and no more.
#[tokio::test]
async fn a_worker_that_cannot_stop_for_its_replacement_has_lost_its_request() {
    let lane = lane::of(
        Cluster,
        &["--request-timeout", "1h", "--shutdown-timeout", "500ms"],
    );
    let replaced = async {
        lane.until_busy(1).await;
        lane.signal(Signal::HUP);
    };
    let (outcome, ()) = tokio::join!(named(&lane, FOR_EVER, "cut"), replaced);
    assert_lost(outcome);
    counted(&lane, LOST, 1.0).await;
    counted(&lane, &exits("reload"), 1.0).await;
    assert_eq!(lane.get("/fast").await.status, 200);
}
