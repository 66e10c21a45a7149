//! What is in the image, and what it costs to run.

use std::process::Stdio;
use std::time::{Duration, Instant};

use onelane_stack::{Compose, Lane, alone, docker, say};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// The demonstration's. A service of your own may need more: then this is the line to change.
const SIZE_MAX_BYTES: u64 = 4_000_000;

#[tokio::test]
async fn a_lane_is_small_and_soon_there() {
    let _alone = alone().await;
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    let lane = stack.lanes().await.remove(0);
    its_image_is_one_small_layer_run_by_nobody(&lane).await;
    it_is_ready_soon_after_exec(&lane).await;
    idle_it_needs_little_memory(&lane).await;
}

async fn its_image_is_one_small_layer_run_by_nobody(lane: &Lane) {
    let image = docker(["inspect", "--format", "{{.Image}}", &lane.container]).await;

    let format = "{{.Size}} {{.Config.User}} {{len .RootFS.Layers}}";
    let facts = docker(["image", "inspect", "--format", format, &image]).await;
    let (bytes, rest) = facts.split_once(' ').expect("three words");
    let bytes: u64 = bytes.parse().expect("a size in bytes");
    say(&format!("image: {} kB", bytes / 1000));
    assert!(bytes < SIZE_MAX_BYTES, "{bytes} bytes");
    assert_eq!(rest, "65532:65532 1", "user and layers");
}

async fn it_is_ready_soon_after_exec(lane: &Lane) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("lane");
    let inside = format!("{}:/{}", lane.container, env!("CARGO_PKG_NAME"));
    docker(["cp", &inside, program.to_str().unwrap()]).await;

    let mut best = Duration::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        let mut process = Command::new(&program)
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let first = log.lines().next_line().await.unwrap().unwrap_or_default();
        best = best.min(start.elapsed());
        assert!(first.contains("listening"), "{first}");
        process.kill().await.unwrap();
    }
    say(&format!(
        "from exec to listening: {best:.1?}, the best of ten"
    ));
}

async fn idle_it_needs_little_memory(lane: &Lane) {
    let format = "{{.MemUsage}}";
    let usage = docker(["stats", "--no-stream", "--format", format, &lane.container]).await;
    let pid = docker(["inspect", "--format", "{{.State.Pid}}", &lane.container]).await;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a running process has one");
    say(&format!(
        "idle lane: {usage} by its cgroup, {} resident",
        resident.trim()
    ));
}
