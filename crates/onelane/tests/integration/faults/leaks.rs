use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::process::{Process, children, until};
use crate::lane::Mode::Fork;
use crate::lane::{self, Lane, SPARE_CHILDREN};

const CLIENTS: usize = 4;

/// As cheap for the client as can be: the machine is needed for the children.
async fn ask(lane: &Lane, count: usize) {
    let client = async || {
        let mut connection = TcpStream::connect(&lane.listen).await.unwrap();
        for _ in 0..count / CLIENTS {
            let request = b"GET /fast HTTP/1.1\r\nHost: x\r\n\r\n";
            connection.write_all(request).await.unwrap();
            let answer = receive(&mut connection).await;
            assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        }
    };
    join_all((0..CLIENTS).map(|_| client())).await;
}

/// One answer, which ends like all of them.
async fn receive(connection: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    while !answer.ends_with(b"}\n") {
        let count = connection.read_buf(&mut answer).await.unwrap();
        assert!(count > 0, "closed too early");
    }
    answer
}

#[rstest]
#[case(1_000, 1_000)]
#[ignore = "make prove: ten thousand children take their time"]
#[case::prove(1_000, 9_000)]
#[tokio::test]
async fn thousands_of_children_leave_nothing_behind(#[case] first: usize, #[case] more: usize) {
    let lane = lane::with_slots(Fork, CLIENTS, &[]);
    // The connection for probes counts, too.
    lane.until_ready().await;
    let server = Process::of(&lane);
    let fork_server = server.children().remove(0);
    let processes = [server, fork_server];
    ask(&lane, first).await;
    children(&lane, SPARE_CHILDREN).await;
    let before = processes.map(|process| (process.descriptors().len(), process.resident_kib()));
    ask(&lane, more).await;
    children(&lane, SPARE_CHILDREN).await;
    for (process, (fds_before, kib_before)) in processes.into_iter().zip(before) {
        // More until the server notices that a client is gone; fewer where it had not noticed that before.
        until("held as few descriptors as before", || {
            process.descriptors().len() <= fds_before
        })
        .await;
        let kib = process.resident_kib();
        // 100 bytes a child would be 900 kB, where there are many.
        assert!(
            kib * 100 < kib_before * 105,
            "{kib} KiB after {kib_before} KiB"
        );
    }
    assert_eq!(server.descendants().len(), 1 + SPARE_CHILDREN);
    let children = lane.status().await["children"].clone();
    assert_eq!(children["spawned"], first + more + SPARE_CHILDREN);
    assert_eq!(children["exited"], json!({"completed": first + more}));
}
