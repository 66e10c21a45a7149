//! What nginx does with each answer of a lane, and in which rounds it asks. The lanes here only talk, so that
//! they can say anything; what real ones say is in `crates/onelane/tests/integration/hops.rs`.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use httparse::{EMPTY_HEADER, Request, Status};
use onelane_stack::nginx::{command, configure, program};
use onelane_stack::{Turn, ask, client, eventually, free_port, turn};
use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a lane says; `NEXT` is replaced by where nginx wants to go on.
const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BUSY: &str = "HTTP/1.1 403 Forbidden\r\nX-Lane-Busy: 1\r\nX-Accel-Redirect: NEXT\r\nContent-Length: 0\r\n\r\n";
const FULL: &str =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nfull";
const OWN_PROBLEM: &str = "HTTP/1.1 422 Unprocessable\r\nContent-Length: 3\r\n\r\nown";
/// The lane breaks, with the request in its hands.
const NOTHING: &str = "";

/// How a lane was asked.
#[derive(Debug, Clone, Default, PartialEq)]
struct Asked {
    hold_ms: u64,
    place: String,
    next: String,
}

/// Scripted lanes behind a real nginx.
struct Stack {
    base: String,
    asked: UnboundedReceiver<Asked>,
    nginx: Child,
    _dir: TempDir,
    _turn: Turn,
}

impl Stack {
    /// So many lanes, which answer the requests after each other by `script`, and from its end on as at its end,
    /// whichever lane is asked.
    async fn up(lanes: usize, script: &[&'static str]) -> Self {
        let turn = turn().await;
        let (tell, asked) = unbounded_channel();
        let script = Arc::new(Script {
            answers: script.to_vec(),
            next: AtomicUsize::new(0),
            tell,
        });
        let mut addresses = Vec::new();
        for _ in 0..lanes {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            addresses.push(listener.local_addr().expect("it is bound"));
            tokio::spawn(serve(listener, script.clone()));
        }
        let (base, nginx, dir) = start(&addresses);
        let stack = Self {
            base,
            asked,
            nginx,
            _dir: dir,
            _turn: turn,
        };
        eventually("nginx", async || {
            TcpStream::connect(&stack.base["http://".len()..])
                .await
                .ok()
        })
        .await;
        stack
    }

    fn request(&self, method: Method) -> RequestBuilder {
        client().request(method, format!("{}/fast", self.base))
    }

    /// How lanes were asked until now, one after the other.
    fn asked(&mut self) -> Vec<Asked> {
        std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Its workers notice that it is gone.
        let stop = rustix::process::Pid::from_child(&self.nginx);
        rustix::process::kill_process(stop, rustix::process::Signal::TERM).ok();
        self.nginx.wait().ok();
    }
}

fn start(lanes: &[SocketAddr]) -> (String, Child, TempDir) {
    let port = free_port();
    let dir = TempDir::new().expect("there is room for temporary files");
    configure(dir.path(), lanes, port).expect("the folder is ours");
    // If root starts nginx, its workers run as another user.
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("it is ours");
    let program = program().expect("local/install-nginx finds or fetches one");
    let nginx = command(&program, dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it has just told its version");
    (format!("http://127.0.0.1:{port}"), nginx, dir)
}

struct Script {
    answers: Vec<&'static str>,
    next: AtomicUsize,
    tell: UnboundedSender<Asked>,
}

async fn serve(listener: TcpListener, script: Arc<Script>) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(talk(connection, script.clone()));
    }
}

/// Answers the requests on one connection, until it is to break.
async fn talk(mut connection: TcpStream, script: Arc<Script>) {
    let mut received = Vec::new();
    loop {
        let (asked, length) = loop {
            if let Some(request) = parse(&received) {
                break request;
            }
            if connection.read_buf(&mut received).await.unwrap_or(0) == 0 {
                return;
            }
        };
        received.drain(..length);
        let place = script.next.fetch_add(1, Ordering::Relaxed);
        let answer = script.answers[place.min(script.answers.len() - 1)];
        let answer = answer.replace("NEXT", &asked.next);
        script.tell.send(asked).ok();
        if answer.is_empty() || connection.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A request with its length, once all of it is there.
fn parse(received: &[u8]) -> Option<(Asked, usize)> {
    let mut headers = [EMPTY_HEADER; 64];
    let mut request = Request::new(&mut headers);
    let Ok(Status::Complete(head)) = request.parse(received) else {
        return None;
    };
    let header = |name: &str| {
        let found = request
            .headers
            .iter()
            .find(|it| it.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).into_owned())
    };
    let number = |name| header(name).and_then(|value| value.parse().ok());
    let body: usize = number("content-length").unwrap_or(0);
    let asked = Asked {
        hold_ms: number("x-lane-hold-ms")?.try_into().ok()?,
        place: header("x-lane-place").unwrap_or_default(),
        next: header("x-lane-next").unwrap_or_default(),
    };
    (received.len() >= head + body).then_some((asked, head + body))
}

/// A GET, a POST, and a POST whose workload knows whether it was done: the status of each, and how often lanes
/// were asked.
#[rstest]
#[case::done(&[DONE], [(200, 1), (200, 1), (200, 1)])]
#[case::busy(&[BUSY, DONE], [(200, 2), (200, 2), (200, 2)])]
#[case::full(&[FULL, DONE], [(503, 1), (503, 1), (503, 1)])]
#[case::a_problem_of_its_own(&[OWN_PROBLEM, DONE], [(422, 1), (422, 1), (422, 1)])]
#[case::lost(&[NOTHING, DONE], [(200, 2), (502, 1), (200, 2)])]
#[case::busy_then_lost(&[BUSY, NOTHING, DONE], [(200, 3), (502, 2), (200, 3)])]
#[case::lost_again_and_again(&[NOTHING], [(502, 3), (502, 1), (502, 3)])]
#[tokio::test]
async fn an_answer_of_a_lane(#[case] script: &[&'static str], #[case] expected: [(u16, usize); 3]) {
    let mut seen = Vec::new();
    for (method, key) in [(Method::GET, ""), (Method::POST, ""), (Method::POST, "k")] {
        let mut stack = Stack::up(4, script).await;
        let mut request = stack.request(method);
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        let status = ask(request.body("{}")).await.status;
        seen.push((status, stack.asked().len()));
    }
    assert_eq!(seen, expected);
}

/// The rounds of a request for which no lane has a slot, as (hold, place, next round) and how many lanes are
/// asked in each.
#[rstest]
#[case::each_lane_twice(3, [4, 1, 6, 6])]
#[case::many_lanes_only_some_of_them(30, [4, 1, 20, 12])]
#[tokio::test]
async fn a_request_that_no_lane_takes(#[case] lanes: usize, #[case] most: [usize; 4]) {
    let mut stack = Stack::up(lanes, &[BUSY]).await;
    let reply = ask(stack.request(Method::GET)).await;
    let refusal = (reply.status, reply.json["reason"].as_str());
    assert_eq!(refusal, (503, Some("queue_full")));

    let mut rounds: Vec<(Asked, usize)> = Vec::new();
    for asked in stack.asked() {
        match rounds.last_mut() {
            Some((last, count)) if *last == asked => *count += 1,
            _ => rounds.push((asked, 1)),
        }
    }
    let [look, place, wide_look, wait] = most;
    let round = |hold_ms, place: &str, next: &str, count| {
        let (place, next) = (place.to_owned(), next.to_owned());
        let asked = Asked {
            hold_ms,
            place,
            next,
        };
        (asked, count)
    };
    let mut expected = vec![
        round(0, "", "@queue", look),
        round(0, "ask", "@look", place),
        round(0, "", "@next_lane", wide_look),
    ];
    let holds = [5, 15, 40, 120, 800, 5000];
    expected.extend(holds.map(|hold| round(hold, "has", "@next_lane", wait)));
    assert_eq!(rounds, expected);
}

/// A large body takes a detour, which costs it one of the redirects that nginx follows.
#[tokio::test]
async fn a_large_body_waits_for_as_long_as_a_small_one() {
    let mut stack = Stack::up(1, &[BUSY]).await;
    let reply = ask(stack.request(Method::POST).body("x".repeat(20_000))).await;
    assert_eq!(reply.status, 503);
    let mut rounds: Vec<_> = stack
        .asked()
        .into_iter()
        .map(|asked| (asked.hold_ms, asked.place))
        .collect();
    rounds.dedup();
    let waits = [5, 15, 40, 120, 800, 5000].map(|hold| (hold, "has".to_owned()));
    let asks = [(0, "ask".to_owned()), (0, String::new())];
    assert_eq!(rounds, [&asks[..], &waits].concat());
}

/// A request is refused for a full queue only after it has looked for a free slot, and never after it had a place.
#[tokio::test]
async fn requests_that_come_at_once_ask_no_lane_twice_as_newcomers() {
    let mut stack = Stack::up(3, &[BUSY]).await;
    let replies = join_all((0..5).map(|_| ask(stack.request(Method::GET)))).await;
    assert!(replies.iter().all(|reply| reply.status == 503));
    let newcomers = stack.asked().into_iter();
    let newcomers = newcomers.filter(|asked| asked.place == "ask");
    assert_eq!(newcomers.count(), 5);
}
