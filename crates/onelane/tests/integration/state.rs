use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rstest::rstest;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane, PATIENCE, SPARE_CHILDREN, send, stateful};
use crate::processes;

/// A file that a load waits for, or needs.
struct Gate {
    _folder: TempDir,
    path: PathBuf,
}

impl Gate {
    fn shut() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("gate");
        Self {
            _folder: folder,
            path,
        }
    }

    fn open() -> Self {
        let gate = Self::shut();
        gate.set(true);
        gate
    }

    fn set(&self, open: bool) {
        if open {
            File::create(&self.path).unwrap();
        } else {
            fs::remove_file(&self.path).unwrap();
        }
    }
}

/// A server of this mode whose load has this setting.
fn with(mode: Mode, slots: usize, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = stateful();
    command.args(["--mode", &mode.to_string(), "--slots", &slots.to_string()]);
    command.env(format!("ONELANE_BIG_STATE_{key}"), value);
    command
}

fn waiting_for(gate: &Gate, mode: Mode) -> Lane {
    Lane::begin(with(mode, 1, "UNTIL", &gate.path))
}

#[rstest]
#[tokio::test]
async fn while_it_loads_a_server_tells_everybody_so(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let gate = Gate::shut();
    let lane = waiting_for(&gate, mode);
    lane.logged(|line| line["message"] == "loading" && line["workload"] == "big-state")
        .await;
    let ready = lane.admin("/readyz").await;
    assert_eq!((ready.status, ready.text.as_str()), (503, "starting\n"));
    assert_eq!(lane.admin("/livez").await.status, 200);
    assert_eq!(lane.status().await["phase"], "starting");
    // Also what needs no state: there is one queue for all.
    let early = timeout(PATIENCE, lane.get("/fast")).await;
    let early = early.expect("it answers while it loads");
    assert_eq!((early.status, early.reason().as_str()), (503, "starting"));
    assert!(early.header("retry-after").is_some());
    let held = send(lane.held("/fast", "50")).await;
    assert_eq!((held.status, held.header("x-lane-busy")), (403, Some("1")));
    assert_eq!(lane.get("/").await.status, 200);
    lane.counted("onelane_rejected_total{reason=\"starting\"}", 1.0)
        .await;
    gate.set(true);
    lane.until_ready().await;
    assert_eq!(lane.admin("/readyz").await.status, 200);
    assert_eq!(lane.get("/state").await.status, 200);
    assert_eq!(lane.log(|_| true)[0]["message"], "listening");
}

#[rstest]
#[tokio::test]
async fn a_server_that_loads_ends_at_once_when_it_is_told_to(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
    #[values(Signal::TERM, Signal::INT)] signal: Signal,
) {
    let gate = Gate::shut();
    let mut lane = waiting_for(&gate, mode);
    lane.logged(|line| line["message"] == "loading").await;
    let family = processes::descendants(lane.pid());
    lane.signal(signal);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
    processes::until_gone(&family).await;
}

/// Longer than a fork server or a worker may be silent.
#[rstest]
#[tokio::test]
async fn a_long_load_is_not_taken_for_a_hang(#[values(Blocking, Fork, Pool, Cluster)] mode: Mode) {
    let gate = Gate::shut();
    let lane = waiting_for(&gate, mode);
    tokio::time::sleep(Duration::from_secs(7)).await;
    gate.set(true);
    lane.until_ready().await;
    assert_eq!(lane.get("/state").await.status, 200);
    let complaints = lane.log(|line| line["level"] != "INFO");
    assert!(complaints.is_empty(), "{complaints:?}");
    let loads = lane.log(|line| line["message"] == "loading").len();
    assert_eq!(loads, 1);
}

#[rstest]
#[case::error(
    "NEEDS",
    "/no/model",
    "load",
    "no model: No such file or directory (os error 2)"
)]
#[case::panic("HOW", "with_a_panic", "load", "it panicked: on purpose")]
fn a_load_that_fails_ends_the_server_with_one_clear_line_and_4(
    #[case] key: &str,
    #[case] value: &str,
    #[case] what: &str,
    #[case] why: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let slots = if mode == Blocking { 1 } else { 3 };
    let line = failed(with(mode, slots, key, value), 4);
    assert_eq!(
        line,
        format!("drills: cannot {what} the workload `big-state`: {why}")
    );
}

/// The one line that is not of the log, of a server that ends with this code.
#[track_caller]
fn failed(mut command: Command, code: i32) -> String {
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while server.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            server.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(2));
    }
    let output = server.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let is_json = |line: &&str| serde_json::from_str::<Value>(line).is_ok();
    let mut lines = stderr.lines().filter(|line| !is_json(line));
    let line = lines.next().expect("a line for people").to_owned();
    assert_eq!(lines.next(), None, "{stderr}");
    line
}

#[rstest]
fn a_process_that_cannot_enter_ends_the_server(#[values(Blocking, Threads, Cluster)] mode: Mode) {
    let line = failed(with(mode, 1, "HOW", "without_a_way_in"), 4);
    assert_eq!(
        line,
        "drills: cannot enter the workload `big-state`: no way in"
    );
}

#[rstest]
fn a_thread_that_is_left_running_fails_the_load_where_it_would_be_missing(
    #[values(Fork, Pool)] mode: Mode,
) {
    let line = failed(with(mode, 2, "HOW", "leaving_a_thread"), 4);
    let wanted = "drills: cannot load the workload `big-state`: threads are left running (1)";
    assert!(line.starts_with(wanted), "{line}");
}

#[tokio::test]
async fn a_thread_that_is_left_running_is_fine_elsewhere() {
    let lane = Lane::run(with(Blocking, 1, "HOW", "leaving_a_thread"));
    assert_eq!(lane.get("/state").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn it_is_loaded_once_and_entered_in_every_process_that_computes(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let slots = if mode == Blocking { 1 } else { 3 };
    let lane = Lane::run(with(mode, slots, "MIB", "1"));
    lane.until_ready().await;
    let requests = (0..slots).map(|_| lane.get("/state?sleep_ms=300"));
    let loader = match mode {
        Fork | Pool => Some(processes::children(lane.pid())[0]),
        Blocking | Threads => Some(lane.pid()),
        Cluster => None,
    };
    for answer in join_all(requests).await {
        let state = answer.json();
        let pid = state["pid"].as_u64().unwrap();
        assert_eq!(state["entered_by"], json!([pid]));
        assert_eq!(state["loaded_by"], loader.unwrap_or(pid));
    }
}

const MODEL_MIB: u64 = 48;

/// The memory of a process in bytes. What it shares counts as its part of that.
fn share(pid: u64) -> u64 {
    let path = format!("/proc/{pid}/smaps_rollup");
    let rollup = fs::read_to_string(path).unwrap();
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = pss.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<u64>().unwrap() << 10
}

#[rstest]
#[tokio::test]
async fn children_share_what_was_loaded(#[values(Fork, Pool)] mode: Mode) {
    let lane = Lane::run(with(mode, 4, "MIB", MODEL_MIB.to_string()));
    let requests = join_all((0..4).map(|_| lane.get("/state?sleep_ms=3600000")));
    let look = async {
        lane.until_busy(4).await;
        // Which all of them read, before they sleep.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let fork_server = processes::children(lane.pid())[0];
        let children = processes::children(fork_server);
        children.into_iter().map(share).collect::<Vec<_>>()
    };
    let shares = tokio::select! {
        _ = requests => unreachable!("they sleep"),
        shares = look => shares,
    };
    let idle = if mode == Fork { SPARE_CHILDREN } else { 0 };
    assert_eq!(shares.len(), 4 + idle);
    // A part each, for there are five or more, and some of their own.
    let most = (MODEL_MIB << 20) / 3;
    assert!(shares.iter().all(|share| *share < most), "{shares:?}");
}

#[rstest]
#[tokio::test]
async fn the_limit_of_a_childs_memory_is_for_what_it_does_not_share(
    #[values(Fork, Pool)] mode: Mode,
) {
    let mut command = with(mode, 1, "MIB", "100");
    command.args(["--child-memory-mib", "40"]);
    let lane = Lane::run(command);
    assert_eq!(lane.get("/state").await.json()["bytes"], 100 << 20);
    assert_eq!(lane.get("/allocate?mib=20").await.status, 200);
    assert_eq!(
        lane.get("/allocate?mib=60").await.reason(),
        "worker_crashed"
    );
}

#[rstest]
#[tokio::test]
async fn a_fork_server_that_is_lost_loads_again_while_others_serve(
    #[values(Fork, Pool)] mode: Mode,
) {
    let gate = Gate::open();
    let lane = Lane::run(with(mode, 2, "UNTIL", &gate.path));
    let before = lane.get("/state").await.json()["loaded_by"].as_u64();
    gate.set(false);
    lane::signal(before.unwrap(), Signal::KILL);
    lane.logged_times(2, |line| line["message"] == "loading")
        .await;
    let held = send(lane.held("/state", "50")).await;
    assert_eq!((held.status, held.header("x-lane-busy")), (403, Some("1")));
    let refused = lane.get("/state").await;
    assert_eq!(
        (refused.status, refused.reason().as_str()),
        (503, "spawn_failed")
    );
    gate.set(true);
    lane.logged_times(2, |line| line["message"] == "loaded")
        .await;
    let mut after = lane.get("/state").await;
    while after.status == 503 {
        after = lane.get("/state").await;
    }
    let after = after.json()["loaded_by"].as_u64();
    assert!(after.is_some() && after != before);
}

#[rstest]
#[tokio::test]
async fn a_load_that_fails_later_ends_a_server_that_can_compute_no_more(
    #[values(Fork, Pool)] mode: Mode,
) {
    let gate = Gate::open();
    let mut lane = Lane::run(with(mode, 2, "NEEDS", &gate.path));
    let fork_server = lane.get("/state").await.json()["loaded_by"].as_u64();
    gate.set(false);
    lane::signal(fork_server.unwrap(), Signal::KILL);
    assert_eq!(lane.wait_for_exit().code(), Some(4));
}

#[tokio::test]
async fn workers_that_serve_go_on_while_new_ones_cannot_load() {
    let gate = Gate::open();
    let lane = Lane::run(with(Cluster, 2, "NEEDS", &gate.path));
    let before = lane
        .until_status(|status| status["slots"][1].is_object())
        .await;
    gate.set(false);
    lane.signal(Signal::HUP);
    let line = lane
        .logged(|line| line["message"] == "worker cannot load")
        .await;
    let why = line["why"].as_str().unwrap();
    assert!(
        why.contains("big-state") && why.contains("no model"),
        "{why}"
    );
    assert_eq!(lane.get("/state").await.status, 200);
    gate.set(true);
    lane.until_status(|status| status["children"]["exited"]["reload"] == 2)
        .await;
    let after = lane.get("/state").await.json()["pid"].clone();
    let old = |slot: &Value| slot["pid"] == after;
    assert!(!before["slots"].as_array().unwrap().iter().any(old));
}
