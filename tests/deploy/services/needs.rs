//! What `docker/service` makes of a manifest.

use std::fs;
use std::path::Path;

use onelane_stack::{complaint, output};
use rstest::rstest;
use tempfile::TempDir;
use tokio::process::Command;

/// A line of shell where `docker/service` is known, in a tree with this manifest.
fn shell(manifest: &str, line: &str) -> (TempDir, Command) {
    let tree = TempDir::new().expect("there is room for temporary files");
    let text = format!("[package]\nname = \"mine\"\nversion = \"1.0.0\"\n\n{manifest}");
    fs::write(tree.path().join("Cargo.toml"), text).expect("the folder is ours");
    let other = tree.path().join("examples/services/other");
    fs::create_dir_all(&other).expect("the folder is ours");
    fs::write(other.join("Cargo.toml"), "").expect("the folder is ours");
    let mut bash = Command::new("bash");
    let script = r#"cd "$1" && fail() { echo "$*" >&2; exit 1; } && source "$2" && eval "$3""#;
    bash.args(["-euo", "pipefail", "-c", script, "bash"]);
    let service = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/service");
    bash.arg(tree.path()).arg(service).arg(line);
    bash.env_remove("SERVICE").env_remove("COMPOSE_FILE");
    (tree, bash)
}

const ALL: &str = r#"
[package.metadata.lane]
packages = [
  "poppler-utils",  # pdftoppm
  "libstdc++6",
]
memory = "256m"  # of a lane
tmp = "64m"
pids = 100

[dependencies]
memory = "1"
"#;

#[rstest]
#[case::one_at_once("blocking", ["mem_limit: 256m", "pids_limit: 100", "/tmp:size=64m,"])]
#[case::several("pool", ["mem_limit: 2048m", "pids_limit: 800", "/tmp:size=512m,"])]
#[tokio::test]
async fn a_lane_gets_what_its_manifest_says(#[case] mode: &str, #[case] limits: [&str; 3]) {
    let line = format!("MODE={mode}; use_service; cat .run/services/mine/{mode}.yaml");
    let (_tree, mut bash) = shell(ALL, &line);
    let file = output(&mut bash).await;
    let rest = [
        "RUNTIME: programs",
        "\"poppler-utils libstdc++6\"",
        "mine-app\n",
    ];
    for part in limits.iter().chain(&rest) {
        assert!(file.contains(part), "{part} in\n{file}");
    }
    assert!(!file.contains("nginx"), "{file}");
}

#[rstest]
// It is not the service for which compose.yaml is.
#[case::nothing("", "compose.yaml:.run/services/mine/blocking.yaml")]
#[case::of_its_own(ALL, "compose.yaml:.run/services/mine/blocking.yaml:mine.yaml")]
#[tokio::test]
async fn what_a_service_needs_comes_before_what_its_owner_adds(
    #[case] manifest: &str,
    #[case] files: &str,
) {
    let line = "MODE=blocking; use_service; use_service; echo ${COMPOSE_FILE:-compose.yaml}";
    let (_tree, mut bash) = shell(manifest, line);
    if !manifest.is_empty() {
        bash.env("COMPOSE_FILE", "compose.yaml:mine.yaml");
    }
    assert_eq!(output(&mut bash).await, files);
}

#[rstest]
#[case("memory = 256", "memory is a size")]
#[case("memory = \"256\"", "memory is a size")]
#[case("tmp = \"0m\"", "tmp is a size")]
#[case("pids = 0", "pids is a number")]
#[case("packages = \"poppler-utils\"", "packages is a list")]
#[case("packages = [\"a; rm -rf /\"]", "packages are names")]
#[case("packages = [\"--allow-unauthenticated\"]", "packages are names")]
#[case("mem = \"256m\"", "no 'mem'")]
#[case("memory = 256m", "memory = 256m")]
#[tokio::test]
async fn what_cannot_be_is_said(#[case] line: &str, #[case] why: &str) {
    let manifest = format!("[package.metadata.lane]\n{line}\n");
    let (_tree, mut bash) = shell(&manifest, "MODE=blocking; use_service");
    let said = complaint(&mut bash).await;
    assert!(
        said.starts_with("Cargo.toml: ") && said.contains(why),
        "{said}"
    );
}

#[rstest]
#[case("../..")]
#[case("mine.")]
#[case("-v")]
#[tokio::test]
async fn a_service_that_is_not_there_is_told_with_those_that_are(#[case] name: &str) {
    let (_tree, mut bash) = shell("", "MODE=blocking; use_service");
    let said = complaint(bash.env("SERVICE", name)).await;
    assert_eq!(
        said,
        format!("there is no SERVICE '{name}'; there is mine, other")
    );
}
