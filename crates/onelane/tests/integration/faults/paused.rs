use std::time::Duration;

use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;

use super::process::{Process, children, computing};
use super::request::{exits, named};
use crate::lane::Lane;
use crate::lane::Mode::Cluster;

/// Longer than a worker may be silent.
const PAUSE: Duration = Duration::from_millis(5500);

/// A debugger stops one process, `docker pause` all of them.
#[rstest]
#[tokio::test]
async fn a_pause_costs_no_worker_and_no_request(#[values(false, true)] of_all: bool) {
    let lane = Lane::with_slots(Cluster, 2, &["--request-timeout", "1h"]);
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
