//! `Call::program`, in every mode.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use rustix::process::Signal;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Answer, Lane, PATIENCE, onelane, send, signal, try_send};
use crate::processes::{descendants, exists, mark, named, no_zombies, until_named};

fn run(lane: &Lane, query: &[(&str, &str)], body: impl Into<reqwest::Body>) -> RequestBuilder {
    let request = lane.request(Method::POST, "/run").query(query);
    request.header("content-type", "text/plain").body(body)
}

async fn script(lane: &Lane, script: &str) -> Answer {
    send(run(lane, &[("script", script)], "")).await
}

/// A script that starts four processes, three of which try to get away: one in the background, one in a session of
/// its own, one whose parent has ended.
fn crowd(mark: &str) -> String {
    format!(
        "sleep {mark} & setsid sleep {mark} & (setsid sh -c 'sleep {mark} & sleep {mark}' &) ; "
    )
}

/// How many processes bear the mark of such a crowd at last, the shells included.
const CROWD: usize = 5;

#[rstest]
#[tokio::test]
async fn a_body_goes_through_a_program(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    // More than all pipes hold, in both directions at once.
    let body = "0123456789abcdef".repeat(1 << 19);
    for query in [
        &[("script", "cat")][..],
        &[("script", "cat"), ("stream", "true")],
    ] {
        let answer = send(run(&lane, query, body.clone())).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.text == body);
    }
}

#[rstest]
#[tokio::test]
async fn exit_codes_become_statuses(#[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode) {
    let lane = lane::of(mode, &[]);
    let accepted = script(&lane, "echo none; exit 1").await;
    assert_eq!((accepted.status, &*accepted.text), (200, "none\n"));
    assert_eq!(accepted.header("x-code"), Some("1"));

    let refused = script(&lane, "echo 'page 7 is torn' >&2; exit 2").await;
    assert_eq!(
        (refused.status, refused.reason()),
        (422, "no_good".to_owned())
    );
    assert_eq!(refused.json()["detail"], "page 7 is torn");

    for (broken, why) in [
        ("echo 'no fonts' >&2; exit 3", "ended with code 3: no fonts"),
        ("kill -SEGV $$", "ended with code 139"),
    ] {
        let answer = script(&lane, broken).await;
        assert_eq!(
            (answer.status, answer.reason()),
            (500, "internal".to_owned())
        );
        assert!(!answer.text.contains("fonts"), "{}", answer.text);
        lane.logged(|line| line["why"].as_str().is_some_and(|said| said.contains(why)))
            .await;
    }
    let missing = [("script", ""), ("program", "no-such-program")];
    assert_eq!(send(run(&lane, &missing, "")).await.status, 500);
    lane.logged(|line| {
        let why = line["why"].as_str().unwrap_or_default();
        why.contains("no-such-program cannot be run: No such file")
    })
    .await;
    assert_eq!(script(&lane, "true").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn nothing_that_a_program_has_started_outlives_it(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let mark = mark();
    let left = script(&lane, &format!("{} echo done", crowd(&mark))).await;
    assert_eq!((left.status, &*left.text), (200, "done\n"));
    until_named(&mark, 0).await;
    no_zombies(lane.pid()).await;
}

#[derive(Debug, Clone, Copy)]
enum Reason {
    ClientLeaves,
    Deadline,
    ComputingProcessIsKilled,
    LaneIsKilled,
    LaneIsInterrupted,
}
use Reason::{ClientLeaves, ComputingProcessIsKilled, Deadline, LaneIsInterrupted, LaneIsKilled};

#[rstest]
#[tokio::test]
async fn a_program_ends_with_its_request_and_so_does_all_that_it_has_started(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
    #[values(
        ClientLeaves,
        Deadline,
        ComputingProcessIsKilled,
        LaneIsKilled,
        LaneIsInterrupted
    )]
    reason: Reason,
    #[values(false, true)] stream: bool,
) {
    let mut lane = lane::of(mode, &[]);
    let mark = mark();
    let endless = format!("echo begun; {} sleep {mark}", crowd(&mark));
    let stream = stream.to_string();
    let request = run(&lane, &[("script", &*endless), ("stream", &*stream)], "");
    let request = match reason {
        Deadline => request.header("x-timeout", "0.5"),
        _ => request,
    };
    let request = tokio::spawn(try_send(request));
    if !matches!(reason, Deadline) {
        until_named(&mark, CROWD + 2).await;
    }
    match reason {
        ClientLeaves => request.abort(),
        Deadline => {
            let answer = request.await.unwrap();
            assert!(answer.is_err() || answer.unwrap().status == 504);
        }
        ComputingProcessIsKilled => signal(lane.until_computing().await, Signal::KILL),
        LaneIsKilled => lane.signal(Signal::KILL),
        LaneIsInterrupted => lane.signal(Signal::INT),
    }
    until_named(&mark, 0).await;
    let is_over = matches!(
        (mode, reason),
        (_, LaneIsKilled | LaneIsInterrupted) | (Blocking | Threads, ComputingProcessIsKilled)
    );
    if is_over {
        lane.wait_for_exit();
    } else {
        no_zombies(lane.pid()).await;
        let next = script(&lane, "echo next").await;
        assert_eq!((next.status, &*next.text), (200, "next\n"));
    }
}

/// The keeper is small and ends what it keeps; without one, the kernel ends the program itself.
#[rstest]
#[tokio::test]
async fn a_keeper_that_is_killed_takes_its_program_along(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let mark = mark();
    let script = format!("exec sleep {mark}");
    let request = tokio::spawn(send(run(&lane, &[("script", &script)], "")));
    until_named(&mark, 1).await;
    let below = descendants(lane.pid()).into_iter();
    let mut keepers = below.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).nth(1) == Some(b"keep")
    });
    signal(keepers.next().unwrap(), Signal::KILL);
    assert_eq!(request.await.unwrap().reason(), "worker_crashed");
    until_named(&mark, 0).await;
}

#[rstest]
#[tokio::test]
async fn a_program_has_limits_of_its_own(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let busy = [("script", "while :; do :; done"), ("cpu_seconds", "1")];
    let answer = send(run(&lane, &busy, "")).await;
    assert_eq!(
        (answer.status, answer.reason()),
        (504, "request_timeout".to_owned())
    );

    let large = [
        ("script", "head -c 3000000 /dev/zero > file"),
        ("file_mib", "2"),
    ];
    assert_eq!(send(run(&lane, &large, "")).await.status, 500);

    let hungry = "head -c 64M /dev/zero | tail -c 64M | wc -c";
    let hungry = [("script", hungry), ("memory_mib", "32")];
    let answer = send(run(&lane, &hungry, "")).await;
    assert_ne!(answer.text.trim(), "67108864");

    let chatty = [("script", "yes"), ("limit", "1000000")];
    assert_eq!(send(run(&lane, &chatty, "")).await.status, 500);
    lane.logged(|line| {
        let why = line["why"].as_str().unwrap_or_default();
        why.contains("ended with code 153")
    })
    .await;
    assert_eq!(script(&lane, "true").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_program_has_a_folder_that_goes_with_its_request(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let answer = script(&lane, "echo x > file; pwd; echo $HOME; echo $TMPDIR; ls").await;
    let lines: Vec<_> = answer.text.lines().collect();
    let [folder, home, temporary, "file"] = lines[..] else {
        panic!("{lines:?}");
    };
    assert!(folder == home && folder == temporary);
    until(|| !Path::new(folder).exists()).await;

    let mark = mark();
    let endless = format!("echo x > file; sleep {mark}");
    let request = run(&lane, &[("script", &*endless)], "");
    let request = tokio::spawn(try_send(request));
    // The shell, and what it waits for.
    until_named(&mark, 2).await;
    let at = format!("/proc/{}/cwd", named(&mark)[0]);
    let folder = fs::read_link(at).unwrap();
    assert!(folder.join("file").exists());
    request.abort();
    until(|| !folder.exists()).await;
}

async fn until(wanted: impl Fn() -> bool) {
    let start = Instant::now();
    while !wanted() {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[rstest]
#[tokio::test]
async fn a_program_gets_no_setting_of_the_service(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut command = onelane();
    command.args(["--mode", &mode.to_string()]);
    command.env("ONELANE_QUEUE_MAX", "7").env("COLOUR", "red");
    let lane = Lane::run(command);
    let answer = script(&lane, "env").await;
    assert!(answer.text.contains("COLOUR=red"), "{}", answer.text);
    assert!(!answer.text.contains("ONELANE_"), "{}", answer.text);
}

/// Any descriptor beside its standard streams would be one that the server uses.
#[rstest]
#[tokio::test]
async fn a_program_has_three_descriptors(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let answer = script(&lane, "exec ls /proc/self/fd").await;
    // The last is that of the folder which it lists.
    assert_eq!(answer.text, "0\n1\n2\n3\n");
    assert!(exists(lane.pid()));
}

#[rstest]
#[tokio::test]
async fn a_stream_that_fails_late_breaks(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let early = [
        ("script", "echo some; echo bad >&2; exit 2"),
        ("stream", "true"),
    ];
    assert_eq!(send(run(&lane, &early, "")).await.reason(), "no_good");
    let late = [
        ("script", "head -c 1000000 /dev/zero; exit 2"),
        ("stream", "true"),
    ];
    try_send(run(&lane, &late, "")).await.unwrap_err();
    assert_eq!(script(&lane, "true").await.status, 200);
}
