//! Clients that leave, and clients that are too slow to keep.

use std::time::Duration;

use onelane_stack::{Compose, Local, eventually, get};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[rstest]
#[case::sleeping("/sleep?ms=20000")]
#[case::computing("/wait?ms=20000")]
#[tokio::test]
async fn a_client_that_leaves_frees_the_lane(#[case] path: &str) {
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    let request = stack.get_in_background(path);
    stack.busy(1).await;

    request.abort();

    let next = stack.get("/fast").await;
    assert_eq!(next.status, 200);
    assert!(
        next.elapsed < Duration::from_secs(2),
        "the next request waited {:?} of 20 s",
        next.elapsed
    );
}

#[rstest]
#[case::headers("GET /fast HTTP/1.1\r\nHost: lanes\r\nX-Slow: ")]
#[case::body(
    "POST /sleep HTTP/1.1\r\nHost: lanes\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)]
#[tokio::test]
async fn a_client_that_never_finishes_its_request_is_cut_off(#[case] beginning: &str) {
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    let address = stack.base.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(beginning.as_bytes()).await.unwrap();

    let mut answer = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(20), connection.read_to_end(&mut answer));

    assert!(
        end.await.is_ok(),
        "the connection was still open after 20 s"
    );
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
