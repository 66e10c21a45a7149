use std::time::Duration;

use reqwest::Method;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, send};

/// Some requests that would keep the lane for an hour, each by another loop.
#[rstest]
#[case("/wait?ms=3600000", "/wait")]
#[case("/sleep?ms=3600000", "/sleep")]
#[tokio::test]
async fn a_client_that_leaves_frees_the_lane(
    #[case] path: &str,
    #[case] route: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--request-timeout", "1h"]);
    tokio::select! {
        _ = lane.get(path) => unreachable!(),
        () = lane.until("busy", 0) => {}
    }
    lane.until("idle", 0).await;
    assert_eq!(lane.get("/fast").await.status, 200);
    let series = format!("http_requests_total{{method=\"GET\",route=\"{route}\",status=\"499\"}}");
    lane.counted(&series, 1.0).await;
    lane.counted("onelane_rejected_total{reason=\"client_gone\"}", 1.0)
        .await;
    // It ended, and so it counts: a lane that all clients leave is not one that never finishes.
    let workload = route.trim_start_matches('/');
    let computed = format!("onelane_compute_seconds_count{{workload=\"{workload}\"}}");
    lane.counted(&computed, 1.0).await;
    lane.logged(|line| {
        line["status"] == 499
            && line["reason"] == "client_gone"
            && line["compute_ms"].as_f64() > Some(0.0)
    })
    .await;
}

/// A closed sending side looks the same whether the client has left or waits. A server that takes it for waiting
/// may compute for a client that is gone. So a lane takes it for gone: the client gets no answer, and the lane is
/// free. `README.md` tells what to send.
#[rstest]
#[tokio::test]
async fn a_client_that_closes_its_sending_side_has_left(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--request-timeout", "1h"]);
    let mut client = TcpStream::connect(&lane.listen).await.unwrap();
    let head = "GET /sleep?ms=3600000 HTTP/1.0\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    lane.until("busy", 0).await;
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "");
    lane.until("idle", 0).await;
    lane.counted("onelane_rejected_total{reason=\"client_gone\"}", 1.0)
        .await;
    lane.logged(|line| line["status"] == 499).await;

    // The same with the sending side open.
    let mut client = TcpStream::connect(&lane.listen).await.unwrap();
    let head = "GET /sleep?ms=1 HTTP/1.0\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
}

#[rstest]
#[tokio::test]
async fn a_client_that_leaves_the_queue_gives_its_place_up(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let work = lane.get("/sleep?ms=60000");
    let left = async {
        lane.until("busy", 0).await;
        tokio::select! {
            _ = lane.get("/fast") => unreachable!(),
            () = lane.until("busy", 1) => {}
        }
        lane.until("busy", 0).await;
    };
    tokio::select! { () = left => {}, _ = work => unreachable!() };
}

/// The kernel keeps a connection whose client has left, until a worker takes it and sees.
#[tokio::test]
async fn a_client_that_leaves_the_queue_of_a_cluster_costs_no_computation() {
    let lane = lane::of(Cluster, &["--request-timeout", "1h"]);
    let left = async {
        lane.until("busy", 0).await;
        tokio::select! {
            _ = lane.get("/wait?ms=3600000") => unreachable!(),
            () = lane.until("busy", 1) => {}
        }
        lane.get("/fast").await
    };
    let (first, next) = tokio::join!(lane.get("/sleep?ms=300"), left);
    assert_eq!((first.status, next.status), (200, 200));
    lane.until("idle", 0).await;
}

#[rstest]
#[case("/wait?ms=3600000")]
#[case("/sleep?ms=3600000")]
#[tokio::test]
async fn a_computation_past_its_deadline_is_a_504_and_frees_the_lane(
    #[case] path: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--request-timeout", "100ms"]);
    let answer = lane.get(path).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (504, "request_timeout")
    );
    lane.until("idle", 0).await;
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_caller_may_shorten_the_deadline_but_not_lengthen_it(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--request-timeout", "2s"]);
    let with_timeout = async |path: &str, seconds: &str| {
        send(lane.request(Method::GET, path).header("x-timeout", seconds)).await
    };
    assert_eq!(with_timeout("/sleep?ms=3600000", "0.05").await.status, 504);
    assert_eq!(with_timeout("/sleep?ms=1", "1.9").await.status, 200);
    let lengthened = with_timeout("/sleep?ms=3600000", "3600");
    let answer = timeout(Duration::from_secs(30), lengthened).await;
    assert_eq!(answer.expect("the server's own limit holds").status, 504);
}
