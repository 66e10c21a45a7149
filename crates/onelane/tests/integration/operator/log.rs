//! Elsewhere: standard error is a pipe whose reader hangs or is gone, or the disk behind it is full. After
//! 64 KB every request hangs, health checks say that all is well, and SIGTERM does nothing. Right: whatever
//! becomes of the log, requests are answered as before; lines that had no room are counted, and the log says
//! how many are missing where it goes on.

use std::fs::File;
use std::io::pipe;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use futures_util::future::join_all;
use reqwest::{Client, Method};
use rstest::rstest;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;
use serde_json::Value;

use crate::faults::process::{Process, until};
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Answer, Lane, PATIENCE, onelane, send, signal};

const DROPPED: &str = "onelane_log_lines_dropped_total";

/// So many requests, each with two lines of more than 3 kB, fill every pipe and every queue.
const FLOOD: usize = 250;

fn flood() -> String {
    format!("/note?text={}", "x".repeat(3000))
}

/// The same in one request, which prints.
const PRINT: &str = "/print?bytes=2000000&to=stdout";

async fn asked(lane: &Lane, path: &str, times: usize) {
    let all = (0..times).map(|at| async move {
        let request = lane.request(Method::GET, path).timeout(PATIENCE);
        send(request.header("x-request-id", at.to_string())).await
    });
    for answer in join_all(all).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

/// Two lines for each request, whether they are in the log or it says that they are missing.
async fn the_books_add_up(lane: &Lane, requests: usize) {
    let last = send(
        lane.request(Method::GET, "/fast")
            .header("x-request-id", "last"),
    );
    assert_eq!(last.await.status, 200);
    let missing = |lane: &Lane| -> u64 {
        let told = lane.log(|line| line["message"] == "lines of the log were dropped");
        told.iter()
            .map(|line| line["lines"].as_u64().unwrap())
            .sum()
    };
    let there = |line: &Value| {
        line["uri"]
            .as_str()
            .is_some_and(|uri| uri.starts_with("/note"))
            || line["message"] == "note"
    };
    lane.logged(|line| line["request_id"] == "last").await;
    until("complete", || {
        lane.log(there).len() + usize::try_from(missing(lane)).unwrap() == 2 * requests
    })
    .await;
    assert!(missing(lane) > 0);
    let missing = f64::from(u32::try_from(missing(lane)).unwrap());
    lane.counted(DROPPED, missing).await;
    let torn = lane.log(Value::is_string);
    assert!(torn.is_empty(), "{torn:?}");
}

#[rstest]
#[tokio::test]
async fn a_log_that_is_not_read_keeps_no_request_waiting_and_tells_what_it_lacks(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--queue-max", "1000", "--queue-timeout", "1h"]);
    let unread = lane.unread();
    asked(&lane, &flood(), FLOOD).await;
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert!(lane.metric(DROPPED).await > 0.0);
    drop(unread);
    the_books_add_up(&lane, FLOOD).await;
}

#[rstest]
#[tokio::test]
async fn a_server_whose_log_is_not_read_drains_and_ends(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &[]);
    let _unread = lane.unread();
    asked(&lane, PRINT, 1).await;
    assert!(lane.metric(DROPPED).await > 0.0);
    let end = async {
        lane.until_busy(1).await;
        lane.signal(Signal::TERM);
    };
    let (last, ()) = tokio::join!(lane.get("/sleep?ms=2000"), end);
    assert_eq!(last.status, 200);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

/// Another process with the same pipe or terminal may have made it non-blocking.
#[tokio::test]
async fn a_log_that_says_try_again_is_tried_again() {
    let pipe = pipe().unwrap();
    let flags = fcntl_getfl(&pipe.1).unwrap();
    fcntl_setfl(&pipe.1, flags | OFlags::NONBLOCK).unwrap();
    let lane = Lane::logging_to(pipe, onelane());
    lane.until_ready().await;
    let unread = lane.unread();
    for _ in 0..FLOOD / 10 {
        asked(&lane, &flood(), 10).await;
    }
    drop(unread);
    the_books_add_up(&lane, FLOOD / 10 * 10).await;
}

/// The same if a computation prints by itself, or runs a program that prints.
#[rstest]
#[case("stdout", &[Blocking, Threads, Fork, Pool, Cluster])]
// In the other two, this is the server's own standard error, where the last words of a crash have to go.
#[case("stderr", &[Fork, Pool, Cluster])]
#[tokio::test]
async fn what_is_printed_while_the_log_is_not_read_keeps_no_request_waiting(
    #[case] to: &str,
    #[case] modes: &[Mode],
) {
    for mode in modes {
        let lane = lane::of(*mode, &[]);
        let unread = lane.unread();
        let path = format!("/print?bytes=2000000&to={to}");
        asked(&lane, &path, 1).await;
        assert!(lane.metric(DROPPED).await > 0.0, "{mode}");
        drop(unread);
        let is_printed = |line: &Value| line.as_str().is_some_and(|line| line.len() == 99);
        lane.logged(is_printed).await;
        lane.logged(|line| line["message"] == "lines of the log were dropped")
            .await;
        let torn = lane.log(|line| line.is_string() && !is_printed(line));
        assert!(torn.is_empty(), "{torn:?}");
    }
}

/// The pipe for printed lines is there until the last process that prints has ended.
#[rstest]
#[tokio::test]
async fn what_is_printed_just_before_the_end_is_in_the_log(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::of(mode, &[]);
    asked(&lane, "/print?bytes=300000&to=stdout", 1).await;
    lane.signal(Signal::TERM);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
    lane.logged_times(3000, Value::is_string).await;
    lane.logged(|line| line["message"] == "stopped").await;
}

/// A pipe keeps 4096 bytes together, so no line is longer.
#[rstest]
#[tokio::test]
async fn long_lines_of_several_processes_do_not_mix(
    #[values(Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::with_slots(mode, 4, &["--queue-max", "1000"]);
    asked(&lane, &format!("/note?text={}", "x".repeat(9000)), 40).await;
    lane.logged_times(40, |line| line["message"] == "note")
        .await;
    lane.logged_times(40, |line| line["message"] == "request")
        .await;
    let torn = lane.log(Value::is_string);
    assert!(torn.is_empty(), "{torn:?}");
    let texts = lane.log(|line| line["message"] == "note");
    let is_cut = |line: &Value| line["text"].as_str().unwrap().ends_with("x…");
    assert!(texts.iter().all(is_cut));
}

/// A server whose log tells nothing, not even its addresses.
struct Silent {
    child: Child,
    admin: String,
    public: String,
}

impl Silent {
    async fn start(mut command: Command, mode: Mode) -> Self {
        command.args(["--mode", &mode.to_string()]);
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        let child = command.spawn().unwrap();
        let process = Process::new(child.id());
        until("listening", || process.addresses().len() == 2).await;
        let mut addresses = process.addresses().into_iter().map(|it| it.to_string());
        let mut silent = Self {
            child,
            admin: addresses.next().unwrap(),
            public: addresses.next().unwrap(),
        };
        if silent.admin("/livez").await.status == 404 {
            std::mem::swap(&mut silent.admin, &mut silent.public);
        }
        let start = Instant::now();
        while silent.admin("/readyz").await.status != 200 {
            assert!(start.elapsed() < PATIENCE, "never ready");
        }
        silent
    }

    async fn get(address: &str, path: &str) -> Answer {
        let client = Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("http://{address}{path}"));
        send(request.timeout(PATIENCE)).await
    }

    async fn admin(&self, path: &str) -> Answer {
        Self::get(&self.admin, path).await
    }

    async fn dropped(&self) -> u32 {
        let text = self.admin("/metrics").await.text;
        let mut lines = text.lines();
        let dropped = lines.find_map(|line| line.strip_prefix(DROPPED)?.strip_prefix(' '));
        dropped.unwrap().parse().unwrap()
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn with_stderr(stderr: impl Into<Stdio>) -> Command {
    let mut command = onelane();
    command.stderr(stderr);
    command
}

/// With no descriptor for anything.
fn with_nothing() -> Command {
    let mut command = onelane();
    let program = format!(
        "exec '{}' \"$@\" 0<&- 1>&- 2>&-",
        command.get_program().display()
    );
    command = Command::new("sh");
    command.args(["-c", &program, "sh"]);
    command
}

/// With a file that may have 4 KiB, which elsewhere ends the process by a signal.
fn with_a_limit() -> Command {
    let mut command = Command::new("prlimit");
    command.arg("--fsize=4096").arg(onelane().get_program());
    command.stderr(tempfile::tempfile().unwrap());
    command
}

#[rstest]
// Without the descriptor, Rust's standard library opens /dev/null for it, which takes everything.
#[case::closed(with_nothing(), 0)]
#[case::broken(with_stderr(pipe().unwrap().1), LINES)]
#[case::full(with_stderr(File::options().write(true).open("/dev/full").unwrap()), LINES)]
#[case::limited(with_a_limit(), 50)]
#[case::for_reading(with_stderr(File::open("/dev/null").unwrap()), LINES)]
#[tokio::test]
async fn a_log_that_cannot_be_written_stops_no_request(
    #[case] command: Command,
    #[case] dropped: u32,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut silent = Silent::start(command, mode).await;
    for (path, status) in ASKED {
        let answer = Silent::get(&silent.public, path).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    assert_eq!(silent.admin("/livez").await.status, 200);
    let start = Instant::now();
    while silent.dropped().await < dropped {
        assert!(start.elapsed() < PATIENCE, "not counted");
    }
    signal(silent.child.id().into(), Signal::TERM);
    until("ended", || silent.child.try_wait().unwrap().is_some()).await;
    assert_eq!(silent.child.wait().unwrap().code(), Some(0));
}

const ASKED: [(&str, u16); 4] = [
    ("/note?text=hello", 200),
    ("/panic", 500),
    ("/print?bytes=10000&to=stdout", 200),
    ("/fast", 200),
];

/// `listening` and `ready`, a line for each of these requests, and what they say: a note, a panic that is a
/// failure, too, a hundred lines.
const LINES: u32 = 2 + 4 + 1 + 2 + 100;
