use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::faults::process::until;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane, send, try_send};

/// As the workload makes them.
fn pattern(length: usize) -> Vec<u8> {
    let unit: Vec<u8> = (0..251).collect();
    let mut bytes = unit.repeat(length / unit.len() + 1);
    bytes.truncate(length);
    bytes
}

fn answer(how: &str, bytes: usize) -> String {
    format!("/answer?how={how}&bytes={bytes}")
}

#[rstest]
#[tokio::test]
async fn an_answer_is_what_the_workload_made_of_it(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let list = lane.get("/answer?how=list").await;
    assert_eq!((list.status, list.text.as_str()), (200, "[1,2]\n"));
    let created = lane.post("/answer", r#"{"how":"created"}"#).await;
    assert_eq!((created.status, created.text.as_str()), (201, "\"made\"\n"));
    assert_eq!(created.header("location"), Some("/things/7"));
    let cookies = created.headers.get_all("set-cookie").iter();
    assert!(cookies.eq(["a=1", "b=2"]));
    let empty = lane.get("/answer?how=empty").await;
    assert_eq!((empty.status, empty.text.as_str()), (204, ""));
    assert_eq!(empty.header("content-type"), None);
    lane.counted(
        "http_requests_total{method=\"POST\",route=\"/answer\",status=\"201\"}",
        1.0,
    )
    .await;
}

#[rstest]
#[tokio::test]
async fn bytes_arrive_as_they_were_sent_whole_or_streamed(
    #[values("whole", "streamed")] how: &str,
    #[values(0, 1, 65_536, 65_537, 20 << 20)] bytes: usize,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for _ in 0..2 {
        let response = lane.request(Method::GET, &answer(how, bytes)).send().await;
        let response = response.unwrap();
        assert_eq!(response.headers()["content-type"], "image/x-test");
        let length = (how == "whole").then_some(bytes as u64);
        assert_eq!(response.content_length(), length);
        assert!(response.bytes().await.unwrap() == pattern(bytes));
    }
    assert_eq!(lane.get("/fast").await.status, 200);
    lane.counted("onelane_rejected_total{reason=\"client_gone\"}", 0.0)
        .await;
    lane.counted("onelane_compute_seconds_count{workload=\"answer\"}", 2.0)
        .await;
}

#[rstest]
#[tokio::test]
async fn head_and_a_known_tag_get_no_body(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    let path = answer("tagged", 200_000);
    let head = send(lane.request(Method::HEAD, &path)).await;
    assert_eq!((head.status, head.header("etag")), (200, Some("\"v1\"")));
    assert_eq!(head.header("content-length"), Some("200000"));
    for (known, status) in [
        ("\"v1\"", 304),
        ("W/\"v1\"", 304),
        ("\"v0\", \"v1\"", 304),
        ("*", 304),
        ("\"v0\"", 200),
        ("nonsense", 200),
    ] {
        let request = lane.request(Method::GET, &path);
        let answer = send(request.header("if-none-match", known)).await;
        assert_eq!(answer.status, status, "{known}");
        assert_eq!(answer.header("etag"), Some("\"v1\""));
        assert_eq!(answer.header("cache-control"), Some("max-age=60"));
    }
    // They are answers like others: no child was lost over them.
    let is_pooled = matches!(mode, Pool | Cluster);
    let spawned = lane.metric("onelane_child_spawns_total").await;
    assert!(!is_pooled || spawned == 1.0, "{spawned}");
}

#[rstest]
#[case::busy("forbidden", "403 is no status for a workload to answer with")]
#[case::none("impossible", "1000 is no status for a workload to answer with")]
#[case::reserved(
    "redirecting",
    "the header x-accel-redirect is not for a workload to set"
)]
#[case::body("empty_with_body", "an answer of status 204 No Content has no body")]
#[tokio::test]
async fn what_a_workload_may_not_answer_is_a_500(
    #[case] how: &str,
    #[case] why: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let answer = lane.get(&answer(how, 100_000)).await;
    assert_eq!((answer.status, answer.reason().as_str()), (500, "internal"));
    lane.logged(|line| line["message"] == "the workload failed" && line["why"] == why)
        .await;
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[rstest]
#[case::a_problem("breaks", "too_late")]
#[case::a_panic("panics", "internal")]
#[case::something_else("confused", "internal")]
#[tokio::test]
async fn what_fails_after_the_first_byte_breaks_the_connection(
    #[case] how: &str,
    #[case] reason: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for bytes in [1, 1 << 20] {
        let request = lane.request(Method::GET, &answer(how, bytes));
        assert!(
            try_send(request).await.is_err(),
            "half an answer for a whole one"
        );
    }
    let rejected = format!("onelane_rejected_total{{reason=\"{reason}\"}}");
    lane.counted(&rejected, 2.0).await;
    let line = lane.logged(|line| line["reason"] == reason).await;
    assert_eq!(line["status"], 200);
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_stream_whose_process_ends_breaks(#[values(Fork, Pool, Cluster)] mode: Mode) {
    let lane = lane::with_slots(mode, 2, &[]);
    let request = lane.request(Method::GET, &answer("exits", 100_000));
    assert!(try_send(request).await.is_err());
    if mode != Cluster {
        lane.counted("onelane_rejected_total{reason=\"worker_crashed\"}", 1.0)
            .await;
    }
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_stream_arrives_while_it_is_computed_and_ends_at_the_deadline(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--send-timeout", "100ms"]);
    let request = lane.request(Method::GET, &answer("endless", 1000));
    let mut response = request.header("x-timeout", "0.5").send().await.unwrap();
    assert_eq!(response.headers()["x-streamed"], "yes");
    assert_eq!(response.chunk().await.unwrap().unwrap(), pattern(1000));
    assert!(response.chunk().await.is_err());
    let broken = |line: &serde_json::Value| line["uri"] == json!(answer("endless", 1000));
    let line = lane.logged(broken).await;
    let reasons = [json!("request_timeout"), json!("send_timeout")];
    assert!(reasons.contains(&line["reason"]), "{line}");
    assert_eq!(lane.get("/fast").await.status, 200);
}

/// Asks, reads the head and no more.
async fn begin_to_read(lane: &Lane, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(&lane.listen).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    client.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    client
}

/// Whether the server's end of a connection is there.
fn has_connection(lane: &Lane, client: &TcpStream) -> bool {
    let (_, port) = lane.listen.rsplit_once(':').unwrap();
    let here = format!(":{:04X}", port.parse::<u16>().unwrap());
    let there = format!(":{:04X}", client.local_addr().unwrap().port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut rows = table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.any(|row| row[1].ends_with(&here) && row[2].ends_with(&there))
}

/// Elsewhere the kernel kept the second part of an answer back until the client had acknowledged the first, for which a
/// client that waits for the rest takes 40 ms.
#[rstest]
#[tokio::test]
async fn no_part_of_an_answer_is_held_back(#[values(Blocking, Threads, Fork, Pool)] mode: Mode) {
    const TIMES: u32 = 50;
    let lane = lane::of(mode, &[]);
    let mut took = Vec::new();
    for path in ["/fast".to_owned(), answer("streamed", 10)] {
        let start = Instant::now();
        for _ in 0..TIMES {
            assert_eq!(lane.get(&path).await.status, 200);
        }
        took.push(start.elapsed());
    }
    assert!(took[1] < 8 * took[0], "{took:?}");
}

/// The kernel takes some megabytes whether the client reads them or not.
const LARGE: usize = 32 << 20;

#[rstest]
#[tokio::test]
async fn a_client_that_does_not_read_frees_the_slot_after_a_while(
    #[values("whole", "streamed")] how: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let flags = ["--send-timeout", "300ms", "--request-timeout", "2s"];
    let lane = lane::of(mode, &flags);
    let client = begin_to_read(&lane, &answer(how, LARGE)).await;
    // The slot is taken until then.
    lane.until_busy(1).await;
    assert_eq!(lane.get("/fast").await.status, 200);
    lane.counted("onelane_rejected_total{reason=\"send_timeout\"}", 1.0)
        .await;
    assert_eq!(lane.admin("/livez").await.status, 200);
    until("reset", || !has_connection(&lane, &client)).await;
}

#[rstest]
#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_an_answer_frees_the_slot(
    #[values("whole", "streamed", "endless")] how: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let bytes = if how == "endless" { 10 } else { LARGE };
    let client = begin_to_read(&lane, &answer(how, bytes)).await;
    lane.until_busy(1).await;
    drop(client);
    let next = tokio::time::timeout(Duration::from_secs(20), lane.get("/fast"));
    assert_eq!(next.await.unwrap().status, 200);
    lane.counted("onelane_rejected_total{reason=\"client_gone\"}", 1.0)
        .await;
}
