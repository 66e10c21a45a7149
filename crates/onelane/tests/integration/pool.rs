use std::collections::BTreeSet;

use reqwest::Method;
use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;

use crate::lane::Mode::Pool;
use crate::lane::{self, send};
use crate::processes;

fn alive(status: &Value) -> BTreeSet<u64> {
    let children = status["children"]["alive"].as_array().unwrap().iter();
    children
        .map(|child| child["pid"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn all_children_are_there_before_the_first_request() {
    let lane = lane::start(&["--mode", "pool"]);
    let status = lane.status().await;
    assert_eq!(
        (alive(&status).len(), &status["children"]["spawned"]),
        (7, &7.into())
    );
}

#[tokio::test]
async fn the_child_that_was_used_last_is_used_next() {
    let lane = lane::with_slots(Pool, 3, &[]);
    let (slow, quick, quickest) = tokio::join!(
        lane.get("/sleep?ms=500"),
        lane.get("/sleep?ms=300"),
        lane.get("/sleep?ms=100"),
    );
    let [slow, quick, quickest] = [slow, quick, quickest].map(|answer| answer.pid());
    assert_eq!(BTreeSet::from([slow, quick, quickest]).len(), 3);
    for _ in 0..3 {
        assert_eq!(lane.get("/fast").await.pid(), slow);
    }
    // Two at once: the one that was used before that, too.
    let (first, second) = tokio::join!(lane.get("/sleep?ms=200"), async {
        lane.until_busy(1).await;
        lane.get("/fast").await.pid()
    });
    assert_eq!((first.pid(), second), (slow, quick));
}

#[tokio::test]
async fn a_child_that_has_served_its_number_stays_until_its_successor_is_ready() {
    let lane = lane::of(Pool, &["--max-requests", "3"]);
    let fork_server = processes::children(lane.pid())[0];
    // The fork server can start no child now.
    lane::signal(fork_server, Signal::STOP);
    let first = lane.get("/fast").await.pid();
    for _ in 0..5 {
        assert_eq!(lane.get("/fast").await.pid(), first);
    }
    let recycled = "onelane_worker_restarts_total{cause=\"recycled\"}";
    assert_eq!(lane.metric(recycled).await, 1.0);
    lane::signal(fork_server, Signal::CONT);
    lane.until_status(|status| status["children"]["exited"]["recycled"] == 1)
        .await;
    let status = lane.status().await;
    assert_eq!(
        (alive(&status).len(), &status["children"]["spawned"]),
        (1, &2.into())
    );
    assert!(!alive(&status).contains(&first));
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[tokio::test]
async fn children_are_recycled_for_ever_and_no_client_notices() {
    let lane = lane::with_slots(Pool, 2, &["--max-requests", "2"]);
    let mut pids = BTreeSet::new();
    // A spent child serves on until its successor is there, which takes its time.
    while pids.len() < 10 {
        pids.insert(lane.get("/fast").await.pid());
        assert!(alive(&lane.status().await).len() >= 2);
    }
    let status = lane.until_status(|status| alive(status).len() == 2).await;
    let (spawned, exited) = (
        &status["children"]["spawned"],
        &status["children"]["exited"],
    );
    assert_eq!(spawned.as_u64().unwrap() - 2, exited["recycled"]);
}

#[tokio::test]
async fn waiting_for_a_child_and_computing_have_one_limit_together() {
    let lane = lane::of(Pool, &["--request-timeout", "2s"]);
    // A child that was of use is replaced without a pause.
    let child = lane.get("/fast").await.pid();
    let fork_server = processes::children(lane.pid())[0];
    lane::signal(fork_server, Signal::STOP);
    lane::signal(child, Signal::KILL);
    processes::until_gone(&[child]).await;
    let start = async {
        let has_waited =
            |status: &Value| status["slots"][0]["request_age_ms"].as_u64() > Some(1000);
        lane.until_status(has_waited).await;
        lane::signal(fork_server, Signal::CONT);
    };
    let (answer, ()) = tokio::join!(lane.get("/sleep?ms=1800"), start);
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (504, "request_timeout")
    );
}

#[rstest]
#[case::overran("deadline")]
#[case::lost_its_client("cancelled")]
#[case::was_killed("crashed")]
#[tokio::test]
async fn a_child_is_not_used_again_if_it(#[case] cause: &str) {
    let lane = lane::of(Pool, &[]);
    let before = alive(&lane.status().await);
    let work = lane.request(Method::GET, "/sleep?ms=60000");
    let seconds = if cause == "deadline" { "0.2" } else { "60" };
    let work = send(work.header("x-timeout", seconds));
    let disturb = async {
        let pid = lane.until_computing().await;
        if cause == "cancelled" {
            return;
        }
        if cause == "crashed" {
            lane::signal(pid, Signal::KILL);
        }
        std::future::pending::<()>().await;
    };
    tokio::select! { _ = work => {}, () = disturb => {} }
    lane.until_status(|status| status["children"]["exited"][cause] == 1)
        .await;
    let status = lane.until_status(|status| alive(status).len() == 1).await;
    let after = alive(&status);
    assert!(before.is_disjoint(&after));
    assert_eq!(after, BTreeSet::from([lane.get("/fast").await.pid()]));
    let restarts = format!("onelane_worker_restarts_total{{cause=\"{cause}\"}}");
    assert_eq!(lane.metric(&restarts).await, 1.0);
}
