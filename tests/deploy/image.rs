//! What is in the image, and what it costs to run.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use auditable_info::audit_info_from_file;
use onelane_stack::{Compose, Lane, alone, docker, docker_is_there, output, say};
use onelane_tree::Copy;
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
    its_image_is_one_small_layer_without_root(&lane).await;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("lane");
    let inside = format!("{}:/{}", lane.container, env!("CARGO_PKG_NAME"));
    docker(["cp", &inside, program.to_str().unwrap()]).await;
    it_lists_the_crates_that_it_is_made_of(&program);
    it_is_ready_soon_after_exec(&program).await;
    idle_it_needs_little_memory(&lane).await;
}

/// Anybody can compile a published version, and compare.
#[tokio::test]
#[ignore = "make prove: it compiles the image twice, with nothing from before"]
async fn the_same_sources_make_the_same_image() {
    let _alone = alone().await;
    if !docker_is_there().await {
        return;
    }
    let (one, other) = (built_anew("one").await, built_anew("other").await);
    assert_eq!(one, other);
}

/// What an image is, but for its name and, with an engine that knows no other time for it, when it was made.
async fn built_anew(name: &str) -> String {
    let copy = Copy::of_tree();
    // It would hand what was compiled to the next build.
    let kept = "    --mount=type=cache,target=/build/target,sharing=locked \\\n";
    copy.replace("docker/app.Dockerfile", kept, "");
    let script = r#"
        export SOURCE_DATE_EPOCH=0 $(docker/without-registry/base-images)
        docker buildx build --quiet --no-cache --file docker/app.Dockerfile ${RUST_IMAGE:+--build-arg RUST=$RUST_IMAGE} --tag "$1" ."#;
    let image = format!("{}-same-{name}", env!("CARGO_PKG_NAME"));
    let mut build = Command::new("bash");
    build.args(["-c", &format!("cd \"$2\" && {script}"), "bash", &image]);
    output(build.arg(copy.path(""))).await;
    let version = docker(["version", "--format", "{{.Server.Version}}"]).await;
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    let format = match major {
        Some(0..23) => "{{json .RootFS}} {{json .Config}}",
        _ => "{{.Id}}",
    };
    let what = docker(["image", "inspect", "--format", format, &image]).await;
    docker(["rmi", &image]).await;
    what
}

async fn its_image_is_one_small_layer_without_root(lane: &Lane) {
    let image = docker(["inspect", "--format", "{{.Image}}", &lane.container]).await;

    let format = "{{.Size}} {{.Config.User}} {{len .RootFS.Layers}}";
    let facts = docker(["image", "inspect", "--format", format, &image]).await;
    let (bytes, rest) = facts.split_once(' ').expect("three words");
    let bytes: u64 = bytes.parse().expect("a size in bytes");
    say(&format!("image: {} kB", bytes / 1000));
    assert!(
        bytes < SIZE_MAX_BYTES,
        "the image has {bytes} bytes: SIZE_MAX_BYTES in tests/deploy/image.rs is the limit"
    );
    assert_eq!(rest, "65532:65532 1", "user and layers");
}

/// As `cargo auditable` writes it, and scanners of vulnerabilities read it.
fn it_lists_the_crates_that_it_is_made_of(program: &Path) {
    let listed = audit_info_from_file(program, auditable_info::Limits::default());
    let crates = listed.expect("a list").packages;
    for name in [env!("CARGO_PKG_NAME"), "onelane", "actix-web"] {
        assert!(crates.iter().any(|listed| listed.name == name), "{name}");
    }
}

async fn it_is_ready_soon_after_exec(program: &Path) {
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        let mut process = Command::new(program)
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
