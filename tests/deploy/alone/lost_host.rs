//! Lanes that are silent: one whose host is gone, so that no packet comes from it, not even a refusal,
//! and one that is paused, whose kernel goes on answering.

use std::time::Duration;

use onelane_load::Outcome;
use onelane_stack::{Compose, Lane, alone, docker, eventually, say, skip};
use tokio::process::Command;

/// Far more than an answer takes here, and far less than it takes to notice that a host is gone.
const SLOW: Duration = Duration::from_secs(1);

/// `proxy_read_timeout`: without keep-alives, nginx would wait so long for the answer of a lost lane, and
/// then not try another one.
const READ_TIMEOUT: Duration = Duration::from_secs(45);

#[tokio::test]
async fn what_a_lost_host_was_to_compute_is_computed_elsewhere() {
    let _alone = alone().await;
    let Some(stack) = Compose::up(4).await else {
        return;
    };
    // So that both workers of nginx keep connections to every lane.
    for _ in 0..40 {
        assert_eq!(stack.get("/fast").await.status, 200);
    }
    let load = stack.load(5.0, 5);
    let request = stack.get_in_background("/sleep?ms=4000");
    let busy = lane_at_work(&stack).await;
    let mut lanes = stack.lanes().await;
    lanes.retain(|lane| *lane != busy);
    let idle = lanes.remove(0);
    // The kept connections of the other are the ones over which nginx goes on sending.
    if !cut_off(&busy).await || !cut_off(&idle).await {
        return;
    }

    let reply = request.await.unwrap();

    assert_eq!(reply.status, 200);
    assert!(lanes.iter().any(|lane| lane.host == reply.host()));
    assert!(reply.elapsed < READ_TIMEOUT / 2, "{:?}", reply.elapsed);
    let elapsed = reply.elapsed;
    say(&format!(
        "answered after {elapsed:.1?}, 4 s of them computing"
    ));

    let outcomes = load.stop().await;
    let (all, slow) = (outcomes.len(), slow(&outcomes));
    say(&format!("of {all} short ones were late: {slow:.1?}"));
    for outcome in &outcomes {
        assert_eq!(outcome.status(), 200, "{outcome:?}");
        assert!(outcome.response < READ_TIMEOUT / 2, "{outcome:?}");
    }
    assert_eq!(slow.len(), 1, "one went over a kept connection");
}

#[tokio::test]
async fn a_paused_lane_costs_one_request_while_others_idle() {
    let _alone = alone().await;
    let Some(stack) = Compose::up(4).await else {
        return;
    };
    let lane = stack.lanes().await.remove(0);
    docker(["pause", &lane.container]).await;
    let mut load = stack.load(20.0, 5);
    let mut outcomes = Vec::new();
    for _ in 0..60 {
        outcomes.extend(load.next().await);
    }
    docker(["unpause", &lane.container]).await;
    outcomes.extend(load.stop().await);

    for outcome in &outcomes {
        assert_eq!(outcome.status(), 200, "{outcome:?}");
    }
    let slow = slow(&outcomes);
    assert_eq!(slow.len(), 1, "of {}: {slow:.1?}", outcomes.len());
}

/// Once it computes for longer than the short requests take.
async fn lane_at_work(stack: &Compose) -> Lane {
    let lanes = stack.lanes().await;
    eventually("a lane that computes for long", async || {
        for lane in &lanes {
            let slot = lane.slot().await;
            if slot["request_age_ms"].as_u64().is_some_and(|age| age > 200) {
                return Some(lane.clone());
            }
        }
        None
    })
    .await
}

/// Takes its link down at its own end, in its own network namespace, as if its host had lost power. Takes
/// rights that not everybody has.
async fn cut_off(lane: &Lane) -> bool {
    let pid = docker(["inspect", "--format", "{{.State.Pid}}", &lane.container]).await;
    let link = format!("nsenter --net --target {pid} ip link set eth0 down");
    let script = format!("if [ $(id -u) = 0 ]; then {link}; else sudo -n {link}; fi");
    let done = Command::new("sh").args(["-c", &script]).output().await;
    let is_down = done.is_ok_and(|output| output.status.success());
    if !is_down {
        skip("to cut off a lane takes nsenter, ip and root, or sudo without a password");
    }
    is_down
}

fn slow(outcomes: &[Outcome]) -> Vec<Duration> {
    let times = outcomes.iter().map(|outcome| outcome.response);
    times.filter(|time| *time > SLOW).collect()
}
