//! What a lane says to nginx, by what it was asked and by what it is doing. What nginx does then is in
//! `tests/deploy/hops.rs`.
//!
//! A cluster is not among the modes: it lets requests wait in the kernel, where no process reads how they ask.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use reqwest::RequestBuilder;
use rstest::rstest;
use rustix::process::Signal;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Answer, Lane, send};

/// How nginx asks, from the first round on, and a client of the lane alone.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Asked {
    /// For a slot.
    Look,
    /// For a slot, or else to be let in.
    Ask,
    /// For a slot, or else a first place in the queue.
    Newcomer,
    /// For a slot, or else a place in the queue in exchange for that with another lane.
    Moved,
    Client,
}
use Asked::{Ask, Client, Look, Moved, Newcomer};

const ALL: [Asked; 5] = [Look, Ask, Newcomer, Moved, Client];

/// What becomes of the request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Said {
    /// It is computed.
    Done,
    /// It goes to another lane.
    Busy,
    /// It is refused, for this reason.
    Refused(&'static str),
}
use Said::{Busy, Done, Refused};

const FULL: Said = Refused("queue_full");

fn request(lane: &Lane, asked: Asked) -> RequestBuilder {
    match asked {
        Look => lane.held("/fast", "0"),
        Ask => lane.held("/fast", "0").header("x-lane-place", "ask"),
        Newcomer => lane.held("/fast", "1"),
        Moved => lane.held("/fast", "4").header("x-lane-place", "has"),
        Client => lane.request(reqwest::Method::GET, "/fast"),
    }
}

fn said(answer: &Answer) -> Said {
    match answer.status {
        200 => Done,
        403 => {
            assert_eq!(answer.header("x-lane-busy"), Some("1"));
            assert_eq!(answer.text, "", "nginx would close the connection");
            Busy
        }
        503 => {
            let known = ["queue_full", "queue_timeout", "draining"];
            let reason = known.into_iter().find(|known| *known == answer.reason());
            Refused(reason.expect("one of them"))
        }
        status => panic!("{status}: {}", answer.text),
    }
}

async fn ask(lane: &Lane, asked: Asked) -> Said {
    said(&send(request(lane, asked)).await)
}

/// What is said while one request computes, and so many wait behind it.
async fn while_busy(lane: &Lane, waiting: u64, asked: &[Asked]) -> Vec<Said> {
    let work = async {
        let queue = (0..waiting).map(|_| lane.get("/sleep?ms=60000"));
        let behind = async {
            lane.until("busy", 0).await;
            join_all(queue).await
        };
        tokio::join!(lane.get("/sleep?ms=60000"), behind)
    };
    let answers = async {
        lane.until("busy", waiting).await;
        let mut said = Vec::new();
        for asked in asked {
            said.push(ask(lane, *asked).await);
        }
        said
    };
    tokio::select! { answers = answers => answers, _ = work => unreachable!() }
}

#[rstest]
#[tokio::test]
async fn an_idle_lane_computes_whatever_it_is_asked(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
    #[values(&[][..], &["--queue-max", "0"], &["--queue-timeout", "0s"])] flags: &[&str],
) {
    let lane = lane::of(mode, flags);
    lane.until_ready().await;
    for asked in ALL {
        lane.until("idle", 0).await;
        assert_eq!(ask(&lane, asked).await, Done, "{asked:?}");
    }
}

#[rstest]
#[case::with_room_in_its_queue(&[], 0, &[Look, Ask, Newcomer, Moved], &[Busy, Busy, Busy, Busy])]
#[case::with_a_full_queue(&["--queue-max", "1"], 1, &ALL, &[Busy, FULL, FULL, Busy, FULL])]
#[case::without_a_queue(&["--queue-max", "0"], 0, &ALL, &[Busy, Busy, Busy, Busy, FULL])]
#[case::without_time(&["--queue-timeout", "0s"], 0, &ALL, &[Busy, Busy, Busy, Busy, Refused("queue_timeout")])]
#[tokio::test]
async fn a_busy_lane(
    #[case] flags: &[&str],
    #[case] waiting: u64,
    #[case] asked: &[Asked],
    #[case] expected: &[Said],
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let lane = lane::of(mode, flags);
    lane.until_ready().await;
    assert_eq!(while_busy(&lane, waiting, asked).await, expected);
}

/// Nor is a newcomer refused by a queue that others left half empty.
#[rstest]
#[tokio::test]
async fn a_place_that_a_request_left_is_for_one_that_comes_in_exchange(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let lane = lane::of(mode, &["--queue-max", "3"]);
    lane.until_ready().await;
    let asked = [Ask, Ask, Newcomer, Moved, Newcomer];
    let said = while_busy(&lane, 2, &asked).await;
    // The first is let in, and leaves. So the next newcomers are too many, even after a moved request has come
    // to its place and left.
    assert_eq!(said, [Busy, FULL, FULL, Busy, FULL]);
}

#[rstest]
#[tokio::test]
async fn a_lane_that_drains_sends_nginx_elsewhere(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    let work = lane.get("/sleep?ms=60000");
    let answers = async {
        lane.until("busy", 0).await;
        lane.signal(Signal::TERM);
        lane.logged(|line| line["message"] == "draining").await;
        let mut said = Vec::new();
        for asked in ALL {
            said.push(ask(&lane, asked).await);
        }
        said
    };
    let said = tokio::select! { said = answers => said, _ = work => unreachable!() };
    assert_eq!(said, [Busy, Busy, Busy, Busy, Refused("draining")]);
}

#[tokio::test]
async fn a_busy_lane_sends_a_request_to_the_round_that_nginx_names() {
    let lane = lane::of(Blocking, &[]);
    let work = lane.get("/sleep?ms=60000");
    let next = async {
        lane.until("busy", 0).await;
        let named = request(&lane, Look).header("x-lane-next", "@queue");
        [send(request(&lane, Look)).await, send(named).await]
            .map(|answer| answer.header("x-accel-redirect").map(str::to_owned))
    };
    let next = tokio::select! { next = next => next, _ = work => unreachable!() };
    assert_eq!(next.map(Option::unwrap), ["@next_lane", "@queue"]);
}

/// A time as the clock of nginx shows it which is ahead of ours by so many seconds; `ago` it got a request.
fn started(ahead: i64, ago: Duration) -> String {
    let now = SystemTime::now() - ago;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    #[expect(clippy::cast_precision_loss, reason = "an hour at most")]
    let shown = now.as_secs_f64() + ahead as f64;
    format!("t={shown:.3}")
}

#[rstest]
#[tokio::test]
async fn a_clock_that_is_off_costs_no_request(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
    #[values(-3600, -15, 15, 3600)] ahead: i64,
) {
    let lane = lane::of(mode, &["--queue-timeout", "10s"]);
    lane.until_ready().await;
    let asked = async |asked, ago| {
        let request = request(&lane, asked).header("x-lane-from", "nginx-1");
        said(&send(request.header("x-request-start", started(ahead, ago))).await)
    };
    let work = lane.get("/sleep?ms=60000");
    let answers = async {
        lane.until("busy", 0).await;
        // Before any look has told the difference, and after one.
        let before = asked(Moved, Duration::from_secs(3)).await;
        let look = asked(Look, Duration::ZERO).await;
        let young = asked(Moved, Duration::from_secs(3)).await;
        // No lane holds it beyond its time, so it comes soon after that.
        let old = asked(Moved, Duration::from_millis(10_300)).await;
        [before, look, young, old]
    };
    let answers = tokio::select! { answers = answers => answers, _ = work => unreachable!() };
    assert_eq!(answers, [Busy, Busy, Busy, Refused("queue_timeout")]);
}
