//! Clients that ask on and on, and a killer of children.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{sleep, timeout};

use super::books::Outcome;
use crate::lane::{Lane, PATIENCE, try_send};

/// So often on average a child is killed.
const KILL_EVERY: Duration = Duration::from_millis(300);

/// So many requests each client sends at least, however busy the machine is.
const LEAST: usize = 25;

/// Sends one request after the other: what became of each, by its id.
pub async fn ask(lane: &Lane, client: usize, end: Instant) -> BTreeMap<String, Outcome> {
    let mut outcomes = BTreeMap::new();
    while Instant::now() < end || outcomes.len() < LEAST {
        let id = format!("soak-{client}-{}", outcomes.len());
        let request = any_request(lane).header("x-request-id", &id);
        let patience = match fastrand::u32(..10) {
            0 => Duration::from_millis(fastrand::u64(..30)),
            _ => PATIENCE,
        };
        let outcome = match timeout(patience, try_send(request)).await {
            Err(_) => Outcome::Left,
            Ok(Err(_)) => Outcome::Lost,
            Ok(Ok(answer)) => Outcome::Answered {
                status: answer.status,
                by: answer.header("x-served-by").unwrap().to_owned(),
                at: Instant::now(),
            },
        };
        outcomes.insert(id, outcome);
    }
    outcomes
}

fn any_request(lane: &Lane) -> RequestBuilder {
    let get = |path: &str| lane.request(Method::GET, path);
    match fastrand::u32(..10) {
        0 => get("/echo?number=x"),
        1 => get("/nope"),
        2 => get("/sleep?ms=60000").header("x-timeout", "0.03"),
        3 => lane.held("/sleep?ms=5", "1"),
        4 => lane
            .request(Method::POST, "/echo")
            .header("content-type", "application/json")
            .body(r#"{"number": 15}"#),
        5 => get("/wait?ms=20"),
        6 => get("/sleep?ms=20"),
        _ => get("/fast"),
    }
}

/// Kills one child after the other, if there are any: when, by process id.
pub async fn kill(lane: &Lane, end: Instant) -> BTreeMap<String, Instant> {
    let mut kills = BTreeMap::new();
    while Instant::now() < end {
        sleep(KILL_EVERY.mul_f64(2.0 * fastrand::f64())).await;
        let status = lane.status().await;
        let Some(child) = fastrand::choice(status["children"]["alive"].as_array().unwrap()) else {
            continue;
        };
        let pid = child["pid"].as_i64().unwrap();
        let process = Pid::from_raw(pid.try_into().unwrap()).unwrap();
        // It may have ended meanwhile.
        if kill_process(process, Signal::KILL).is_ok() {
            kills.insert(pid.to_string(), Instant::now());
        }
    }
    kills
}
