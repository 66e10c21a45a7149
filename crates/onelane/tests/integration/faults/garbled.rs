use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::thread;

use rstest::rstest;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::process::{Process, children, computing, until};
use super::request::{LOST, assert_lost, counted, disturb, exits, named};
use crate::lane;
use crate::lane::Mode::{self, Cluster, Fork, Pool};

/// A message as processes send it to each other: its length in four bytes, then JSON.
fn frame(message: &Value) -> Vec<u8> {
    let json = message.to_string().into_bytes();
    let length = u32::try_from(json.len()).unwrap();
    [length.to_be_bytes().to_vec(), json].concat()
}

/// A message of the longest length that is taken, and more than that of what is no JSON.
fn flood() -> Vec<u8> {
    let mut bytes = u32::to_be_bytes(16 << 20).to_vec();
    bytes.resize(20 << 20, b'x');
    bytes
}

#[rstest]
#[case::no_json(b"\0\0\0\x02{{".to_vec())]
#[case::another_message(b"\0\0\0\x04null".to_vec())]
#[case::longer_than_is_taken(vec![0xff; 4])]
#[case::a_flood(flood())]
#[tokio::test]
async fn a_child_that_talks_nonsense_is_killed_and_its_request_is_lost(
    #[case] nonsense: Vec<u8>,
    #[values(Fork, Pool)] mode: Mode,
) {
    let lane = lane::with_slots(mode, 2, &["--request-timeout", "20s"]);
    let outcome = disturb(&lane, async |child| {
        let mut answers = child.answers();
        // Fails once the server no longer reads the pipe.
        thread::spawn(move || answers.write_all(&nonsense).ok());
    });
    assert_lost(outcome.await);
    assert_eq!(lane.metric(LOST).await, 1.0);
    counted(&lane, &exits("garbled"), 1.0).await;
    assert_eq!(lane.get("/fast").await.status, 200);
    let kib = Process::of(&lane).resident_kib();
    assert!(kib < 100 << 10, "{kib} KiB");
}

#[tokio::test]
async fn what_a_pooled_child_says_unasked_answers_no_request() {
    let lane = lane::with_slots(Pool, 2, &[]);
    // A valid answer, but there was no request.
    let nothing = json!({"secs": 0, "nanos": 0});
    let head = json!({"status": 200, "content_type": "application/json", "headers": []});
    let used = json!({"cpu": nothing, "max_rss_bytes": 0});
    let body = b"{\"number\":8}";
    let forged = json!({"Whole": [head, body.len(), {"compute": nothing, "used": used}]});
    for child in children(&lane, 2).await {
        let forged = [&frame(&forged)[..], body].concat();
        child.answers().write_all(&forged).unwrap();
    }
    let answer = lane.get("/echo?number=7").await;
    assert_eq!(
        (answer.status, answer.json()["number"].as_u64()),
        (200, Some(7))
    );
    counted(&lane, &exits("garbled"), 2.0).await;
}

#[rstest]
#[tokio::test]
async fn a_child_whose_pipe_another_process_holds_open_is_missed_all_the_same(
    #[values(Fork, Pool)] mode: Mode,
) {
    let lane = lane::with_slots(mode, 2, &["--request-timeout", "20s"]);
    let mut held = None;
    let outcome = disturb(&lane, async |child| {
        held = Some(child.answers());
        child.signal(Signal::KILL);
    });
    assert_lost(outcome.await);
    assert!(held.is_some());
}

#[rstest]
#[tokio::test]
async fn whatever_a_process_has_started_ends_with_it(#[values(Fork, Pool, Cluster)] mode: Mode) {
    let lane = lane::with_slots(mode, 2, &["--request-timeout", "20s"]);
    let mut started = None;
    let outcome = disturb(&lane, async |child| {
        let mut sleep = Command::new("sleep");
        let group = child.id().cast_signed();
        started = Some(sleep.arg("3600").process_group(group).spawn().unwrap());
        child.signal(Signal::KILL);
    });
    assert_lost(outcome.await);
    let mut started = started.unwrap();
    let sleep = Process::new(started.id());
    until("gone", || !sleep.is_alive()).await;
    started.wait().unwrap();
}

#[rstest]
#[tokio::test]
async fn what_a_request_has_started_is_not_told_to_finish(
    #[values(Signal::HUP, Signal::TERM)] signal: Signal,
) {
    let lane = lane::of(Cluster, &[]);
    let told = async {
        let worker = computing(&lane, "running").await;
        let mut sleep = Command::new("sleep");
        let group = worker.id().cast_signed();
        let started = sleep.arg("3600").process_group(group).spawn().unwrap();
        lane.signal(signal);
        started
    };
    let (answer, mut started) = tokio::join!(named(&lane, "/sleep?ms=1000", "running"), told);
    assert_eq!(answer.unwrap().status, 200);
    // But what the worker leaves behind is killed.
    let status = started.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::KILL.as_raw()));
}
