//! The program of a lane for another kind of machine: compiled here, and run by an emulator.

use std::path::Path;
use std::process::Stdio;

use onelane_stack::{docker, docker_is_there, output, skip};
use tempfile::tempdir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const IMAGE: &str = concat!(env!("CARGO_PKG_NAME"), "-arm64");

/// A compiler for both, then the image as always.
const BUILD: &str = r#"
    set -eu
    export $(docker/without-registry/base-images)
    docker buildx build --file docker/without-registry/arm64.Dockerfile ${RUST_IMAGE:+--build-arg RUST=$RUST_IMAGE} \
        --tag "$1-rust" docker/without-registry
    docker buildx build --file docker/app.Dockerfile --build-arg RUST="$1-rust" \
        --build-arg TARGET=aarch64-unknown-linux-gnu --tag "$1" .
    docker create --name "$1" "$1"
    docker cp "$1:/$2" "$3/lane"
    docker rm "$1""#;

#[tokio::test]
#[ignore = "make prove: it compiles the program for another machine"]
async fn the_program_runs_on_arm64() {
    if !docker_is_there().await {
        return;
    }
    let folder = tempdir().unwrap();
    let mut build = Command::new("bash");
    build.args(["-c", BUILD, "bash", IMAGE, env!("CARGO_PKG_NAME")]);
    output(build.arg(folder.path())).await;
    docker(["rmi", IMAGE]).await;
    let Some(emulator) = emulator(folder.path()).await else {
        return;
    };
    let mut lane = Command::new(emulator);
    lane.arg(folder.path().join("lane"));
    lane.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    lane.kill_on_drop(true).stderr(Stdio::piped());
    let mut lane = lane.spawn().unwrap();
    let log = BufReader::new(lane.stderr.take().unwrap());
    let first = log.lines().next_line().await.unwrap().unwrap_or_default();
    let first: serde_json::Value = serde_json::from_str(&first).expect(&first);
    let address = first["listen"].as_str().unwrap();
    let answer = reqwest::get(format!("http://{address}/prime?number=13")).await;
    let answer = answer.unwrap().text().await.unwrap();
    assert_eq!(answer, r#"{"number":13,"prime":true}"#);
}

/// qemu, of Debian, which needs nothing installed.
async fn emulator(folder: &Path) -> Option<std::path::PathBuf> {
    let mut fetch = Command::new("docker/without-registry/debian-packages");
    fetch.arg("trixie").arg(folder).arg("qemu-user");
    fetch.current_dir(env!("CARGO_MANIFEST_DIR"));
    let fetched = fetch.output().await.unwrap();
    if !fetched.status.success() {
        skip(&String::from_utf8_lossy(&fetched.stderr));
        return None;
    }
    Some(folder.join("usr/bin/qemu-aarch64"))
}
