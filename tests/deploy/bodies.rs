//! Large bodies: who gets to read them, how many there may be, and what they leave behind.

use std::fs;
use std::time::Duration;

use futures_util::future::join_all;
use onelane_stack::{
    Compose, Local, Reply, alone, ask, client, docker, eventually, get, in_background,
};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// The longest body that nginx and a lane take.
const LONGEST: usize = 1 << 20;

/// As many as nginx takes of one client at once: ask.conf.
const AT_ONCE: usize = 64;

/// What a busy lane may have read: a head.
const HEAD_MAX: u64 = 2000;

/// A request for `/sleep` of this length.
fn body(ms: u64, length: usize) -> String {
    let body = format!("{{\"ms\":{ms},\"padding\":\"\"}}");
    let padding = "x".repeat(length - body.len());
    body.replace("\"\"", &format!("\"{padding}\""))
}

fn post(base: &str, body: String) -> RequestBuilder {
    let request = client().post(format!("{base}/sleep"));
    request
        .header("Content-Type", "application/json")
        .body(body)
}

#[track_caller]
fn assert_no_room(reply: &Reply) {
    let reason = reply.json["reason"].as_str();
    assert_eq!((reply.status, reason), (503, Some("no_room")));
    assert_ne!(reply.header("retry-after"), "");
}

#[tokio::test]
async fn a_large_body_is_sent_to_no_lane_but_the_idle_one() {
    let Some(stack) = Compose::up(6).await else {
        return;
    };
    let lanes = stack.lanes().await;
    // Not through nginx, which would know that they are busy.
    let work = lanes[1..].iter().map(|lane| {
        let url = format!("http://{}:5000/sleep?ms=60000", lane.address);
        in_background(client().get(url))
    });
    let work: Vec<_> = work.collect();
    stack.busy(5).await;

    for _ in 0..6 {
        let reply = ask(post(&stack.base, body(5, LONGEST - 1))).await;
        assert_eq!((reply.status, reply.host()), (200, lanes[0].host.as_str()));
    }

    let tries = tries(&stack, 6).await;
    let (idle, busy): (Vec<_>, Vec<_>) = tries.iter().partition(|(status, _)| status != "403");
    assert!(!busy.is_empty(), "no busy lane was asked: {tries:?}");
    assert!(busy.iter().all(|(_, bytes)| *bytes < HEAD_MAX), "{tries:?}");
    let sent = idle.iter().filter(|(_, bytes)| *bytes > HEAD_MAX);
    assert_eq!(sent.count(), 6, "once each: {tries:?}");
    work.iter().for_each(JoinHandle::abort);
}

/// Each try of the last requests in nginx's log: what a lane said, and how much it had been sent.
async fn tries(stack: &Compose, requests: usize) -> Vec<(String, u64)> {
    let nginx = stack.nginx().await.container;
    let lines = eventually("so many lines of log", async || {
        let log = docker(["logs", &nginx]).await;
        let lines = log.lines().filter(|line| line.contains("POST /sleep"));
        let lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).expect("the log is JSON"))
            .collect();
        (lines.len() == requests).then_some(lines)
    });
    let split = |line: &Value, key: &str| {
        let list = line[key].as_str().expect("a list").replace(" : ", ", ");
        list.split(", ").map(str::to_owned).collect::<Vec<_>>()
    };
    let tries = |line: &Value| {
        let bytes = split(line, "lane_bytes").into_iter();
        let bytes = bytes.map(|bytes| bytes.parse().expect("a number"));
        split(line, "lane_status").into_iter().zip(bytes)
    };
    lines
        .await
        .iter()
        .flat_map(|line| tries(line).collect::<Vec<_>>())
        .collect()
}

/// A file that is sent in small pieces waits for a confirmation of each, which takes a hundred times longer.
#[tokio::test]
async fn a_body_in_a_file_takes_about_as_long_as_one_in_memory() {
    let _alone = alone().await;
    let stack = Local::up(1).await;
    let client = client();
    let median = async |length| {
        let mut times = Vec::new();
        for _ in 0..21 {
            let request = client.post(format!("{}/sleep", stack.base));
            let request = request.header("Content-Type", "application/json");
            let reply = ask(request.body(body(0, length))).await;
            assert_eq!(reply.status, 200);
            times.push(reply.elapsed);
        }
        times.sort();
        times[10]
    };
    let (memory, file) = (median(9_900).await, median(60_000).await);
    assert!(file < 20 * memory, "{file:?}, and {memory:?} in memory");
}

/// How many at once, how long, in chunks of what size. Framing takes more room than the body.
const CHUNKED: [(usize, usize, usize); 3] =
    [(2, 1_000_000, 16), (1, LONGEST, 4096), (8, LONGEST, 16)];

#[tokio::test]
async fn chunks_of_any_size_are_a_body_like_any_other() {
    let Some(stack) = Compose::up(2).await else {
        return;
    };
    for (at_once, length, chunk) in CHUNKED {
        let requests = (0..at_once).map(|_| chunked(stack.base.clone(), length, chunk));
        for answer in join_all(requests).await {
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
        let too_long = chunked(stack.base.clone(), LONGEST + 1, chunk).await;
        assert!(too_long.starts_with("HTTP/1.1 413 "), "{too_long}");
        assert!(too_long.contains("\"body_too_large\""), "{too_long}");
    }
}

async fn chunked(base: String, length: usize, chunk: usize) -> String {
    let mut request = b"POST /sleep HTTP/1.1\r\nHost: lanes\r\nConnection: close\r\n\
        Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for chunk in body(5, length).as_bytes().chunks(chunk) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    let mut connection = connect(&base).await;
    // nginx may refuse the request before it has read all of it.
    connection.write_all(&request).await.ok();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn connect(base: &str) -> TcpStream {
    let address = base.trim_start_matches("http://");
    TcpStream::connect(address).await.expect("nginx listens")
}

#[tokio::test]
async fn one_upload_too_many_is_refused_and_small_requests_are_not() {
    let Some(stack) = Compose::up(2).await else {
        return;
    };
    let mut uploads = Vec::new();
    for _ in 0..AT_ONCE {
        uploads.push(drip(connect(&stack.base).await).await);
    }
    let large = async || ask(post(&stack.base, body(5, LONGEST))).await;
    assert_no_room(&large().await);

    let small = ask(post(&stack.base, body(5, 1000))).await;
    assert_eq!((small.status, &small.json["ms"]), (200, &json!(5)));
    assert_eq!(stack.get("/fast").await.status, 200);
    for lane in stack.lanes().await {
        assert_eq!(lane.slot().await["state"], "idle", "they occupy no lane");
    }

    uploads.pop().expect("there are some").abort();
    eventually("the place of one that left", async || {
        (large().await.status == 200).then_some(())
    })
    .await;
    uploads.iter().for_each(JoinHandle::abort);
}

/// A client that sends so slowly that it never ends. Returns when nginx waits for its body.
async fn drip(mut connection: TcpStream) -> JoinHandle<()> {
    go_ahead(&mut connection, 1_000_000).await;
    tokio::spawn(async move {
        while connection.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
}

#[tokio::test]
async fn a_body_for_which_there_is_no_room_after_all_is_refused() {
    let stack = Local::up(1).await;
    assert_eq!(ask(post(&stack.base, body(5, LONGEST))).await.status, 200);

    fs::remove_dir(stack.run.path().join("work/client_body")).expect("nginx made it");

    assert_no_room(&ask(post(&stack.base, body(5, LONGEST))).await);
    assert_eq!(ask(post(&stack.base, body(5, 9000))).await.status, 200);
}

/// Each length of body, small ones being there at once and large ones following later.
#[tokio::test]
async fn a_post_whose_lane_dies_is_repeated_if_it_has_a_key() {
    let Some(stack) = Compose::up(4).await else {
        return;
    };
    for length in [100, LONGEST] {
        let request = post(&stack.base, body(3000, length));
        let reply = of_a_lane_that_dies(&stack, request.header("Idempotency-Key", "4711")).await;
        assert_eq!((reply.status, &reply.json["ms"]), (200, &json!(3000)));
    }
    let reply = of_a_lane_that_dies(&stack, post(&stack.base, body(3000, LONGEST))).await;
    let reason = reply.json["reason"].as_str();
    assert_eq!((reply.status, reason), (502, Some("worker_crashed")));
}

async fn of_a_lane_that_dies(stack: &Compose, request: RequestBuilder) -> Reply {
    let request = in_background(request);
    let lane = computing(stack).await;
    docker(["kill", &lane]).await;
    request.await.expect("it was sent")
}

/// The container of the lane that has all of a request, and not only kept its slot for it.
async fn computing(stack: &Compose) -> String {
    let lanes = stack.lanes().await;
    eventually("a lane that computes", async || {
        for lane in &lanes {
            let age = lane.slot().await["request_age_ms"].as_u64();
            if age.is_some_and(|age| age > 500) {
                return Some(lane.container.clone());
            }
        }
        None
    })
    .await
}

/// Small ones are sent on at once, large ones after a lane was asked; one that is too long is not even
/// asked for.
#[tokio::test]
async fn a_client_that_waits_until_it_may_go_on_is_told_so() {
    let stack = Local::up(1).await;
    for length in [100, LONGEST] {
        let answer = expecting(&stack.base, body(5, length)).await;
        let (first, rest) = answer.split_once("\r\n\r\n").expect("two answers");
        assert_eq!(first, "HTTP/1.1 100 Continue");
        assert!(rest.starts_with("HTTP/1.1 200 "), "{rest}");
    }
    let answer = expecting(&stack.base, body(5, LONGEST + 1)).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(get(format!("{}/fast", stack.base)).await.status, 200);
}

/// Sends the body when it is told to. Returns all that it is told.
async fn expecting(base: &str, body: String) -> String {
    let mut connection = connect(base).await;
    let mut answer = go_ahead(&mut connection, body.len()).await;
    if answer.starts_with(b"HTTP/1.1 100 ") {
        connection
            .write_all(body.as_bytes())
            .await
            .expect("nginx reads it");
    }
    // nginx does not wait forever for the body of a request that it has refused.
    connection.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Asks whether to send a body of this length. Returns the beginning of the answer, which is all of it if
/// that is yes.
async fn go_ahead(connection: &mut TcpStream, length: usize) -> Vec<u8> {
    let head = format!(
        "POST /sleep HTTP/1.1\r\nHost: lanes\r\nConnection: close\r\nExpect: 100-continue\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    connection
        .write_all(head.as_bytes())
        .await
        .expect("nginx reads it");
    let mut answer = vec![0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    connection.read_exact(&mut answer).await.expect("an answer");
    answer
}
