use futures_util::future::join_all;
use onelane::config::Mode::Fork;
use serde_json::json;

use super::process::Process;
use crate::lane::Lane;

const CLIENTS: usize = 4;

async fn ask(lane: &Lane, count: usize) {
    let client = async || {
        for _ in 0..count / CLIENTS {
            assert_eq!(lane.get("/fast").await.status, 200);
        }
    };
    join_all((0..CLIENTS).map(|_| client())).await;
    let is_gone = |status: &serde_json::Value| status["children"]["alive"] == json!([]);
    lane.until_status(is_gone).await;
}

#[tokio::test]
async fn ten_thousand_children_leave_nothing_behind() {
    let lane = Lane::with_slots(Fork, 4, &[]);
    let server = Process::of(&lane);
    let fork_server = server.children().remove(0);
    ask(&lane, 1000).await;
    let look =
        || [server, fork_server].map(|process| (process.descriptors(), process.resident_kib()));
    let before = look();
    ask(&lane, 9000).await;
    let after = look();
    for ((fds, kib), (fds_before, kib_before)) in after.into_iter().zip(before) {
        assert_eq!(fds, fds_before);
        // A child that leaked 100 bytes would make it grow by a tenth.
        assert!(
            kib * 100 < kib_before * 105,
            "{kib} KiB after {kib_before} KiB"
        );
    }
    assert_eq!(server.descendants(), [fork_server]);
    let children = lane.status().await["children"].clone();
    assert_eq!(children["spawned"], 10_000);
    assert_eq!(children["exited"], json!({"completed": 10_000}));
}
