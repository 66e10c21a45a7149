//! `Coprocess`, in every mode that keeps one. `fork` starts a new one for each request, as it does with everything.

use std::fs;
use std::path::Path;
use std::process::Command;

use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::tempdir;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{Answer, Lane, onelane, send, signal, try_send};
use crate::processes::{descendants, mark, named, no_zombies, until_gone, until_named};

fn command(mode: Mode, settings: &[(&str, &str)]) -> Command {
    let mut command = onelane();
    command.env("WITH_PROGRAM", "1");
    command.args(["--mode", &mode.to_string()]);
    command.env("ONELANE_SLOTS", "1");
    for (name, value) in settings {
        command.env(format!("ONELANE_STAY_{}", name.to_uppercase()), value);
    }
    command
}

fn start(mode: Mode, settings: &[(&str, &str)]) -> Lane {
    Lane::run(command(mode, settings))
}

fn said(lane: &Lane, line: &str) -> RequestBuilder {
    lane.request(Method::GET, "/stay").query(&[("say", line)])
}

async fn say(lane: &Lane, line: &str) -> Answer {
    send(said(lane, line)).await
}

/// The process id of the program.
async fn pid(lane: &Lane) -> u64 {
    let answer = say(lane, "echo $$").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text.parse().unwrap()
}

/// The programs that stay, as the status has them.
fn programs(status: &Value) -> Vec<&Value> {
    let children = status["children"]["alive"].as_array().unwrap().iter();
    children.filter(|child| child["program"] == "sh").collect()
}

#[rstest]
#[tokio::test]
async fn a_program_stays_from_one_request_to_the_next(
    #[values(Blocking, Threads, Pool, Cluster)] mode: Mode,
) {
    let lane = start(mode, &[]);
    let first = pid(&lane).await;
    assert_eq!(say(&lane, "kept=7; echo $kept").await.text, "7");
    assert_eq!(say(&lane, "echo $kept").await.text, "7");
    assert_eq!(pid(&lane).await, first);
}

#[tokio::test]
async fn in_the_mode_fork_nothing_is_left_for_the_next_request() {
    let lane = start(Fork, &[]);
    let first = pid(&lane).await;
    assert_ne!(pid(&lane).await, first);
    until_gone(&[first]).await;
    no_zombies(lane.pid()).await;
}

#[rstest]
#[tokio::test]
async fn the_status_and_the_metrics_show_it(#[values(Blocking, Threads, Pool)] mode: Mode) {
    let lane = start(mode, &[]);
    pid(&lane).await;
    let status = lane.status().await;
    let [program] = programs(&status)[..] else {
        panic!("{status}");
    };
    assert!(program["pid"].is_u64() && program["age_ms"].is_u64());
    let before = lane.metric("onelane_child_spawns_total").await;
    say(&lane, "exit 3").await;
    let crashed = "onelane_child_exits_total{cause=\"crashed\"}";
    // A child of a pool tells it with its next answer.
    pid(&lane).await;
    lane.until_status(|status| status["children"]["exited"]["crashed"] == 1)
        .await;
    assert_eq!(lane.metric(crashed).await, 1.0);
    assert!(lane.metric("onelane_child_spawns_total").await > before);
}

#[rstest]
#[tokio::test]
async fn one_that_hangs_is_ended_with_its_request_and_replaced(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
    #[values(false, true)] client_leaves: bool,
) {
    let lane = start(mode, &[]);
    let mark = mark();
    // One of them tries to get away.
    let hang = format!("setsid sleep {mark} & sleep {mark}; echo");
    if client_leaves {
        let request = tokio::spawn(try_send(said(&lane, &hang)));
        until_named(&mark, 2).await;
        request.abort();
    } else {
        let answer = send(said(&lane, &hang).header("x-timeout", "0.5")).await;
        assert_eq!(answer.reason(), "request_timeout");
    }
    until_named(&mark, 0).await;
    pid(&lane).await;
    no_zombies(lane.pid()).await;
}

#[rstest]
#[tokio::test]
async fn one_that_crashes_costs_its_request(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
    #[values(
        "exit 3",
        "kill -9 $$",
        r"printf 'one\ntwo\n'",
        "head -c 2000 /dev/zero"
    )]
    line: &str,
) {
    let lane = start(mode, &[]);
    let answer = say(&lane, line).await;
    assert_eq!(
        (answer.status, answer.reason()),
        (502, "worker_crashed".to_owned())
    );
    pid(&lane).await;
    no_zombies(lane.pid()).await;
}

#[rstest]
#[tokio::test]
async fn one_that_crashes_while_it_is_idle_is_replaced_before_it_is_needed(
    #[values(Blocking, Threads, Cluster)] mode: Mode,
) {
    let lane = start(mode, &[]);
    let first = pid(&lane).await;
    signal(first, Signal::KILL);
    let shell = "while read -r line";
    let start = std::time::Instant::now();
    loop {
        let shells = descendants(lane.pid())
            .into_iter()
            .filter(|pid| named(shell).contains(pid));
        if shells.into_iter().any(|pid| pid != first) {
            break;
        }
        assert!(start.elapsed() < crate::lane::PATIENCE);
    }
    assert_ne!(pid(&lane).await, first);
}

#[rstest]
#[case(&[("requests", "2")])]
#[case(&[("memory_mib", "0")])]
#[tokio::test]
async fn one_that_is_spent_is_replaced(
    #[values(Blocking, Threads, Pool, Cluster)] mode: Mode,
    #[case] settings: &[(&str, &str)],
) {
    let lane = start(mode, settings);
    let first = pid(&lane).await;
    pid(&lane).await;
    assert_ne!(pid(&lane).await, first);
    until_gone(&[first]).await;
}

/// What reads `first` waits until it is a file that ends.
fn pause(folder: &Path) -> String {
    let path = folder.join("first");
    let (path, made) = (path.to_str().unwrap(), path.display());
    fs::write(
        path,
        format!("while ! test -e {made}.go; do sleep 0.01; done"),
    )
    .unwrap();
    path.to_owned()
}

#[tokio::test]
async fn a_lane_without_a_program_that_is_ready_sends_requests_on() {
    let folder = tempdir().unwrap();
    let first = pause(folder.path());
    let go = format!("{first}.go");
    fs::write(&go, "").unwrap();
    let lane = start(Blocking, &[("first", &first)]);
    fs::remove_file(&go).unwrap();
    say(&lane, "exit 3").await;
    let busy = send(lane.held("/stay?say=echo", "20")).await;
    assert_eq!(busy.header("x-lane-busy"), Some("1"));
    assert_eq!(lane.admin("/readyz").await.status, 200);
    assert_eq!(lane.admin("/livez").await.status, 200);
    let waiting = tokio::spawn(send(said(&lane, "echo at last")));
    lane.until("idle", 1).await;
    fs::write(&go, "").unwrap();
    assert_eq!(waiting.await.unwrap().text, "at last");
}

#[tokio::test]
async fn a_spare_one_takes_its_place_at_once() {
    let folder = tempdir().unwrap();
    let first = pause(folder.path());
    let go = format!("{first}.go");
    fs::write(&go, "").unwrap();
    let lane = start(Blocking, &[("first", &first), ("spare", "true")]);
    assert_eq!(programs(&lane.status().await).len(), 2);
    fs::remove_file(&go).unwrap();
    say(&lane, "exit 3").await;
    let answer = send(lane.held("/stay?say=echo%20spare", "0")).await;
    assert_eq!(answer.text, "spare");
    fs::write(&go, "").unwrap();
    lane.until_status(|status| programs(status).len() == 2)
        .await;
}

#[rstest]
#[case(&[("first", "/no/such/file")], "ended with code 2")]
#[case(&[("first", "/dev/tty0/none")], "ended with code 2")]
#[tokio::test]
async fn a_service_whose_program_does_not_start_does_not_start(
    #[case] settings: &[(&str, &str)],
    #[case] why: &str,
) {
    let ended = command(Blocking, settings);
    let mut ended = ended;
    ended.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let output = ended.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    let last = stderr.lines().last().unwrap();
    assert!(
        last.contains("`stay`: sh: it ") && last.contains(why),
        "{last}"
    );
}

#[test]
fn a_program_that_is_not_ready_in_time_is_ended() {
    let folder = tempdir().unwrap();
    let first = pause(folder.path());
    let mut lane = command(Blocking, &[("first", &first), ("start_seconds", "1")]);
    lane.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let output = lane.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("it was not ready within 1 s"), "{stderr}");
    assert_eq!(named(&first), [0; 0]);
}

#[rstest]
#[tokio::test]
async fn it_ends_with_its_lane(
    #[values(Blocking, Threads, Pool, Cluster)] mode: Mode,
    #[values(Signal::KILL, Signal::INT, Signal::TERM)] how: Signal,
) {
    let mut lane = start(mode, &[]);
    let program = pid(&lane).await;
    lane.signal(how);
    let ended = lane.wait_for_exit();
    until_gone(&[program]).await;
    if how != Signal::KILL {
        assert_eq!(ended.code(), Some(0));
    }
}

#[rstest]
#[tokio::test]
async fn there_is_one_for_each_slot() {
    let mut command = command(Threads, &[]);
    command.args(["--slots", "3"]);
    let lane = Lane::run(command);
    let folder = tempdir().unwrap();
    let go = folder.path().join("go");
    let wait = format!(
        "while ! test -e {}; do sleep 0.01; done; echo $$",
        go.display()
    );
    let asked: Vec<_> = (0..3)
        .map(|_| tokio::spawn(send(said(&lane, &wait))))
        .collect();
    lane.until_busy(3).await;
    fs::write(go, "").unwrap();
    let mut pids = Vec::new();
    for answer in asked {
        pids.push(answer.await.unwrap().text);
    }
    pids.sort();
    pids.dedup();
    assert_eq!(pids.len(), 3);
}

#[rstest]
#[tokio::test]
async fn frames_may_have_any_bytes(#[values(Blocking, Pool)] mode: Mode) {
    let lane = start(mode, &[("dialect", "frames")]);
    for text in ["", "one\ntwo\0", &"ä".repeat(500)] {
        assert_eq!(say(&lane, text).await.text, text);
    }
    assert_eq!(say(&lane, &"x".repeat(1001)).await.status, 502);
    assert_eq!(say(&lane, "again").await.text, "again");
}

#[rstest]
#[tokio::test]
async fn a_program_may_serve_http(#[values(Blocking, Pool)] mode: Mode) {
    let lane = start(mode, &[("dialect", "http")]);
    let answer = say(&lane, "hello").await;
    assert_eq!((answer.status, &*answer.text), (201, "hello"));
    assert_eq!(answer.header("content-type"), Some("text/csv"));
    assert_eq!(say(&lane, &"x".repeat(1001)).await.status, 502);
    assert_eq!(say(&lane, "again").await.text, "again");
}

#[rstest]
#[tokio::test]
async fn a_program_that_serves_http_is_told_the_trace(#[values(Blocking, Pool)] mode: Mode) {
    let lane = start(mode, &[("dialect", "http")]);
    let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let asked = |header| {
        let request = said(&lane, header).header("traceparent", caller);
        send(request.header("tracestate", "a=1"))
    };
    let traceparent = asked("traceparent").await.text;
    assert_eq!(traceparent.split('-').nth(1), caller.split('-').nth(1));
    assert_eq!(asked("tracestate").await.text, "a=1");
}
