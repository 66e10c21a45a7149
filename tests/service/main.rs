//! This service: the real program, asked what it declares.

/// The program, for the fixture.
const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

// A running server: the fixture of the engine's tests.
#[allow(
    dead_code,
    unused_imports,
    clippy::float_cmp,
    reason = "the engine's tests ask for more than these"
)]
#[path = "../../crates/onelane/tests/integration/lane/mod.rs"]
mod lane;

use lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use lane::{Lane, onelane, send};
use reqwest::Method;
use rstest::rstest;

/// What a command of this program prints.
fn printed(arguments: &[&str]) -> String {
    let output = onelane().args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What an example must not come to: it asks for something else than its workload takes, or that fails.
const MISTAKES: [&str; 6] = [
    "bad_request",
    "internal",
    "method_not_allowed",
    "not_found",
    "spawn_failed",
    "worker_crashed",
];

/// By an output or by a problem of the workload's own. Some may take longer than a test should: then the
/// deadline that was asked for is the answer.
#[rstest]
#[tokio::test]
async fn every_example_is_answered(#[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode) {
    let lane = Lane::of(mode, &[]);
    let base = format!("http://{}", lane.listen);
    let commands = printed(&["examples", &base]);
    for command in commands.lines() {
        let (_, rest) = command.split_once(&format!("'{base}")).unwrap();
        let path = rest.split('\'').next().unwrap();
        let request = lane.request(Method::GET, path);
        let answer = send(request.header("x-timeout", "1")).await;
        let is_answered = answer.status == 200 || !MISTAKES.contains(&answer.reason().as_str());
        assert!(is_answered, "{command}: {}", answer.text);
    }
}

/// nginx/bodies.conf says how long a body may be that it passes on.
#[tokio::test]
async fn nginx_and_a_lane_take_bodies_of_the_same_length() {
    let conf = concat!(env!("CARGO_MANIFEST_DIR"), "/nginx/bodies.conf");
    let conf = std::fs::read_to_string(conf).unwrap();
    let (_, limit) = conf.split_once("\nclient_max_body_size ").unwrap();
    let mebibytes: usize = limit.split("m;").next().unwrap().parse().unwrap();
    let longest = mebibytes << 20;

    let lane = Lane::of(Blocking, &[]);
    let base = format!("http://{}", lane.listen);
    for command in printed(&["examples", &base]).lines() {
        let (_, rest) = command.split_once(&format!("'{base}")).unwrap();
        let path = rest.split(['?', '\'']).next().unwrap();
        for (length, is_too_long) in [(longest, false), (longest + 1, true)] {
            let answer = lane.post(path, &" ".repeat(length)).await;
            assert_eq!(answer.status == 413, is_too_long, "{path}: {length}");
        }
    }
}

#[test]
fn it_bears_the_name_of_its_package() {
    let version = concat!(
        env!("CARGO_PKG_NAME"),
        " ",
        env!("CARGO_PKG_VERSION"),
        " (onelane "
    );
    assert!(printed(&["--version"]).starts_with(version));
}
