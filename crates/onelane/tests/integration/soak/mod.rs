//! Full load on each mode while its children are killed at random; and then the books have to
//! balance. `SOAK_SECONDS=30` for more than a moment.

// Clients that ask on and on, and a killer of children.
mod load;
// What clients, log and metrics say of the same requests.
mod books;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane};
use crate::processes;
use books::Books;

const CLIENTS: usize = 8;

/// A queue that is too short and too slow for all of them, and children that come and go anyway.
const FLAGS: &[&str] = &[
    "--queue-max",
    "4",
    "--queue-timeout",
    "100ms",
    "--max-requests",
    "100",
    "--log-level",
    "debug",
];

#[rstest]
#[tokio::test]
async fn after_full_load_and_random_kills_the_books_balance(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let slots = if mode == Blocking { 1 } else { 2 };
    let mut lane = lane::with_slots(mode, slots, FLAGS);
    let end = Instant::now() + duration();
    let clients = (0..CLIENTS).map(|number| load::ask(&lane, number, end));
    let (outcomes, kills) = tokio::join!(join_all(clients), load::kill(&lane, end));

    let killed = kills.len() as u64;
    let books = Books {
        mode,
        outcomes: outcomes.into_iter().flatten().collect(),
        kills,
    };
    books.check(&lane).await;
    check_children(mode, slots, killed, &lane).await;

    let all = processes::descendants(lane.pid());
    lane.signal(Signal::TERM);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
    processes::until_gone(&all).await;
}

fn duration() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").map_or(3, |seconds| seconds.parse().unwrap());
    Duration::from_secs(seconds)
}

/// Every child that was started is there, or was reaped, and every one that was killed counts as crashed.
async fn check_children(mode: Mode, slots: usize, killed: u64, lane: &Lane) {
    let expected = mode.children_at_rest(slots);
    let alive = |status: &Value| status["children"]["alive"].as_array().unwrap().len();
    let status = lane.until_status(|status| alive(status) == expected).await;
    let children = &status["children"];
    let exited = children["exited"].as_object().unwrap();
    let exits: u64 = exited.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(children["spawned"], exits + expected as u64, "{children}");
    let crashed = exited
        .get("crashed")
        .map_or(0, |count| count.as_u64().unwrap());
    // A child that was about to end anyway may have been killed too late to count, but not all of them.
    assert!(crashed <= killed, "{crashed} of {killed}: {children}");
    assert!(crashed > 0 || killed < 4, "none of {killed}: {children}");
}
