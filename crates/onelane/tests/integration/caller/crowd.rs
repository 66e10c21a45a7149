//! More connections than a server has room for. Elsewhere idle clients kept others out until they had all timed
//! out, and a burst of clients had to ask the kernel again, a second later. Right is: every client that asks has an
//! answer at once, 200 or 503, whatever others do or leave undone, and their memory is bounded.

use std::process::Command;

use futures_util::future::join_all;
use rstest::rstest;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::faults::process::Process;
use crate::faults::skip;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{Lane, onelane};

/// Those who are there: more than a lane takes.
const CROWD: usize = 400;

/// The same where it has 80 descriptors.
const SMALL_CROWD: usize = 100;

/// The same on the admin side.
const WATCHERS: usize = 100;

/// Half of what a lane has in a container, less the 4 MiB of an idle one. What the program of these tests takes
/// before the first request is more than that, and no concern of a crowd.
const GROWTH_MAX_KIB: u64 = 28 << 10;

fn lane(mode: Mode, descriptors: &str) -> Lane {
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--nofile={descriptors}"))
        .arg(onelane().get_program())
        .args(["--mode", &mode.to_string(), "--slots", "1"])
        // Where the kernel has the queue, those who are silent wait in it, too.
        .args(["--queue-timeout", "1s"]);
    Lane::run(command)
}

/// A client that reads next to nothing.
async fn connect(address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address.parse().unwrap()).await.unwrap()
}

/// A crowd that sends this, each of them, and stays. Those who have to leave for others do not mind.
async fn crowd(count: usize, address: &str, sent: &[u8]) -> Vec<TcpStream> {
    let mut here = Vec::new();
    for _ in 0..count {
        let mut client = connect(address).await;
        client.try_write(sent).ok();
        if sent.starts_with(b"GET") && sent.ends_with(b"\r\n\r\n") {
            // Once the answer begins, there is nothing left to do for it.
            client.read_exact(&mut [0; 16]).await.ok();
        }
        here.push(client);
    }
    here
}

/// The status of an answer on a connection of its own.
async fn status(address: &str, path: &str) -> u16 {
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer["HTTP/1.1 ".len()..][..3].parse().unwrap()
}

/// No client of the crowd leaves by itself before this is over: 75 s are longer than any patience here. Some servers
/// have next to no descriptors for them.
#[rstest]
#[case::silent("80:80", "")]
#[case::with_half_a_head("1024:1024", "GET /fast HTTP/1.1\r\nHost: x\r\n")]
#[case::with_an_answer("1024:1024", "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")]
#[case::of_a_balancer(
    "80:80",
    "GET /fast HTTP/1.1\r\nHost: x\r\nX-Lane-Protocol: 2\r\nX-Lane-Hold-Ms: 5\r\n\r\n"
)]
#[case::with_answers_unread("1024:1024", &"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(40))]
#[case::without_its_body(
    "80:80",
    "POST /fast HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
)]
#[tokio::test]
async fn a_crowd_keeps_no_client_out_and_takes_little_memory(
    #[case] descriptors: &str,
    #[case] sent: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane(mode, descriptors);
    let (public, admin) = (lane.listen.clone(), lane.admin_listen.clone());
    let count = if descriptors == "80:80" {
        SMALL_CROWD
    } else {
        CROWD
    };
    let server = Process::of(&lane);
    let idle = server.peak_kib().unwrap();
    let here = crowd(count, &public, sent.as_bytes()).await;
    let watchers = crowd(WATCHERS, &admin, sent.as_bytes()).await;
    for _ in 0..3 {
        let answer = status(&public, "/fast").await;
        // A client that has begun a body is in the queue. A worker may wait for the head of a silent client, and
        // other clients for the worker.
        let may_be_full = sent.starts_with("POST") || mode == Cluster;
        assert!(answer == 200 || answer == 503 && may_be_full, "{answer}");
        for path in ["/livez", "/readyz", "/metrics", "/status"] {
            assert_eq!(status(&admin, path).await, 200, "{path}");
        }
    }
    for process in [vec![server], server.descendants()].concat() {
        let peak = process.peak_kib().unwrap_or_default();
        assert!(peak < idle + GROWTH_MAX_KIB, "{peak} KiB, {idle} before");
    }
    assert!(lane.log(|line| line["level"] == "ERROR").is_empty());
    drop((here, watchers));
}

/// Stopped, it can do nothing for them: the kernel has to keep all.
#[rstest]
#[tokio::test]
async fn a_burst_of_clients_is_answered_without_a_second_attempt(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    const BURST: usize = 1000;
    let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    if allowed.trim().parse::<usize>().unwrap() < BURST {
        return skip("net.core.somaxconn is too low for a burst");
    }
    let lane = lane(mode, "1024:1024");
    let server = Process::of(&lane);
    let all = [vec![server], server.descendants()].concat();
    for process in &all {
        process.signal(Signal::STOP);
    }
    let mut burst = Vec::new();
    for _ in 0..BURST {
        let mut client = TcpStream::connect(&lane.listen).await.unwrap();
        let request = b"GET /fast HTTP/1.1\r\nHost: x\r\n\r\n";
        client.write_all(request).await.unwrap();
        burst.push(client);
    }
    for process in &all {
        process.signal(Signal::CONT);
    }
    let answers = burst.into_iter().map(async |mut client| {
        let mut head = [0; 12];
        client.read_exact(&mut head).await.unwrap();
        head
    });
    for head in join_all(answers).await {
        assert!(
            [b"HTTP/1.1 200", b"HTTP/1.1 503"].contains(&&head),
            "{head:?}"
        );
    }
}
