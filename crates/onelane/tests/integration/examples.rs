//! Every program in `examples/` runs, ends well, and prints what it promises.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tokio::time::timeout;

use crate::lane::PATIENCE;

/// Where cargo put them. It builds them only on demand for a single test binary like this one, and
/// has no variable that names them.
static EXAMPLES: LazyLock<HashMap<String, PathBuf>> = LazyLock::new(|| {
    let built = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // As `make check` has compiled what they depend on.
        .args(["build", "--locked", "--workspace", "--all-features"])
        .args(["--examples", "--message-format=json"])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(built.status.success(), "the examples do not build");
    let lines = String::from_utf8(built.stdout).unwrap();
    let messages = lines.lines().map(serde_json::from_str::<Value>);
    let programs = messages.filter_map(|message| {
        let message = message.unwrap();
        let name = message["target"]["name"].as_str()?;
        Some((name.to_owned(), message["executable"].as_str()?.into()))
    });
    programs.collect()
});

/// What an example prints, line by line.
async fn run(name: &str, arguments: &[&str]) -> Vec<String> {
    let mut example = tokio::process::Command::new(&EXAMPLES[name]);
    example.args(arguments).stdin(Stdio::null());
    example.stderr(Stdio::inherit()).kill_on_drop(true);
    let ended = timeout(PATIENCE, example.output()).await;
    let output = ended.expect("it does not end").unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    print!("{text}");
    assert!(output.status.success(), "{name}: {}", output.status);
    text.lines().map(str::to_owned).collect()
}

/// What follows `prefix` in the first line that begins with it, of those from `start` on.
#[track_caller]
fn after<'a>(lines: &'a [String], prefix: &str) -> (&'a str, &'a [String]) {
    let found = lines.iter().enumerate().find_map(|(at, line)| {
        let rest = line.trim().strip_prefix(prefix)?;
        Some((rest, &lines[at + 1..]))
    });
    found.unwrap_or_else(|| panic!("no {prefix:?} in {lines:#?}"))
}

#[tokio::test]
async fn spawn_feeds_a_child_and_reads_it() {
    let lines = run("spawn", &[]).await;
    let (_, rest) = after(&lines, "wc is process ");
    let (counts, rest) = after(rest, "wc says: ");
    let counts: Vec<&str> = counts.split_whitespace().collect();
    assert_eq!(counts, ["100000", "500000", "2200000"]);
    after(rest, "wc ended: exit status: 0");
}

#[tokio::test]
async fn exec_counts_the_files_of_a_tree_and_stops_what_prints_too_much() {
    let tree = tempfile::tempdir().unwrap();
    // To a shell that split or expanded it, this would be something else.
    let folder = tree.path().join("two  words; $HOME *");
    std::fs::create_dir_all(folder.join("below")).unwrap();
    for file in ["one", "two", "below/three"] {
        std::fs::write(folder.join(file), "").unwrap();
    }
    let lines = run("exec", &[folder.to_str().unwrap()]).await;
    let (_, rest) = after(&lines, "$ find ");
    assert_eq!(rest[0], "3");
    let (_, rest) = after(rest, "$ yes | cat");
    after(rest, "too much output: killed");
}

#[tokio::test]
async fn exec_file_hands_arguments_over_as_they_are() {
    let lines = run("exec_file", &[]).await;
    let (_, mut rest) = after(&lines, "run \"printf\"");
    for argument in ["$HOME", "*", "two  words", "; exit 1"] {
        let (arrived, next) = after(rest, "argument: ");
        assert_eq!(arrived, argument);
        rest = next;
    }
    let (_, rest) = after(rest, "run \"false\"");
    let (_, rest) = after(rest, "exit status: 1");
    after(rest, "not started: ");
}

#[tokio::test]
async fn fork_talks_both_ways() {
    let lines = run("fork", &[]).await;
    let said: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("parent: "))
        .skip(1)
        .collect();
    assert_eq!(
        said,
        [
            "sends CountFrom(1)",
            "it says 1",
            "it says 2",
            "it says 3",
            "sends CountFrom(41)",
            "it says 41",
            "it says 42",
            "the child ended: exit status: 0",
        ]
    );
}

#[tokio::test]
async fn cluster_tells_the_events_of_a_worker_that_is_killed_and_replaced() {
    let lines = run("cluster", &[]).await;
    let (answered, rest) = after(&lines, "client: ");
    let (victim, rest) = after(rest, "client: kills ");
    assert!(answered.contains(victim), "{answered}");
    let life = |pid: &str, rest: &[String]| {
        let mut rest = rest.to_vec();
        for event in ["fork", "online", "listening"] {
            rest = after(&rest, &format!("event: worker {event} pid={pid}"))
                .1
                .to_vec();
        }
    };
    life(victim, &lines);
    let (_, exit) = after(rest, &format!("event: worker disconnect pid={victim}"));
    let (exit, _) = after(exit, "event: worker exit ");
    assert!(
        exit.contains(&format!("pid={victim} ")) && exit.contains("SIGKILL"),
        "{exit}"
    );
    let (successor, _) = after(rest, "event: worker fork pid=");
    life(successor, rest);
    let (answered, rest) = after(rest, "client: ");
    assert!(
        answered.contains(successor) && !answered.contains(victim),
        "{answered}"
    );
    after(rest, "the cluster ended: exit status: 0");
}

#[tokio::test]
async fn orphans_live_on_without_the_guard_and_die_with_it() {
    let lines = run("orphans", &[]).await;
    let (_, without) = after(&lines, "without the guard");
    let (_, with) = after(without, "with the guard");
    let lived_on = |lines: &[String]| lines.iter().any(|line| line.contains("lives on"));
    assert!(lived_on(without) && !lived_on(with));
    after(with, "the child is gone, too");
}
