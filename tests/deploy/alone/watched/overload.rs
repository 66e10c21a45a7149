//! More than lanes can do, and what becomes of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use onelane_load::{Load, poisson};
use onelane_stack::{Compose, Reply, ask, client, in_background};
use reqwest::Method;
use tokio::task::JoinHandle;
use tokio::time::interval;

/// Answers of lanes, by status.
pub(super) type Counts = BTreeMap<String, f64>;

pub(super) const SLEEP: Duration = Duration::from_millis(300);
/// What the late ones allow themselves.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);
pub(super) const LOAD: Duration = Duration::from_secs(10);

/// More than the lanes can do, with some requests that take longer than they may (one each `pause`), and
/// some that make no sense. Tells what lanes answered; what nginx refuses itself has no lane's name.
pub(super) fn overload(stack: &Compose, rate: f64, pause: Duration) -> JoinHandle<Counts> {
    let sleep_ms = u64::try_from(SLEEP.as_millis()).expect("a short time");
    let trace = poisson(1, rate, move |_| sleep_ms).take_while(|it| it.at < LOAD);
    let mut load = Load::start(&stack.base, trace);
    let base = stack.base.clone();
    tokio::spawn(async move {
        let (outcomes, late, wrong) = tokio::join!(load.rest(), late(&base, pause), wrong(&base));
        let mut counts = Counts::new();
        let mut count = |status: u16| *counts.entry(status.to_string()).or_default() += 1.0;
        for outcome in outcomes.iter().filter(|it| it.host().is_some()) {
            count(outcome.status());
        }
        for reply in late.iter().chain(&wrong).filter(|it| !it.host().is_empty()) {
            count(reply.status);
        }
        counts
    })
}

async fn late(base: &str, pause: Duration) -> Vec<Reply> {
    let mut ticks = interval(pause);
    let mut replies = Vec::new();
    let start = Instant::now();
    while start.elapsed() < LOAD {
        ticks.tick().await;
        let request = client().get(format!("{base}/sleep?ms=20000"));
        let patience = PATIENCE.as_secs_f64().to_string();
        replies.push(in_background(request.header("X-Timeout", patience)));
    }
    let replies = join_all(replies).await.into_iter();
    replies.map(|reply| reply.expect("an answer")).collect()
}

async fn wrong(base: &str) -> Vec<Reply> {
    let requests = [
        (Method::GET, "/sleep?ms=seven"),
        (Method::GET, "/nowhere"),
        (Method::DELETE, "/sleep"),
    ];
    let requests = requests.map(|(method, path)| client().request(method, format!("{base}{path}")));
    join_all(requests.map(ask)).await
}
