use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rstest::rstest;
use rustix::process::{Resource, Signal};

use super::process::{Process, computing, until};
use super::request::{LOST, assert_lost, counted, exits, named, restarts};
use super::user::FreshUser;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, PATIENCE, onelane};

#[rstest]
#[tokio::test]
async fn a_child_that_uses_too_much_cpu_time_is_stopped(#[values(Fork, Pool)] mode: Mode) {
    let lane = lane::with_slots(
        mode,
        2,
        &["--child-cpu-time", "1s", "--request-timeout", "1h"],
    );
    let (spinning, sleeping) =
        tokio::join!(lane.get("/wait?ms=120000"), lane.get("/sleep?ms=2000"),);
    assert_eq!(
        (spinning.status, spinning.reason().as_str()),
        (504, "request_timeout")
    );
    assert_eq!(sleeping.status, 200);
    counted(&lane, &exits("cpu_limit"), 1.0).await;
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_child_that_uses_too_much_memory_dies_alone(#[values(Fork, Pool)] mode: Mode) {
    let flags = ["--child-memory-mib", "40", "--request-timeout", "20s"];
    let lane = lane::with_slots(mode, 2, &flags);
    let glutton = async {
        computing(&lane, "bystander").await;
        named(&lane, "/allocate?mib=100", "glutton").await
    };
    let (bystander, glutton) = tokio::join!(named(&lane, "/sleep?ms=500", "bystander"), glutton);
    assert_eq!(bystander.unwrap().status, 200);
    assert_lost(glutton);
    counted(&lane, LOST, 1.0).await;
    counted(&lane, &exits("crashed"), 1.0).await;
    counted(
        &lane,
        &restarts("crashed"),
        f64::from(u8::from(mode == Pool)),
    )
    .await;
    // The limit is what it says: a good part of it can be had, again and again.
    for _ in 0..3 {
        assert_eq!(lane.get("/allocate?mib=20").await.status, 200);
    }
}

/// Far more than an idle process has, and less than the request needs.
const DATA_LIMIT: Option<u64> = Some(100 << 20);
const TOO_MUCH: &str = "/allocate?mib=200";

/// In a container the kernel ends it instead, to the same effect.
#[rstest]
#[tokio::test]
async fn a_server_that_runs_out_of_memory_ends_and_its_caller_notices_at_once(
    #[values(Blocking, Threads)] mode: Mode,
) {
    let mut lane = lane::of(mode, &[]);
    Process::of(&lane).limit(Resource::Data, DATA_LIMIT);
    let err = named(&lane, TOO_MUCH, "glutton").await.unwrap_err();
    assert!(!err.is_timeout(), "{err:?}");
    let signal = lane.wait_for_exit().signal();
    assert_eq!(signal, Some(Signal::ABORT.as_raw()));
}

#[tokio::test]
async fn a_worker_that_runs_out_of_memory_is_lost_with_its_request_alone() {
    let lane = lane::of(Cluster, &[]);
    lane.until_ready().await;
    let worker = Process::of(&lane).children().remove(0);
    worker.limit(Resource::Data, DATA_LIMIT);
    assert_lost(named(&lane, TOO_MUCH, "glutton").await);
    counted(&lane, LOST, 1.0).await;
    counted(&lane, &exits("crashed"), 1.0).await;
    assert_eq!(lane.get("/fast").await.status, 200);
}

const FREE_PORTS: &[&str] = &["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];

#[tokio::test]
async fn a_child_has_two_pipes_and_its_limits_and_nothing_else_of_its_server() {
    let lane = lane::of(
        Fork,
        &["--child-memory-mib", "70", "--child-cpu-time", "3s"],
    );
    let look = async {
        let child = computing(&lane, "limited").await;
        // It is seen before it has set its limits.
        until("its limits", || {
            child.limits().contains("Max cpu time              4 ")
        })
        .await;
        // Beside what it had when it was forked.
        let inherited = Process::of(&lane).children()[0].data_bytes();
        let more = child.data_limit() - (70 << 20);
        assert!(
            (inherited / 2..inherited * 2).contains(&more),
            "{more} of {inherited}"
        );
        child.files()
    };
    let files = tokio::select! {
        _ = named(&lane, "/sleep?ms=60000", "limited") => unreachable!(),
        files = look => files,
    };
    let pipes = files[3..].iter().filter(|file| file.starts_with("pipe:"));
    assert_eq!((files.len(), pipes.count()), (5, 2), "{files:?}");
    assert_eq!(files[0], "/dev/null");
}

fn spawn(mut command: Command) -> Child {
    let command = command.args(FREE_PORTS).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// That it ends by itself, and says why.
fn assert_hopeless(mut server: Child) {
    let start = Instant::now();
    while server.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            server.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(10));
    }
    let output = server.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{log}");
    let last = log.lines().last().unwrap_or_default();
    let wanted = "drills: cannot start: 5 children in a row failed before they were ready";
    assert!(last.starts_with(wanted), "{log}");
}

#[rstest]
#[case::pool("pool", "--slots")]
#[case::fork("fork", "--spare-children")]
#[tokio::test]
async fn children_that_cannot_be_started_end_the_server_with_a_clear_message(
    #[case] mode: &str,
    #[case] flag: &str,
) {
    let Some(user) = FreshUser::new() else {
        return;
    };
    let mut command = user.be(onelane());
    // More than can be there by the time of a look.
    command.args(["--mode", mode, flag, "300"]);
    let pool = spawn(command);
    let server = Process::new(pool.id());
    until("a first child", || server.descendants().len() > 1).await;
    let fork_server = server.children().remove(0);
    fork_server.signal(Signal::STOP);
    user.limit_processes(fork_server, Some(1));
    fork_server.signal(Signal::CONT);
    assert_hopeless(pool);
}

#[test]
fn workers_that_cannot_start_end_the_cluster_with_a_clear_message() {
    let Some(user) = FreshUser::new() else {
        return;
    };
    let mut command = Command::new("prlimit");
    // The parent with its threads for the log and the admin side, and no worker.
    command.arg("--nproc=4").arg(onelane().get_program());
    command.args(["--mode", "cluster", "--slots", "1"]);
    assert_hopeless(spawn(user.be(command)));
}

#[test]
fn a_server_without_a_thread_for_its_log_says_so() {
    let Some(user) = FreshUser::new() else {
        return;
    };
    let mut command = Command::new("prlimit");
    command.arg("--nproc=1").arg(onelane().get_program());
    let output = user.be(command).args(FREE_PORTS).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(71), "{log}");
    assert!(log.starts_with("drills: cannot start: the log: "), "{log}");
}
