//! Elsewhere a body of a megabyte became a tree of objects a hundred times as large, and the kernel killed the
//! server; six of them killed six. Right is: what is parsed is what the workload named, and the memory of a lane
//! is bounded whatever comes, and however many come.

use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::faults::process::Process;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, send};

/// The longest body that is taken.
const LONGEST: usize = 1 << 20;

/// An object of `/echo` with one more field, which is as long as there is room, by repeating `unit`.
fn body(open: &str, unit: &str, close: &str) -> String {
    let (begin, end) = (format!("{{\"number\":7,{open}"), format!("{close}}}"));
    let room = LONGEST - begin.len() - end.len();
    let text = unit.repeat(room / unit.len());
    begin + text.trim_end_matches(',') + &end
}

/// A hundred objects of one key, one in the other: a map for each byte or two of text.
fn nested() -> String {
    let (open, close) = ("{\"\":".repeat(100), "}".repeat(100));
    body("\"x\":[", &format!("{open}0{close},"), "]")
}

/// Half of what a lane has in a container.
const PEAK_MAX_KIB: u64 = 32 << 10;

/// One is computed, and the queue is full of others. Six such bodies at once took all of a lane's 64 MB when
/// they were parsed into trees.
#[rstest]
#[case::objects_in_objects(nested())]
#[case::many_small_arrays(body("\"x\":[", "[],", "]"))]
#[case::many_numbers(body("\"x\":[", "0,", "]"))]
#[case::many_fields(body("", "\"a\":0,", ""))]
#[case::escapes(body("\"x\":\"", "\\u0041", "\""))]
#[case::escapes_in_a_field(body("\"text\":\"", "\\u0041", "\""))]
#[tokio::test]
async fn bodies_of_every_shape_and_a_full_queue_fit_into_half_a_lane(
    #[case] body: String,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    const AT_ONCE: usize = 11;
    // However slow the machine is.
    let lane = lane::of(mode, &["--queue-timeout", "5m", "--request-timeout", "5m"]);
    lane.until_ready().await;
    let server = Process::of(&lane);
    let asked = (0..AT_ONCE).map(|_| lane.post("/echo", &body));
    for answer in join_all(asked).await {
        // Trailing commas are gone, so all of them are JSON.
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    // The children of `fork` end meanwhile.
    let processes = [vec![server], server.descendants()].concat();
    for peak in processes.into_iter().filter_map(Process::peak_kib) {
        assert!(peak < PEAK_MAX_KIB, "{peak} KiB");
    }
}

/// The fields of a form took fifty times its length when they were listed first.
#[rstest]
#[tokio::test]
async fn forms_of_every_shape_fit_into_half_a_lane(
    #[values("a&", "a=&", "%00&", "name=%00%ff")] unit: &str,
    #[values(Blocking, Pool)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    let server = Process::of(&lane);
    let processes = [vec![server], server.descendants()].concat();
    let form = unit.repeat(LONGEST / unit.len());
    let asked = (0..3).map(|_| {
        let request = lane.request(Method::POST, "/take/1");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        send(request.body(form.clone()))
    });
    for answer in join_all(asked).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    for peak in processes.into_iter().filter_map(Process::peak_kib) {
        assert!(peak < PEAK_MAX_KIB, "{peak} KiB");
    }
}

/// The server reads a body of chunks on for a while, because the connection could be used again. It once ended
/// that with a reset in the middle of a chunk, which makes many clients lose the answer that they have got.
#[rstest]
#[tokio::test]
async fn a_client_that_sends_on_after_a_refusal_gets_all_of_it(
    #[values(Blocking, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let client = TcpStream::connect(&lane.listen).await.unwrap();
    let (mut answer, mut request) = client.into_split();
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    request.write_all(head.as_bytes()).await.unwrap();
    let sends = async {
        let chunks = "1\r\nx\r\n".repeat(10_000);
        while request.write_all(chunks.as_bytes()).await.is_ok() {}
    };
    let mut text = String::new();
    tokio::select! {
        read = answer.read_to_string(&mut text) => { read.expect("no reset before the end"); }
        () = sends => panic!("a reset, after {text:?}"),
    }
    assert!(text.starts_with("HTTP/1.1 415 "), "{text}");
}
