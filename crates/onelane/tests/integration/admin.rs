use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Answer, PATIENCE, send};

#[rstest]
#[case("/livez")]
#[case("/readyz")]
#[case("/metrics")]
#[case("/status")]
#[tokio::test]
async fn the_admin_side_answers_within_100_ms_while_the_lane_is_100_percent_busy(
    #[case] path: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let busy = lane.get("/wait?ms=600000");
    let probes = async {
        lane.until("busy", 0).await;
        let mut times = Vec::new();
        for _ in 0..9 {
            let start = Instant::now();
            assert_eq!(lane.admin(path).await.status, 200);
            times.push(start.elapsed());
        }
        times.sort();
        times
    };
    let times = tokio::select! { times = probes => times, _ = busy => unreachable!() };
    // The median: the machine that runs this may stall, the lane must not make it wait.
    assert!(times[4] < Duration::from_millis(100), "{times:?}");
}

#[rstest]
#[tokio::test]
async fn the_status_tells_who_holds_the_slot_and_who_waits(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    assert_eq!(lane.get("/fast").await.status, 200);
    assert_eq!(lane.get("/nope").await.status, 404);
    let work = send(
        lane.request(Method::GET, "/sleep?ms=60000")
            .header("x-request-id", "the-one"),
    );
    let looks = async {
        lane.until("busy", 0).await;
        let waiting = lane.get("/fast");
        let status = async {
            lane.until("busy", 1).await;
            lane.status().await
        };
        tokio::select! { status = status => status, _ = waiting => unreachable!() }
    };
    let status = tokio::select! { status = looks => status, _ = work => unreachable!() };
    assert_eq!(status["mode"], mode.to_string());
    assert_eq!(status["phase"], "serving");
    assert_eq!(status["service"], "drills");
    assert_eq!(status["version"], "7.8.9");
    assert_eq!(status["engine"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["protocol"], 2);
    assert!(status["uptime_seconds"].is_u64());
    let slot = &status["slots"][0];
    assert_eq!(slot["state"], "busy");
    assert_eq!(slot["request_id"], "the-one");
    assert_eq!(slot["requests_served"], 1);
    assert!(slot["request_age_ms"].is_u64());
    let in_the_server = matches!(mode, Blocking | Threads);
    assert_eq!(slot["pid"] == lane.pid(), in_the_server);
    check_children(&status["children"], slot, !in_the_server);
    assert_eq!(status["rejected"]["not_found"], 1);
    assert_eq!(status["queue"]["limit"], 10);
    assert!(status["queue"]["oldest_wait_ms"].is_u64());
}

/// With children, the one that computes for `slot` is listed.
fn check_children(children: &Value, slot: &Value, any: bool) {
    let alive = children["alive"].as_array().unwrap().iter();
    // Others may be ready.
    let at_work: Vec<_> = alive
        .filter(|child| !child["request_id"].is_null())
        .collect();
    assert_eq!(at_work.len(), usize::from(any));
    assert_eq!(children["spawned"].as_u64() > Some(0), any);
    assert!(children["exited"].is_object());
    for child in at_work {
        assert_eq!(child["pid"], slot["pid"]);
        assert_eq!(child["request_id"], "the-one");
        assert!(child["age_ms"].is_u64() && child["request_age_ms"].is_u64());
    }
}

#[rstest]
#[tokio::test]
async fn the_time_of_a_running_computation_is_counted_as_it_passes(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let work = lane.get("/sleep?ms=60000");
    let growth = async {
        lane.until("busy", 0).await;
        let first = lane.metric("onelane_busy_seconds_total").await;
        while lane.metric("onelane_busy_seconds_total").await < first + 0.005 {}
    };
    let growth = timeout(PATIENCE, growth);
    tokio::select! { growth = growth => growth.unwrap(), _ = work => unreachable!() };
}

#[rstest]
#[tokio::test]
async fn the_time_of_a_waiting_request_is_counted_as_it_passes_and_stays_when_that_leaves(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    const SERIES: &str = "onelane_waiting_seconds_total";
    let lane = lane::of(mode, &[]);
    let work = lane.get("/sleep?ms=60000");
    let growth = async {
        lane.until("busy", 0).await;
        // No request waits any more; in the queue of a cluster the first one may have.
        let before = lane.metric(SERIES).await;
        let enough = before + 0.100;
        let waiting = async {
            lane.until("busy", 1).await;
            while lane.metric(SERIES).await < enough {}
        };
        tokio::select! { () = waiting => (), _ = lane.get("/fast") => unreachable!() };
        assert!(lane.metric(SERIES).await >= enough);
    };
    let growth = timeout(PATIENCE, growth);
    tokio::select! { growth = growth => growth.unwrap(), _ = work => unreachable!() };
}

#[rstest]
#[tokio::test]
async fn the_page_is_served_here_too_and_the_workloads_are_not(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    assert!(lane.admin("/").await.text.contains("<title>drills</title>"));
    assert_eq!(lane.admin("/fast").await.status, 404);
}

#[rstest]
#[case("/")]
#[case("/livez")]
#[case("/readyz")]
#[case("/metrics")]
#[case("/status")]
#[tokio::test]
async fn a_head_is_a_get_without_a_body(#[case] path: &str) {
    let lane = lane::of(Blocking, &[]);
    lane.until_ready().await;
    let url = format!("http://{}{path}", lane.admin_listen);
    let ask = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = send(ask.get(&url)).await;
    let head = send(ask.head(&url)).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    let content_type = |answer: &Answer| answer.header("content-type").map(str::to_owned);
    assert_eq!(content_type(&head), content_type(&get));
}

#[rstest]
#[tokio::test]
async fn a_server_is_ready_when_it_serves(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    for path in ["/livez", "/readyz"] {
        let answer = lane.admin(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "ok\n"));
    }
    assert_eq!(lane.get("/fast").await.status, 200);
}

/// Whatever scans ports finds the admin side, too. With an HTTP library as it comes, a head there may take 128 KB,
/// and its refusal says nothing.
#[rstest]
#[case::malformed("GET /status?ü HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
#[case::large(&format!("GET /status HTTP/1.1\r\nX: {}", "a".repeat(20_000)), 431)]
#[case::half("GET /sta", 408)]
#[tokio::test]
async fn a_bad_head_is_a_problem_here_too(#[case] head: &str, #[case] status: u16) {
    let lane = lane::of(Blocking, &[]);
    let mut stream = TcpStream::connect(&lane.admin_listen).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer}"
    );
    assert!(
        answer.contains("content-type: application/problem+json\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\"reason\":\"bad_request\""), "{answer}");
    assert_eq!(lane.admin("/livez").await.status, 200);
}
