//! Collectors that do not take what they are sent.
//!
//! Elsewhere an exporter waited for its collector in the thread that serves, or kept everything until it could be sent.
//! Right: requests are answered as before, memory is bounded, and what is lost is counted.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use rstest::rstest;
use rustix::process::Signal;

use super::collector::{Collector, exporting};
use crate::lane::Lane;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};

/// With as many spans as fit into the queue, and the batch before it.
const QUEUE: [(&str, &str); 3] = [
    ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
];

const REQUESTS: u32 = 20;

fn lost(reason: &str) -> String {
    format!("onelane_spans_lost_total{{reason=\"{reason}\"}}")
}

/// One that takes connections, and says this to each.
fn listening(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut silent, mut request) = (Vec::new(), vec![0; 65536]);
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            match answer {
                None => silent.push(connection),
                Some(answer) => {
                    let asked = connection.read(&mut request);
                    if asked.is_ok_and(|count| count > 0) {
                        connection.write_all(answer.as_bytes()).ok();
                    }
                }
            }
        }
    });
    endpoint
}

async fn asked(lane: &Lane) {
    for _ in 0..REQUESTS {
        // Five spans each: itself, queue, compute, outer, inner.
        assert_eq!(lane.get("/trace").await.status, 200);
    }
}

#[rstest]
#[tokio::test]
async fn a_collector_that_is_silent_keeps_no_request_waiting_and_no_server_from_its_end(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut command = exporting(&listening(None), mode, &QUEUE);
    command.args(["--shutdown-timeout", "500ms"]);
    let mut lane = Lane::run(command);
    asked(&lane).await;
    // One batch is on its way, two fit into the queue.
    lane.counted(&lost("queue_full"), f64::from((REQUESTS - 3) * 5))
        .await;
    lane.signal(Signal::TERM);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
#[case::dead("http://127.0.0.1:1".to_owned())]
#[case::failing(listening(Some(
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)))]
#[case::talking_nonsense(listening(Some("220 smtp.example.com\r\n")))]
#[tokio::test]
async fn what_a_collector_does_not_take_is_lost_and_counted(#[case] endpoint: String) {
    let mut lane = Lane::run(exporting(&endpoint, Blocking, &[]));
    asked(&lane).await;
    lane.logged(|line| line["message"] == "the collector takes no spans")
        .await;
    lane.signal(Signal::TERM);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
    let complaints = lane.log(|line| line["message"] == "the collector takes no spans");
    assert_eq!(complaints.len(), 1, "the first of them in a row");
}

#[tokio::test]
async fn a_request_has_no_more_spans_than_are_kept() {
    let Some(collector) = Collector::start() else {
        return;
    };
    let lane = collector.lane(Pool, &[]);
    lane.get("/trace?spans=100").await;
    // With the outer one and the inner one.
    lane.counted(&lost("too_many"), 102.0 - 64.0).await;
    collector
        .counted(63, |span| span["name"] == "one of many")
        .await;
}
