use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;

use super::process::{Process, children, computing};
use super::request::{exits, named};
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, send};

/// Longer than a worker may be silent.
const PAUSE: Duration = Duration::from_millis(5500);

/// A debugger stops one process, `docker pause` all of them.
#[rstest]
#[tokio::test]
async fn a_pause_costs_no_worker_and_no_request(#[values(false, true)] of_all: bool) {
    let lane = lane::with_slots(Cluster, 2, &["--request-timeout", "1h"]);
    let paused = async {
        computing(&lane, "long").await;
        let workers = children(&lane, 2).await;
        let mut stopped = vec![Process::of(&lane)];
        if of_all {
            stopped.extend(&workers);
        }
        for process in &stopped {
            process.signal(Signal::STOP);
        }
        tokio::time::sleep(PAUSE).await;
        for process in &stopped {
            process.signal(Signal::CONT);
        }
        // It looks after those that it has before it starts one more.
        lane.signal(Signal::TTIN);
        lane.logged_times(3, |line| line["message"] == "worker listening")
            .await;
        assert!(workers.iter().all(|worker| worker.is_alive()));
    };
    tokio::select! {
        () = paused => {}
        outcome = named(&lane, "/sleep?ms=3600000", "long") => panic!("{outcome:?}"),
    }
    let silent = |line: &Value| line["message"] == "worker is silent";
    assert!(lane.log(silent).is_empty());
    assert_eq!(lane.metric(&exits("hung")).await, 0.0);
}

/// `docker pause`, or a laptop that is closed. Elsewhere everything that had waited or computed was given up at
/// the first look afterwards. Right is that it goes on.
#[rstest]
#[tokio::test]
async fn when_all_processes_stand_still_requests_go_on_afterwards(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let slots = if mode == Blocking { 1 } else { 2 };
    let lane = lane::with_slots(mode, slots, &["--queue-timeout", "1h"]);
    lane.until_ready().await;
    let requests = join_all((0..11).map(|_| {
        let request = lane.request(Method::GET, "/sleep?ms=200");
        send(request)
    }));
    let paused = async {
        lane.until_busy(slots).await;
        let mut stopped = vec![Process::of(&lane)];
        stopped.extend(Process::of(&lane).descendants());
        for process in &stopped {
            process.signal(Signal::STOP);
        }
        tokio::time::sleep(PAUSE).await;
        for process in &stopped {
            process.signal(Signal::CONT);
        }
    };
    let (answers, ()) = tokio::join!(requests, paused);
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert!(lane.log(|line| line["level"] == "ERROR").is_empty());
    for cause in ["hung", "crashed", "deadline"] {
        assert_eq!(lane.metric(&exits(cause)).await, 0.0, "{cause}");
    }
}
