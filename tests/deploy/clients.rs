//! Clients that leave, and clients that are too slow to keep.

use std::time::Duration;

use futures_util::future::join_all;
use onelane_stack::{Compose, Local, eventually, get};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_client_that_leaves_frees_the_lane() {
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    for path in ["/sleep?ms=20000", "/wait?ms=20000"] {
        let request = stack.get_in_background(path);
        stack.busy(1).await;

        request.abort();

        let next = stack.get("/fast").await;
        assert_eq!(next.status, 200, "after {path}");
        assert!(
            next.elapsed < Duration::from_secs(2),
            "the next request waited {:?} of 20 s after {path}",
            next.elapsed
        );
    }
}

const NEVER_FINISHED: [&str; 2] = [
    "GET /fast HTTP/1.1\r\nHost: lanes\r\nX-Slow: ",
    "POST /sleep HTTP/1.1\r\nHost: lanes\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
];

#[tokio::test]
async fn a_client_that_never_finishes_its_request_is_cut_off() {
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    let address = stack.base.trim_start_matches("http://");
    let cut_off = NEVER_FINISHED.map(|beginning| async move {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(beginning.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let end = connection.read_to_end(&mut answer);
        let end = tokio::time::timeout(Duration::from_secs(20), end).await;
        assert!(end.is_ok(), "still open after 20 s: {beginning}");
    });
    join_all(cut_off).await;

    let slot = stack.lanes().await[0].slot().await;
    assert_eq!(slot["state"], "idle", "no lane saw any of it");
}

/// The end of what a client sends looks the same whether it left or waits.
#[tokio::test]
async fn a_client_that_closes_its_sending_side_has_left() {
    let stack = Local::up(1).await;
    let address = stack.base.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = "GET /sleep?ms=20000 HTTP/1.0\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.shutdown().await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty(), "{answer:?}");
    eventually("a line about it", async || {
        let log = stack.log("nginx");
        let mut lines = log.lines().filter(|line| line.contains("/sleep?ms=20000"));
        lines
            .any(|line| line.contains("\"status\":499"))
            .then_some(())
    })
    .await;
    let next = get(format!("{}/fast", stack.base)).await;
    assert_eq!(next.status, 200);
    assert!(next.elapsed < Duration::from_secs(20), "{:?}", next.elapsed);
}
