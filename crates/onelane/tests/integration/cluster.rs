use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::Value;

use crate::lane::Mode::Cluster;
use crate::lane::{self, Lane, stall};

/// The workers that take requests.
fn listening(status: &Value) -> BTreeSet<u64> {
    let slots = status["slots"].as_array().unwrap().iter();
    slots.map(|slot| slot["pid"].as_u64().unwrap()).collect()
}

async fn until_workers(lane: &Lane, count: usize) -> BTreeSet<u64> {
    let settled = |status: &Value| {
        let alive = status["children"]["alive"].as_array().unwrap().len();
        alive == count && listening(status).len() == count
    };
    listening(&lane.until_status(settled).await)
}

/// The lines about workers, as event and process id.
fn events(lane: &Lane) -> Vec<(String, u64)> {
    let lines = lane.log(|line| line["target"] == "onelane::cluster::fleet");
    let lines = lines.iter();
    let event = lines.filter_map(|line| {
        let event = line["message"].as_str()?.strip_prefix("worker ")?;
        Some((event.to_owned(), line["pid"].as_u64()?))
    });
    event.collect()
}

/// Asks on and on; every answer has to be good.
async fn keep_asking(lane: &Lane) {
    loop {
        assert_eq!(lane.get("/sleep?ms=5").await.status, 200);
    }
}

/// A worker that came because of SIGHUP and was stopped before it listened.
async fn stopped_newcomer(lane: &Lane) -> u64 {
    for round in 2.. {
        lane.signal(Signal::HUP);
        let forked = |line: &Value| line["message"] == "worker fork";
        lane.logged_times(round, forked).await;
        let newcomer = lane.log(forked)[round - 1]["pid"].as_u64().unwrap();
        lane::signal(newcomer, Signal::STOP);
        // What it said before is heard by then.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if !events(lane).contains(&("listening".to_owned(), newcomer)) {
            return newcomer;
        }
        lane::signal(newcomer, Signal::CONT);
        until_workers(lane, 1).await;
    }
    unreachable!()
}

#[tokio::test]
async fn an_outdated_worker_works_on_until_its_successor_listens() {
    let lane = lane::of(Cluster, &[]);
    until_workers(&lane, 1).await;
    let newcomer = stopped_newcomer(&lane).await;
    let old = lane.get("/fast").await.pid();
    for _ in 0..20 {
        assert_eq!(lane.get("/sleep?ms=10").await.pid(), old);
    }
    lane::signal(newcomer, Signal::CONT);
    assert!(until_workers(&lane, 1).await.contains(&newcomer));
    assert_eq!(lane.get("/fast").await.pid(), newcomer);
}

/// The time of the day at which a line was written.
fn seconds(line: &Value) -> f64 {
    let timestamp = line["timestamp"].as_str().unwrap();
    let (_, time) = timestamp.trim_end_matches('Z').split_once('T').unwrap();
    let parts = time.split(':').map(|part| part.parse::<f64>().unwrap());
    parts.fold(0.0, |sum, part| sum * 60.0 + part)
}

#[tokio::test]
async fn a_worker_that_hangs_before_it_listens_is_not_followed_at_once() {
    let lane = lane::of(Cluster, &[]);
    until_workers(&lane, 1).await;
    let newcomer = stopped_newcomer(&lane).await;
    let forked = |line: &Value| line["message"] == "worker fork";
    let forks = lane.log(forked).len();
    let silent = |line: &Value| line["message"] == "worker is silent" && line["pid"] == newcomer;
    let silent = lane.logged(silent).await;
    lane.logged_times(forks + 1, forked).await;
    let pause = seconds(&lane.log(forked)[forks]) - seconds(&silent);
    // Midnight may have passed.
    assert!(pause.rem_euclid(86_400.0) > 0.4, "{pause}");
}

#[tokio::test]
async fn hup_replaces_every_worker_and_no_request_fails() {
    let lane = lane::with_slots(Cluster, 2, &[]);
    let before = until_workers(&lane, 2).await;
    let roll = async {
        lane.signal(Signal::HUP);
        lane.until_status(|status| status["children"]["exited"]["reload"] == 2)
            .await;
        until_workers(&lane, 2).await
    };
    let after = tokio::select! { after = roll => after, () = keep_asking(&lane) => unreachable!() };
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
    lane.counted("onelane_worker_restarts_total{cause=\"reload\"}", 2.0)
        .await;
}

#[tokio::test]
async fn hup_lets_a_worker_finish_its_request() {
    let lane = lane::of(Cluster, &[]);
    let roll = async {
        let pid = lane.until_computing().await;
        lane.signal(Signal::HUP);
        // Its successor works already.
        let next = lane.get("/fast").await;
        assert_eq!(next.status, 200);
        assert_ne!(next.pid(), pid);
        pid
    };
    let (answer, pid) = tokio::join!(lane.get("/sleep?ms=500"), roll);
    assert_eq!((answer.status, answer.pid()), (200, pid));
}

#[tokio::test]
async fn ttin_and_ttou_change_the_number_of_workers_but_never_below_one() {
    let lane = lane::of(Cluster, &[]);
    let first = until_workers(&lane, 1).await;
    for (count, slots) in [(2, 2.0), (3, 3.0)] {
        lane.signal(Signal::TTIN);
        assert!(until_workers(&lane, count).await.is_superset(&first));
        lane.counted("onelane_slots", slots).await;
    }
    for (times, count) in [(1, 2), (2, 1), (3, 1)] {
        lane.signal(Signal::TTOU);
        lane.logged_times(times, |line| line["message"] == "one worker fewer")
            .await;
        until_workers(&lane, count).await;
    }
    assert_eq!(lane.get("/fast").await.status, 200);
    lane.counted("onelane_child_exits_total{cause=\"surplus\"}", 2.0)
        .await;
    let metrics = lane.admin("/metrics").await.text;
    let restarts = metrics
        .lines()
        .filter(|line| line.starts_with("onelane_worker_restarts_total{"));
    for line in restarts {
        assert!(line.ends_with(" 0"), "no worker had to be replaced: {line}");
    }
}

#[tokio::test]
async fn workers_that_have_served_their_number_are_replaced_and_no_client_notices() {
    let lane = lane::with_slots(Cluster, 2, &["--max-requests", "3"]);
    until_workers(&lane, 2).await;
    let recycled =
        lane.until_status(|status| status["children"]["exited"]["recycled"].as_u64() >= Some(4));
    tokio::select! { _ = recycled => {}, () = keep_asking(&lane) => unreachable!() };
    until_workers(&lane, 2).await;
}

#[tokio::test]
async fn every_event_of_a_workers_life_is_logged_and_counted() {
    let lane = lane::of(Cluster, &[]);
    let first = *until_workers(&lane, 1).await.first().unwrap();
    lane::signal(first, Signal::KILL);
    lane.until_status(|status| status["children"]["exited"]["crashed"] == 1)
        .await;
    until_workers(&lane, 1).await;
    let of_first = events(&lane).into_iter().filter(|(_, pid)| *pid == first);
    let mut of_first: Vec<_> = of_first.map(|(event, _)| event).collect();
    // The end of its pipe and its own are seen in any order.
    of_first[3..].sort();
    assert_eq!(
        of_first,
        ["fork", "online", "listening", "disconnect", "exit"]
    );
    let exit = lane.logged(|line| line["message"] == "worker exit").await;
    assert_eq!(
        (&exit["pid"], &exit["cause"]),
        (&first.into(), &"crashed".into())
    );
    assert!(exit["status"].as_str().unwrap().contains("signal: 9"));
    for (event, count) in [
        ("fork", 2.0),
        ("online", 2.0),
        ("listening", 2.0),
        ("disconnect", 1.0),
        ("exit", 1.0),
    ] {
        let series = format!("onelane_worker_events_total{{event=\"{event}\"}}");
        lane.counted(&series, count).await;
    }
}

/// All series that only ever grow.
fn counters(text: &str) -> BTreeMap<String, f64> {
    let grows = |name: &str| {
        let name = name.split('{').next().unwrap();
        ["_total", "_count", "_bucket", "_sum"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
    let samples = samples.filter(|(name, _)| !name.starts_with('#') && grows(name));
    samples
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn the_sum_of_the_workers_never_goes_back_whatever_happens_to_them() {
    let lane = lane::with_slots(Cluster, 2, &[]);
    let ask = async {
        loop {
            // Some die with their worker.
            lane::try_send(lane.request(Method::GET, "/sleep?ms=2"))
                .await
                .ok();
        }
    };
    let watch = async {
        let mut before = BTreeMap::new();
        for round in 0..120 {
            if round % 40 == 10 {
                lane.signal(Signal::HUP);
            }
            if round % 40 == 30 {
                let workers = listening(&lane.status().await);
                if let Some(pid) = workers.first() {
                    lane::signal(*pid, Signal::KILL);
                }
            }
            let after = counters(&lane.admin("/metrics").await.text);
            for (name, value) in &before {
                assert!(after.get(name) >= Some(value), "{name} was {value}");
            }
            before = after;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        before
    };
    let last = tokio::select! { last = watch => last, () = ask => unreachable!() };
    assert!(last["http_requests_total{method=\"GET\",route=\"/sleep\",status=\"200\"}"] > 10.0);
}

#[tokio::test]
async fn a_worker_keeps_no_connection_that_could_keep_it_from_others() {
    let lane = lane::of(Cluster, &[]);
    let answer = lane.get("/fast").await;
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn a_client_that_connects_and_says_nothing_holds_a_worker_for_a_moment_only() {
    let lane = lane::of(Cluster, &[]);
    let _silent = tokio::net::TcpStream::connect(&lane.listen).await.unwrap();
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[tokio::test]
async fn a_client_whose_body_does_not_come_holds_its_worker_for_some_seconds_at_most() {
    let lane = lane::of(Cluster, &[]);
    let _stalled = stall(&lane).await;
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[tokio::test]
async fn those_whom_idle_workers_will_take_are_not_too_many() {
    let lane = lane::with_slots(Cluster, 2, &["--queue-max", "0"]);
    let workers = until_workers(&lane, 2).await;
    // So that they take their time, of which the parent knows nothing.
    for worker in &workers {
        lane::signal(*worker, Signal::STOP);
    }
    let requests = (0..3).map(|_| Box::pin(lane.get("/fast")));
    let (surplus, _, others) = select_all(requests).await;
    assert_eq!(
        (surplus.status, surplus.reason().as_str()),
        (503, "queue_full")
    );
    for worker in &workers {
        lane::signal(*worker, Signal::CONT);
    }
    for answer in join_all(others).await {
        assert_eq!(answer.status, 200);
    }
}
