//! Lanes come, go, stop and die while requests run.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use onelane_load::{Load, Outcome};
use onelane_stack::{Compose, Lane, client, docker, eventually, in_background};
use serde_json::json;

#[tokio::test]
async fn scaling_up_and_down_under_load_loses_nothing() {
    let Some(stack) = Compose::up(2).await else {
        return;
    };
    let mut load = stack.load(20.0, 50);
    let mut hosts = BTreeSet::new();
    while hosts.len() < 2 {
        hosts.insert(host_of(load.next().await));
    }

    stack.scale(6).await;
    let ready = Instant::now();
    while hosts.len() < 6 {
        hosts.insert(host_of(load.next().await));
    }
    assert!(
        ready.elapsed() < Duration::from_secs(5),
        "the last new lane was used after {:?}",
        ready.elapsed()
    );

    stack.scale(3).await;
    assert_eq!(stack.lanes().await.len(), 3);
    answered(&mut load, 50).await;
    for outcome in load.stop().await {
        host_of(Some(outcome));
    }
}

#[tokio::test]
async fn killing_one_lane_after_the_other_under_load_loses_no_get() {
    let Some(stack) = Compose::up(6).await else {
        return;
    };
    let mut load = stack.load(4.0, 1000);
    for _ in 0..3 {
        let lanes = stack.lanes().await;
        let victim = lane_that_just_began(&lanes).await;
        docker(["kill", &victim.container]).await;
        answered(&mut load, 12).await;
    }
    for outcome in load.stop().await {
        host_of(Some(outcome));
    }
}

#[tokio::test]
async fn a_lane_that_is_stopped_finishes_its_request_first() {
    let Some(stack) = Compose::up(2).await else {
        return;
    };
    let request = stack.get_in_background("/sleep?ms=4000");
    let lane = stack.busy(1).await.remove(0);

    docker(["stop", &lane.container]).await;

    let reply = request.await.unwrap();
    assert_eq!((reply.status, reply.host()), (200, lane.host.as_str()));
}

#[tokio::test]
async fn a_post_whose_lane_dies_is_never_repeated() {
    let Some(stack) = Compose::up(2).await else {
        return;
    };
    let url = format!("{}/sleep", stack.base);
    let request = in_background(client().post(url).json(&json!({ "ms": 20_000 })));
    let lane = stack.busy(1).await.remove(0);
    let other = stack
        .lanes()
        .await
        .into_iter()
        .find(|other| *other != lane)
        .expect("there are two lanes");
    let before = other.slot().await;

    docker(["kill", &lane.container]).await;

    let reply = request.await.unwrap();
    assert_eq!(reply.status, 502);
    assert_eq!(reply.json["reason"], "worker_crashed");
    assert_eq!(other.slot().await, before, "the other lane was asked, too");
}

/// A lane with a request that will outlive the moment it takes to kill it.
async fn lane_that_just_began(lanes: &[Lane]) -> Lane {
    eventually("a lane that just began a request", async || {
        for lane in lanes {
            let slot = lane.slot().await;
            if slot["request_age_ms"].as_u64().is_some_and(|age| age < 300) {
                return Some(lane.clone());
            }
        }
        None
    })
    .await
}

/// Waits for so many more answers, all of them good.
async fn answered(load: &mut Load, count: usize) {
    for _ in 0..count {
        host_of(load.next().await);
    }
}

/// Who gave this answer, which must be a good one.
pub(crate) fn host_of(outcome: Option<Outcome>) -> String {
    let outcome = outcome.expect("the load has no end of its own");
    assert_eq!(outcome.status(), 200, "{outcome:?}");
    outcome
        .host()
        .expect("an answer of 200 names its lane")
        .to_owned()
}
