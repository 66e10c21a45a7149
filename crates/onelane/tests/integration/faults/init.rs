use std::process::Command;

use futures_util::future::join_all;
use rstest::rstest;
use rustix::process::{Signal, getuid};

use super::process::{Process, until};
use super::request::{named, until_served};
use super::skip;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{Lane, SPARE_CHILDREN, onelane};

/// A command that is first in a world of processes of its own.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child"]);
    if !getuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
}

/// The server, and the process that it is.
fn first(mode: Mode) -> Option<(Lane, Process)> {
    let possible = unshare().arg("true").status();
    if !possible.is_ok_and(|status| status.success()) {
        skip("no process may be the first of its own namespace");
        return None;
    }
    let slots = if mode == Blocking { "1" } else { "2" };
    let mut command = unshare();
    command.arg(onelane().get_program());
    command.args([
        "--mode",
        &mode.to_string(),
        "--slots",
        slots,
        "--request-timeout",
        "1h",
    ]);
    let lane = Lane::run(command);
    let server = Process::of(&lane).children().remove(0);
    Some((lane, server))
}

#[rstest]
#[tokio::test]
async fn a_first_process_serves_and_ends_like_any_other(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let Some((mut lane, server)) = first(mode) else {
        return;
    };
    let answer = lane.get("/fast").await;
    assert_eq!(answer.status, 200);
    if matches!(mode, Blocking | Threads) {
        assert_eq!(answer.pid(), 1);
    }
    let end = async {
        lane.until_busy(1).await;
        server.signal(Signal::TERM);
    };
    let (running, ()) = tokio::join!(lane.get("/sleep?ms=500"), end);
    assert_eq!(running.status, 200);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

/// Leaves processes behind, which fall to the server and end.
fn leave(server: Process, count: usize) {
    let mut enter = Command::new("nsenter");
    if !getuid().is_root() {
        enter.arg("--user");
    }
    let pid = server.id().to_string();
    let each = format!("for each in $(seq {count}); do sleep 0.3 >/dev/null 2>&1 & done");
    enter.args(["--target", &pid, "--pid", "sh", "-c", &each]);
    assert!(enter.status().unwrap().success());
}

/// Elsewhere zombies fill the table of processes of a container. Right: they are reaped in every mode, however much
/// there is to do.
#[tokio::test]
async fn a_first_process_reaps_what_others_leave_to_it() {
    join_all([Blocking, Threads, Fork, Pool, Cluster].map(reaps)).await;
}

async fn reaps(mode: Mode) {
    let Some((lane, server)) = first(mode) else {
        return;
    };
    lane.until_ready().await;
    let before = server.children().len();
    leave(server, 30);
    assert!(server.children().len() >= before + 30);
    let busy = async {
        loop {
            assert_eq!(lane.get("/fast").await.status, 200);
        }
    };
    let reaped = until("reaped", || server.children().len() <= before);
    tokio::select! { () = reaped => {}, () = busy => {} }
}

/// A workload may start a program and ask later how it ended: elsewhere a reaper was first.
#[tokio::test]
async fn a_first_process_leaves_the_programs_of_a_workload_to_the_workload() {
    join_all([Blocking, Threads, Fork, Pool, Cluster].map(leaves)).await;
}

async fn leaves(mode: Mode) {
    let Some((lane, server)) = first(mode) else {
        return;
    };
    let answer = lane.get("/program?seconds=3").await;
    assert_eq!((answer.status, &answer.json()["code"]), (200, &7.into()));
    until("reaped", || {
        !server.descendants().iter().any(|it| it.is_zombie())
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn a_first_process_reaps_the_children_of_a_fork_server_that_was_killed(
    #[values(Fork, Pool)] mode: Mode,
) {
    let Some((lane, server)) = first(mode) else {
        return;
    };
    let fork_server = server.children().remove(0);
    let killed = async {
        lane.until_busy(2).await;
        let family = server.descendants();
        fork_server.signal(Signal::KILL);
        family
    };
    let requests = join_all((0..2).map(|_| named(&lane, "/sleep?ms=3600000", "lost")));
    let (_, family) = tokio::join!(requests, killed);
    let idle = if mode == Fork { SPARE_CHILDREN } else { 0 };
    assert_eq!(family.len(), 3 + idle);
    until_served(&lane).await;
    until("reaped", || {
        !family
            .iter()
            .any(|process| process.is_alive() || process.is_zombie())
    })
    .await;
}
