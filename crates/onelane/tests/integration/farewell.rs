use std::io::ErrorKind;
use std::time::Duration;

use futures_util::future::join_all;
use rstest::rstest;
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane};

/// What makes a sender a balancer.
const BALANCER: &str = "X-Lane-Protocol: 2\r\nX-Lane-Hold-Ms: 5\r\nX-Lane-Place: has\r\n";

/// A connection, used byte by byte.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(lane: &Lane) -> Self {
        Self(BufReader::new(
            TcpStream::connect(&lane.listen).await.unwrap(),
        ))
    }

    async fn post(&mut self, more_headers: &str) {
        let request = format!(
            "POST /fast HTTP/1.1\r\nHost: x\r\n{more_headers}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    async fn get(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{BALANCER}\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    /// The status and the head of the next answer.
    async fn head(&mut self) -> (u16, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.0.read_line(&mut head).await.unwrap();
            assert!(read > 0, "the connection ends within a head: {head:?}");
        }
        let head = head.to_ascii_lowercase();
        (head["http/1.1 ".len()..][..3].parse().unwrap(), head)
    }

    /// The body behind this head.
    async fn body(&mut self, head: &str) {
        let length = head.split_once("content-length: ").unwrap().1;
        let length = length.lines().next().unwrap().parse().unwrap();
        self.0.read_exact(&mut vec![0; length]).await.unwrap();
    }

    async fn answer(&mut self) -> (u16, String) {
        let (status, head) = self.head().await;
        self.body(&head).await;
        (status, head)
    }

    /// What comes until the other end is closed; an error if it is reset.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.unwrap();
        rest
    }
}

fn executed(lane: &Lane) -> usize {
    let done = lane.log(|line| line["message"] == "request" && line["status"] == 200);
    done.len()
}

#[rstest]
#[tokio::test]
async fn a_balancer_is_told_on_its_idle_connection_and_what_it_sends_nevertheless_is_not_done(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    let mut idle = Connection::open(&lane).await;
    idle.post(BALANCER).await;
    assert_eq!(idle.answer().await.0, 200);
    lane.signal(Signal::TERM);

    let (status, head) = idle.answer().await;
    assert_eq!(status, 403, "{head}");
    for line in [
        "x-lane-busy: 1",
        "x-accel-redirect: @next_lane",
        "content-length: 0",
        "connection: close",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
    }
    // It had overlooked that, and is told again.
    idle.post(BALANCER).await;
    assert_eq!(idle.answer().await.0, 403);
    drop(idle);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
    assert_eq!(executed(&lane), 1);
}

#[rstest]
#[tokio::test]
async fn a_balancer_that_does_not_close_its_end_does_not_keep_a_lane_alive(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    let mut idle = Connection::open(&lane).await;
    idle.post(BALANCER).await;
    idle.answer().await;
    lane.signal(Signal::TERM);
    let told = idle.rest().await;
    assert!(told.matches("HTTP/1.1 403 ").count() > 1, "{told}");
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
#[tokio::test]
async fn the_idle_connection_of_a_client_is_closed_without_a_word(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    let mut idle = Connection::open(&lane).await;
    idle.post("").await;
    assert_eq!(idle.answer().await.0, 200);
    lane.signal(Signal::TERM);
    assert_eq!(idle.rest().await, "");
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
#[tokio::test]
async fn a_connection_without_a_request_yet_may_still_bring_one(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    let mut idle = Connection::open(&lane).await;
    idle.post(BALANCER).await;
    idle.answer().await;
    let mut fresh = Connection::open(&lane).await;
    lane.signal(Signal::TERM);
    assert_eq!(idle.answer().await.0, 403);
    fresh.post(BALANCER).await;
    let (status, head) = fresh.answer().await;
    assert_eq!(status, 403);
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert_eq!(fresh.rest().await, "");
    drop(idle);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[tokio::test]
async fn the_worker_of_a_cluster_that_has_taken_a_connection_answers_it() {
    let mut lane = lane::of(Cluster, &["--shutdown-timeout", "1h"]);
    let mut fresh = Connection::open(&lane).await;
    lane.signal(Signal::TERM);
    lane.logged(|line| line["message"] == "draining").await;
    fresh.post(BALANCER).await;
    // Or its parent, if it had not taken it.
    let (status, head) = fresh.answer().await;
    assert!([200, 403].contains(&status), "{head}");
    assert_eq!(fresh.rest().await, "");
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
#[tokio::test]
async fn what_a_leaving_lane_answers_is_the_last_on_its_connection(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    let mut busy = Connection::open(&lane).await;
    busy.get("/sleep?ms=1000").await;
    lane.until("busy", 0).await;
    lane.signal(Signal::TERM);
    let (status, head) = busy.answer().await;
    assert_eq!(status, 200);
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert_eq!(busy.rest().await, "");
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

/// Its head could not yet say that it is the last one.
#[rstest]
#[tokio::test]
async fn a_balancer_that_was_reading_an_answer_is_told_behind_it(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    let mut reading = Connection::open(&lane).await;
    // More than the kernel takes from a lane whose client does not read.
    reading.get("/answer?how=whole&bytes=20000000").await;
    let (status, head) = reading.head().await;
    assert_eq!(status, 200);
    assert!(!head.contains("connection: close"), "{head}");
    lane.signal(Signal::TERM);
    lane.logged(|line| line["message"] == "draining").await;
    reading.body(&head).await;
    assert_eq!(reading.answer().await.0, 403);
    drop(reading);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

/// Opens one connection after the other, with a request on each, until the lane is gone. Returns how many
/// were done.
async fn press(lane: &Lane, begun: &watch::Sender<usize>) -> usize {
    let mut done = 0;
    loop {
        let stream = match TcpStream::connect(&lane.listen).await {
            Ok(stream) => stream,
            Err(err) if err.kind() == ErrorKind::ConnectionRefused => return done,
            // What was about to be a connection when the lane closed.
            Err(err) if err.kind() == ErrorKind::ConnectionReset => return done,
            Err(err) => panic!("{err}"),
        };
        let mut connection = Connection(BufReader::new(stream));
        connection.post(BALANCER).await;
        begun.send_modify(|begun| *begun += 1);
        let (status, head) = connection.answer().await;
        assert!([200, 403].contains(&status), "{head}");
        done += usize::from(status == 200);
    }
}

#[rstest]
#[tokio::test]
async fn every_connection_that_was_made_has_an_answer(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &["--shutdown-timeout", "1h"]);
    let begun = watch::Sender::new(0);
    let leave = async {
        let enough = |begun: &usize| *begun >= 100;
        begun.subscribe().wait_for(enough).await.unwrap();
        lane.signal(Signal::TERM);
    };
    let clients = join_all((0..8).map(|_| press(&lane, &begun)));
    let (done, ()) = tokio::join!(clients, leave);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
    lane.logged(|line| line["message"] == "stopped").await;
    assert_eq!(executed(&lane), done.iter().sum::<usize>());
}

/// One POST after the other until `end`, each of which has to be done.
async fn post_until(lane: &Lane, end: &watch::Sender<bool>) {
    while !*end.borrow() {
        let answer = lane.post("/fast", "{}").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[rstest]
#[case::told_to("0", "reload")]
#[case::after_some_requests("20", "recycled")]
#[tokio::test]
async fn a_cluster_whose_workers_are_replaced_loses_no_post(
    #[case] max_requests: &str,
    #[case] cause: &str,
) {
    let lane = lane::with_slots(Cluster, 2, &["--max-requests", max_requests]);
    let replaced = format!("onelane_worker_restarts_total{{cause=\"{cause}\"}}");
    let end = watch::Sender::new(false);
    let replace = async {
        for round in [2.0, 4.0, 6.0] {
            if cause == "reload" {
                lane.signal(Signal::HUP);
            }
            while lane.metric(&replaced).await < round {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        end.send_replace(true);
    };
    tokio::join!(join_all((0..6).map(|_| post_until(&lane, &end))), replace);
}
