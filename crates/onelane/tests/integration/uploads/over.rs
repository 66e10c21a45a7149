use rstest::rstest;
use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Site, TYPE, bytes, entries, file, form, text};
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{send, signal, try_send};

/// A form whose computation takes an hour.
fn endless() -> Vec<Vec<u8>> {
    vec![file("f", "f", &bytes(1 << 20)), text("ms", "3600000")]
}

#[rstest]
#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_an_upload_leaves_nothing(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let site = Site::of(mode, &[]);
    let mut client = TcpStream::connect(&site.lane.listen).await.unwrap();
    let body = form(&endless());
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&body[..body.len() / 2]).await.unwrap();
    site.until_file().await;
    drop(client);
    site.until_no_file().await;
    site.lane.until("idle", 0).await;
    assert_eq!(site.lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_client_that_leaves_during_the_computation_leaves_nothing(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let site = Site::of(mode, &["--request-timeout", "1h"]);
    let asked = send(site.upload("/upload", &endless()));
    let computing = async {
        site.lane.until_computing().await;
        site.until_file().await;
    };
    tokio::select! { _ = asked => unreachable!(), () = computing => {} }
    site.until_no_file().await;
    site.lane.until("idle", 0).await;
    assert_eq!(site.lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_deadline_leaves_nothing(#[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode) {
    let site = Site::of(mode, &["--request-timeout", "200ms"]);
    let answer = send(site.upload("/upload", &endless())).await;
    assert_eq!((answer.status, &*answer.reason()), (504, "request_timeout"));
    site.until_no_file().await;
}

/// The folder of a worker that is killed goes when the next one starts.
#[rstest]
#[tokio::test]
async fn a_process_that_is_killed_leaves_nothing(#[values(Fork, Pool, Cluster)] mode: Mode) {
    let site = Site::of(mode, &["--request-timeout", "1h"]);
    let killed = async {
        let pid = site.lane.until_computing().await;
        site.until_file().await;
        signal(pid, Signal::KILL);
    };
    let asked = try_send(site.upload("/upload", &endless()));
    let (outcome, ()) = tokio::join!(asked, killed);
    assert_eq!(outcome.is_err(), mode == Cluster);
    site.until_no_file().await;
    assert_eq!(site.lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_server_that_is_told_to_end_leaves_nothing(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
    #[values(Signal::TERM, Signal::INT)] with: Signal,
) {
    let flags = ["--request-timeout", "1h", "--shutdown-timeout", "100ms"];
    let mut site = Site::of(mode, &flags);
    let asked = try_send(site.upload("/upload", &endless()));
    let told = async {
        site.lane.until_computing().await;
        site.until_file().await;
        site.lane.signal(with);
    };
    let (_cut_off, ()) = tokio::join!(asked, told);
    site.lane.wait_for_exit();
    assert!(entries(site.folder.path()).is_empty());
}
