//! One address takes what it can get: places for uploads, connections, memory. The others notice nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use onelane_stack::{Compose, Local, Reply, alone, ask, docker, eventually, get, say, skip};
use reqwest::Client;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

const GREEDY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Between two bytes: less than nginx waits for one.
const PAUSE: Duration = Duration::from_secs(4);

/// Of one client: limits.conf and ask.conf.
const UPLOADS: usize = 128;
const LARGE_UPLOADS: usize = 64;

/// Beginnings of requests, as long as their end does not come.
const SMALL_UPLOAD: &str = "POST /sleep HTTP/1.1\r\nHost: lanes\r\nExpect: 100-continue\r\n\
    Content-Type: application/json\r\nContent-Length: 100\r\n\r\n";
const LARGE_UPLOAD: &str = "POST /sleep HTTP/1.1\r\nHost: lanes\r\nExpect: 100-continue\r\n\
    Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n";
const CHUNKED_UPLOAD: &str = "POST /sleep HTTP/1.1\r\nHost: lanes\r\nExpect: 100-continue\r\n\
    Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
const HALF_A_HEAD: &str = "GET /fast HTTP/1.1\r\nHost: lanes\r\nX-Slow: ";
/// The page, the largest answer of this service.
const LARGE_ANSWER: &str = "GET / HTTP/1.1\r\nHost: lanes\r\n\r\n";

/// Connections of a greedy client, which opens a new one for each that nginx closes.
struct Greed {
    clients: JoinSet<()>,
}

impl Greed {
    fn new() -> Self {
        Self {
            clients: JoinSet::new(),
        }
    }

    /// So many that send `beginning`, and then a byte now and then, one after the other.
    fn drip(&mut self, to: SocketAddr, count: u32, beginning: &'static str) {
        for turn in 0..count {
            self.clients.spawn(async move {
                tokio::time::sleep(PAUSE * turn / count).await;
                loop {
                    let mut client = begin(to, GREEDY, beginning).await;
                    loop {
                        tokio::time::sleep(PAUSE).await;
                        if closed(&client) || client.write_all(b" ").await.is_err() {
                            break;
                        }
                    }
                }
            });
        }
    }

    /// So many that send `request`, and then read a byte now and then.
    fn sip(&mut self, to: SocketAddr, count: u32, request: &'static str) {
        for turn in 0..count {
            self.clients.spawn(async move {
                tokio::time::sleep(PAUSE * turn / count).await;
                loop {
                    let mut client = begin(to, GREEDY, request).await;
                    while client.read_u8().await.is_ok() {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            });
        }
    }
}

/// Whether nginx has refused it, or has had enough.
fn closed(client: &TcpStream) -> bool {
    let mut answer = [0; 4096];
    match client.try_read(&mut answer) {
        Ok(0) => true,
        Ok(_) => !answer.starts_with(b"HTTP/1.1 100 "),
        Err(err) => err.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// A connection from this address that sends `beginning`. It has next to no room for an answer.
async fn begin(to: SocketAddr, from: Ipv4Addr, beginning: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("room for one more socket");
    socket.set_recv_buffer_size(2048).expect("a buffer");
    if to.ip().is_loopback() {
        socket.bind((from, 0).into()).expect("loopback is a /8");
    }
    let mut client = socket.connect(to).await.expect("nginx listens");
    client.write_all(beginning.as_bytes()).await.ok();
    client
}

/// The head of the answer, which has to come before the request is complete.
async fn first_answer(client: &mut TcpStream) -> String {
    let mut answer = vec![0; 4096];
    let length = client.read(&mut answer).await.expect("an answer");
    answer.truncate(length);
    String::from_utf8_lossy(&answer).into_owned()
}

fn address(base: &str) -> SocketAddr {
    let address = base.trim_start_matches("http://");
    address.parse().expect("scripts tell an address")
}

fn client_at(address: Ipv4Addr) -> Client {
    let client = Client::builder().local_address(IpAddr::from(address));
    let client = client.timeout(Duration::from_secs(90));
    client.build().expect("nothing that could be missing")
}

async fn post(client: &Client, base: &str, padding: usize) -> Reply {
    let body = json!({ "ms": 1, "padding": " ".repeat(padding) });
    ask(client.post(format!("{base}/sleep")).json(&body)).await
}

#[track_caller]
fn assert_served(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_drip_and_heads_and_answers_that_stall_slow_no_other_client() {
    let _alone = alone().await;
    let stack = Local::up(6).await;
    let mut ratios = Vec::new();
    // What else this machine does disturbs, too, but hardly each time.
    for _ in 0..5 {
        let undisturbed = slowest_of_99_percent(&stack.base).await;
        let mut greed = Greed::new();
        greed.drip(address(&stack.base), 200, SMALL_UPLOAD);
        greed.drip(address(&stack.base), 150, LARGE_UPLOAD);
        greed.drip(address(&stack.base), 150, CHUNKED_UPLOAD);
        greed.drip(address(&stack.base), 500, HALF_A_HEAD);
        greed.sip(address(&stack.base), 200, LARGE_ANSWER);
        half_heads(&stack, 450).await;

        let disturbed = slowest_of_99_percent(&stack.base).await;
        ratios.push(disturbed.div_duration_f64(undisturbed));
        if ratios.iter().any(|ratio| *ratio < 1.5) {
            break;
        }
        drop(greed);
        half_heads(&stack, 0).await;
    }
    say(&format!(
        "p99 of others beside 1200 greedy connections, as a ratio to undisturbed: {ratios:.2?}"
    ));
    assert!(ratios.iter().any(|ratio| *ratio < 1.5), "{ratios:.2?}");
}

/// GETs and POSTs, each of which has to be served.
async fn slowest_of_99_percent(base: &str) -> Duration {
    let (getting, posting) = (client_at(Ipv4Addr::LOCALHOST), client_at(OTHER));
    let mut times = Vec::new();
    for _ in 0..400 {
        let reply = ask(getting.get(format!("{base}/fast"))).await;
        assert_served(&reply);
        times.push(reply.elapsed);
        assert_served(&post(&posting, base, 10).await);
    }
    times.sort();
    times[times.len() * 99 / 100]
}

/// Waits until nginx has so many connections of which it reads the head.
async fn half_heads(stack: &Local, count: usize) {
    let counters = format!("{}/stub_status", stack.admin);
    eventually("unfinished heads, or none", async || {
        let text = reqwest::get(&counters).await.ok()?.text().await.ok()?;
        let (_, reading) = text.split_once("Reading: ")?;
        let reading: usize = reading.split(' ').next()?.parse().ok()?;
        (reading >= count && (count > 0 || reading == 0)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_client_has_so_many_uploads_and_leaves_room_for_those_of_others() {
    let stack = Local::up(2).await;
    let to = address(&stack.base);
    let mut held = Vec::new();
    for beginning in [SMALL_UPLOAD; UPLOADS]
        .into_iter()
        .chain([LARGE_UPLOAD; LARGE_UPLOADS])
    {
        let mut upload = begin(to, GREEDY, beginning).await;
        let answer = first_answer(&mut upload).await;
        assert!(answer.starts_with("HTTP/1.1 100 "), "{answer}");
        held.push(upload);
    }

    for (beginning, status, reason) in [
        (SMALL_UPLOAD, "429", "rate_limited"),
        (LARGE_UPLOAD, "503", "no_room"),
        (CHUNKED_UPLOAD, "503", "no_room"),
    ] {
        let answer = first_answer(&mut begin(to, GREEDY, beginning).await).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(answer.contains("\r\nRetry-After: "), "{answer}");
        assert!(answer.contains(&format!("\"{reason}\"")), "{answer}");
    }
    let greedy = client_at(GREEDY);
    assert_served(&ask(greedy.get(format!("{}/fast", stack.base))).await);
    let other = client_at(OTHER);
    for padding in [10, 500_000] {
        assert_served(&post(&other, &stack.base, padding).await);
    }
}

/// All that a connection can make nginx keep before there is a request.
#[tokio::test(flavor = "multi_thread")]
async fn eight_thousand_unfinished_heads_fit_beside_tmp() {
    const HEADS: usize = 8000;
    /// In MiB: `mem_limit` without /tmp, in compose.yaml.
    const ROOM: f64 = 256.0;

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("it may use what it has");
    if limit.current.is_some_and(|files| files < 9000) {
        return skip("this user may not open 9000 files (ulimit -n)");
    }
    let Some(stack) = Compose::up(2).await else {
        return;
    };
    let nginx = stack.nginx().await;
    let to = SocketAddr::new(nginx.address, 8080);
    let full: &str = &format!(
        "GET /{} HTTP/1.1\r\nHost: lanes\r\nX-Slow: {}",
        "a".repeat(7900),
        "a".repeat(7900)
    );
    let workers = docker(["top", &nginx.container, "-o", "pid"]).await;

    let mut heads = Vec::new();
    // Faster than nginx gives them up.
    for _ in 0..HEADS / 500 {
        heads.extend(join_all((0..500).map(|_| begin(to, GREEDY, full))).await);
    }

    for _ in 0..50 {
        assert_served(&stack.get("/fast").await);
    }
    let format = "{{.MemUsage}}";
    let used = docker(["stats", "--no-stream", "--format", format, &nginx.container]).await;
    let used = used.split("MiB").next().and_then(|used| used.parse().ok());
    let used: f64 = used.expect("less than a GiB");
    say(&format!("nginx with {HEADS} unfinished heads: {used} MiB"));
    assert!(used < ROOM, "{used} MiB");
    assert_eq!(
        docker(["top", &nginx.container, "-o", "pid"]).await,
        workers,
        "none was killed"
    );
    drop(heads);
}

#[tokio::test]
async fn where_another_program_has_filled_the_disk_a_large_body_is_refused_and_a_small_one_is_not()
{
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    let nginx = stack.nginx().await.container;
    let client = client_at(Ipv4Addr::LOCALHOST);
    let fill = "head -c 1G /dev/zero > /tmp/full; test -s /tmp/full";
    docker(["exec", &nginx, "sh", "-c", fill]).await;

    let large = post(&client, &stack.base, 500_000).await;
    assert_eq!(
        (large.status, &large.json["reason"]),
        (503, &json!("no_room"))
    );
    assert_ne!(large.header("retry-after"), "");
    assert_served(&post(&client, &stack.base, 10).await);
    assert_served(&stack.get("/fast").await);

    docker(["exec", &nginx, "rm", "/tmp/full"]).await;
    assert_served(&post(&client, &stack.base, 500_000).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_lanes_serve_sixty_four_requests_at_once() {
    let stack = Local::up(64).await;
    let requests = (0..64).map(|_| get(format!("{}/sleep?ms=1000", stack.base)));
    for reply in join_all(requests).await {
        assert_served(&reply);
    }
}

/// No request is refused while there is room in a queue.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_burst_the_lanes_serve_as_many_as_they_let_wait() {
    const LANES: usize = 6;
    /// The default of a lane.
    const QUEUE_MAX: usize = 10;

    let stack = Local::up(LANES).await;
    let requests = (0..240).map(|_| get(format!("{}/sleep?ms=200", stack.base)));
    let replies = join_all(requests).await;
    let (served, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    for reply in refused {
        assert_eq!(
            (reply.status, &reply.json["reason"]),
            (503, &json!("queue_full"))
        );
        assert_ne!(reply.header("retry-after"), "");
    }
    assert!(served.len() >= LANES * (QUEUE_MAX + 1), "{}", served.len());
}
