use rstest::rstest;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane, stall};

async fn until_draining(lane: &Lane) {
    lane.logged(|line| line["message"] == "draining").await;
    let ready = lane.admin("/readyz").await;
    assert_eq!((ready.status, ready.text.as_str()), (503, "draining\n"));
}

#[rstest]
#[tokio::test]
async fn an_idle_server_ends_at_once_with_0(
    #[values(Signal::TERM, Signal::INT)] signal: Signal,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    // Long enough for the parent of a cluster to hear of it, but not of its end.
    assert_eq!(lane.get("/sleep?ms=60").await.status, 200);
    lane.signal(signal);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
fn a_server_that_has_only_just_started_ends_with_0(
    #[values(Signal::TERM, Signal::INT)] signal: Signal,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    lane.signal(signal);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
#[tokio::test]
async fn the_running_request_completes_and_the_waiting_ones_are_turned_away(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &[]);
    let (running, waiting, late, held) = tokio::join!(
        lane.get("/sleep?ms=1000"),
        async {
            lane.until("busy", 0).await;
            lane.get("/fast").await
        },
        async {
            lane.until("busy", 1).await;
            lane.signal(Signal::TERM);
            until_draining(&lane).await;
            assert_eq!(lane.admin("/livez").await.status, 200);
            let answer = lane.get("/fast").await;
            lane.logged_times(2, |line| line["reason"] == "draining")
                .await;
            lane.counted("onelane_rejected_total{reason=\"draining\"}", 2.0)
                .await;
            answer
        },
        async {
            lane.logged(|line| line["message"] == "draining").await;
            lane::send(lane.held("/fast", "10000")).await
        },
    );
    assert_eq!(running.status, 200);
    for refused in [waiting, late] {
        assert_eq!(
            (refused.status, refused.reason().as_str()),
            (503, "draining")
        );
        assert!(refused.header("retry-after").is_some());
    }
    // A balancer takes its request elsewhere.
    assert_eq!((held.status, held.header("x-lane-busy")), (403, Some("1")));
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
#[tokio::test]
async fn a_server_with_a_drain_delay_serves_on_while_it_is_not_ready(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--drain-delay", "1h"]);
    lane.signal(Signal::TERM);
    until_draining(&lane).await;
    assert_eq!(lane.get("/fast").await.status, 200);
    lane.signal(Signal::TERM);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
#[tokio::test]
async fn what_outlasts_the_shutdown_timeout_is_cut_and_the_exit_code_says_so(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "100ms"]);
    let request = lane.request(reqwest::Method::GET, "/sleep?ms=60000").send();
    let end = async {
        lane.until("busy", 0).await;
        lane.signal(Signal::TERM);
    };
    let (outcome, ()) = tokio::join!(request, end);
    outcome.unwrap_err();
    assert_eq!(lane.wait_for_exit().code(), Some(1));
}

#[rstest]
#[case::int(&[Signal::INT])]
#[case::a_second_term(&[Signal::TERM, Signal::TERM])]
#[case::int_after_term(&[Signal::TERM, Signal::INT])]
#[tokio::test]
async fn these_signals_end_it_now(
    #[case] signals: &[Signal],
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    let request = lane.request(reqwest::Method::GET, "/sleep?ms=60000").send();
    let end = async {
        lane.until("busy", 0).await;
        lane.signal(signals[0]);
        if let [_, second] = signals {
            until_draining(&lane).await;
            lane.signal(*second);
        }
    };
    let (outcome, ()) = tokio::join!(request, end);
    outcome.unwrap_err();
    assert_eq!(lane.wait_for_exit().code(), Some(1));
}

/// Supervisors tell every process of a service.
#[tokio::test]
async fn a_worker_finishes_its_request_however_often_it_is_told() {
    let mut lane = lane::of(Cluster, &[]);
    let told = async {
        let worker = lane.until_computing().await;
        lane::signal(worker, Signal::TERM);
        lane.signal(Signal::TERM);
        until_draining(&lane).await;
        lane::signal(worker, Signal::TERM);
    };
    let (answer, ()) = tokio::join!(lane.get("/sleep?ms=1000"), told);
    assert_eq!(answer.status, 200);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
#[tokio::test]
async fn an_idle_connection_does_not_delay_the_end(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    let mut idle = TcpStream::connect(&lane.listen).await.unwrap();
    idle.write_all(b"GET /fast HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut start = [0; 12];
    idle.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    lane.signal(Signal::TERM);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

/// Told to go when it has begun to read: a lane whose clients are slow still ends in time.
#[rstest]
#[tokio::test]
async fn a_body_that_does_not_come_is_a_408_and_cuts_no_drain(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "20s"]);
    let mut stalled = stall(&lane).await;
    lane.signal(Signal::TERM);
    let mut answer = String::new();
    stalled.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains(r#""reason":"bad_request""#), "{answer}");
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}
