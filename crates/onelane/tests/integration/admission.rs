//! Bodies are read when there is a slot, and not before.

use reqwest::Method;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::faults::process::Process;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane, send};

/// Sends the head of an upload, and whatever of its body the server takes within a moment.
async fn upload(lane: &Lane, length: usize, headers: &str) -> TcpStream {
    let mut client = TcpStream::connect(&lane.listen).await.unwrap();
    let head = format!(
        "POST /take/bytes HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client
}

#[rstest]
#[tokio::test]
async fn bodies_that_wait_for_a_slot_take_no_memory(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    const BODY: usize = 8 << 20;
    const WAITING: u64 = 10;
    let lane = lane::of(mode, &[]);
    let busy = lane.get("/sleep?ms=60000");
    let others = async {
        lane.until("busy", 0).await;
        let server = Process::of(&lane);
        let before = server.resident_kib();
        let mut clients = Vec::new();
        for depth in 1..=WAITING {
            let mut client = upload(&lane, BODY, "").await;
            // More than the kernel would take for a server that does not read.
            let body = vec![0; BODY];
            let sent = tokio::time::timeout(
                std::time::Duration::from_millis(50),
                client.write_all(&body),
            );
            sent.await.expect_err("the server does not read all of it");
            clients.push(client);
            lane.until("busy", depth).await;
        }
        let grown = server.resident_kib().saturating_sub(before);
        // Far less than the ten bodies: what a connection buffers, and no more.
        assert!(grown < 8 << 10, "{grown} KiB");
    };
    tokio::select! { () = others => {}, _ = busy => unreachable!() };
}

#[rstest]
#[tokio::test]
async fn what_the_head_tells_needs_no_slot(#[values(Blocking, Threads, Fork, Pool)] mode: Mode) {
    let lane = lane::of(mode, &[]);
    let busy = lane.get("/sleep?ms=60000");
    let others = async {
        lane.until("busy", 0).await;
        for (path, content_type, length, status) in [
            ("/take/bytes", "image/jpeg", 10, 415),
            ("/take/bytes", "image/png", (8 << 20) + 1, 413),
            ("/take/bytes?width=x", "image/png", 10, 400),
            ("/nope", "image/png", 10, 404),
        ] {
            let request = lane.request(Method::POST, path);
            let request = request.header("content-type", content_type);
            let answer = send(request.body(vec![0; length])).await;
            assert_eq!(answer.status, status, "{path} {content_type}");
        }
    };
    tokio::select! { () = others => {}, _ = busy => unreachable!() };
}

/// nginx sends small bodies along when it asks: a lane that closed the connection each time would cost a new
/// one for every hop.
#[rstest]
#[tokio::test]
async fn a_refused_request_with_a_small_body_keeps_its_connection(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let busy = lane.get("/sleep?ms=60000");
    let others = async {
        lane.until("busy", 0).await;
        let held = "X-Lane-Protocol: 2\r\nX-Lane-Hold-Ms: 1\r\n";
        let mut client = TcpStream::connect(&lane.listen).await.unwrap();
        for _ in 0..3 {
            let head = format!(
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{held}Content-Length: 60000\r\n\r\n"
            );
            client.write_all(head.as_bytes()).await.unwrap();
            client.write_all(&vec![b' '; 60_000]).await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\n") {
                assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
            }
            assert!(answer.starts_with(b"HTTP/1.1 403"));
        }
    };
    tokio::select! { () = others => {}, _ = busy => unreachable!() };
}

#[rstest]
#[tokio::test]
async fn a_client_that_expects_it_is_told_to_continue(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let mut client = upload(&lane, 4, "Expect: 100-continue\r\nConnection: close\r\n").await;
    let mut told = [0; 25];
    client.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"data").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("\"bytes\":4"),
        "{answer}"
    );
}
