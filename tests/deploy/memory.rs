//! What a lane takes at most. Elsewhere the kernel killed it, because what was parsed, quoted or kept was many
//! times larger than what was sent. Right is: below 32 MB for all of its processes, in every mode.

use std::fs;
use std::path::PathBuf;

use futures_util::future::join_all;
use onelane_stack::{Compose, Lane, client, docker, in_background, say, skip};
use rstest::rstest;

/// The longest body that a lane takes.
const LONGEST: usize = 1 << 20;

/// More than any queue has room for, by default.
const AT_ONCE: usize = 100;

/// Half of what a `blocking` lane has.
const PEAK_MAX_BYTES: u64 = 32 << 20;

#[rstest]
#[case("blocking")]
#[case("threads")]
#[case("fork")]
#[case("pool")]
#[case("cluster")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_of_hostile_bodies_fits_into_half_a_lane(#[case] mode: &str) {
    let Some(stack) = Compose::up_as(mode, 1).await else {
        return;
    };
    let lane = stack.lanes().await.remove(0);
    let Some(peak) = peak_file(&lane).await else {
        return skip("the memory of a container cannot be read");
    };
    let nested = format!("{}0{},", "{\"\":".repeat(100), "}".repeat(100));
    for body in [
        body("\"ms\":5,\"x\":[", &nested, "0]"),
        body("\"ms\":5,", "\"a\":0,", "\"a\":0"),
        body("\"ms\":5,\"", "\\u0041", "\":0"),
        // Text for a number, which the answer quotes.
        body("\"ms\":\"", "\\u0001", "\""),
    ] {
        // Not through nginx, which would let only a few of them pass.
        let url = format!("http://{}:5000/sleep", lane.address);
        let asked = (0..AT_ONCE).map(|_| {
            let request = client().post(&url);
            let request = request.header("Content-Type", "application/json");
            in_background(request.body(body.clone()))
        });
        for answer in join_all(asked).await {
            let answer = answer.expect("an answer");
            assert!(
                [200, 400, 503].contains(&answer.status),
                "{}",
                answer.status
            );
        }
    }
    let peak = fs::read_to_string(peak).expect("it was there");
    let peak: u64 = peak.trim().parse().expect("a number of bytes");
    say(&format!("{mode}, hostile bodies: {} KiB", peak >> 10));
    assert!(peak < PEAK_MAX_BYTES, "{} KiB", peak >> 10);
}

/// A JSON object that is as long as there is room, by repeating `unit`.
fn body(open: &str, unit: &str, close: &str) -> String {
    let room = LONGEST - open.len() - close.len() - 2;
    let units = unit.repeat(room / unit.len());
    format!("{{{open}{units}{close}}}")
}

/// Where the kernel says what all processes of a container, and the kernel for them, took at most.
async fn peak_file(lane: &Lane) -> Option<PathBuf> {
    let pid = docker(["inspect", "--format", "{{.State.Pid}}", &lane.container]).await;
    let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let file = |line: &str| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        match controllers {
            "" => Some(format!("/sys/fs/cgroup{path}/memory.peak")),
            "memory" => Some(format!(
                "/sys/fs/cgroup/memory{path}/memory.max_usage_in_bytes"
            )),
            _ => None,
        }
    };
    let files = cgroups.lines().filter_map(file).map(PathBuf::from);
    files
        .into_iter()
        .find(|file| fs::read_to_string(file).is_ok())
}
