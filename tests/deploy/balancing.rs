//! What waits for what, with one lane and with six.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use onelane_stack::{Compose, Local, Reply, ask, client, docker, get, in_background};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// A request that waits behind it gives up after 10 s (`queue_timeout`).
const LONG: &str = "/wait?ms=4000";
const SMALL: &str = "/fast";

#[tokio::test]
async fn with_one_lane_a_small_request_waits_for_the_long_one() {
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    let long = stack.get_in_background(LONG);
    stack.busy(1).await;

    let small = stack.get(SMALL).await;

    let long = long.await.unwrap();
    assert_answer(&long, "ms", 4000);
    assert_answer(&small, "ok", true);
    assert!(
        small.elapsed > long.elapsed / 10,
        "the small one took {:?}, the long one {:?}",
        small.elapsed,
        long.elapsed
    );
}

#[tokio::test]
async fn with_six_lanes_only_what_finds_no_idle_one_waits() {
    let Some(stack) = Compose::up(6).await else {
        return;
    };
    a_small_request_answers_while_the_long_one_runs(&stack).await;
    no_short_request_stays_behind_a_long_one_when_a_lane_becomes_free(&stack).await;
    six_long_requests_occupy_six_lanes_whose_probes_stay_green(&stack).await;
}

async fn a_small_request_answers_while_the_long_one_runs(stack: &Compose) {
    let long = stack.get_in_background(LONG);
    stack.busy(1).await;

    let small = stack.get(SMALL).await;

    assert!(!long.is_finished(), "the small one waited");
    let long = long.await.unwrap();
    assert_answer(&long, "ms", 4000);
    assert_answer(&small, "ok", true);
    assert!(
        small.elapsed < long.elapsed / 10,
        "the small one took {:?}, the long one {:?}",
        small.elapsed,
        long.elapsed
    );
}

#[tokio::test]
async fn with_two_plain_processes_small_requests_answer_while_the_long_one_runs() {
    let stack = Local::up(2).await;
    let long = in_background(client().get(format!("{}{LONG}", stack.base)));

    // At least the later ones come when the long one runs.
    for _ in 0..10 {
        let small = get(format!("{}{SMALL}", stack.base)).await;
        assert_answer(&small, "ok", true);
    }

    assert!(!long.is_finished(), "the small ones waited");
    assert_answer(&long.await.unwrap(), "ms", 4000);
}

async fn no_short_request_stays_behind_a_long_one_when_a_lane_becomes_free(stack: &Compose) {
    let long: Vec<_> = (0..5)
        .map(|_| stack.get_in_background("/sleep?ms=10000"))
        .collect();
    let soon_over = stack.get_in_background("/sleep?ms=1000");
    stack.busy(6).await;

    // As many as lanes: shared out evenly, all but one of them would wait for a long one.
    let url = format!("{}/sleep", stack.base);
    let short = (0..3).flat_map(|_| {
        let get = client().get(format!("{url}?ms=5"));
        let post = client().post(&url).json(&json!({ "ms": 5 }));
        [ask(get), ask(post)]
    });
    for reply in join_all(short).await {
        assert_eq!(reply.status, 200);
    }

    assert!(soon_over.await.is_ok_and(|reply| reply.status == 200));
    assert!(
        long.iter().all(|request| !request.is_finished()),
        "a short request waited for a long one"
    );
    long.iter().for_each(JoinHandle::abort);
    stack.busy(0).await;
}

async fn six_long_requests_occupy_six_lanes_whose_probes_stay_green(stack: &Compose) {
    let long: Vec<_> = (0..6)
        .map(|_| stack.get_in_background("/sleep?ms=6000"))
        .collect();

    let lanes = stack.busy(6).await;
    for lane in &lanes {
        for path in ["/livez", "/readyz", "/metrics"] {
            assert_eq!(lane.probe(path).await.status, 200, "{path} of a busy lane");
        }
        docker(["exec", &lane.container, "/lane", "probe"]).await;
    }
    assert!(long.iter().all(|request| !request.is_finished()));

    let replies = join_all(long).await;
    let served_by: BTreeSet<String> = replies
        .into_iter()
        .map(|reply| reply.unwrap().host().to_owned())
        .collect();
    let hosts = lanes.into_iter().map(|lane| lane.host).collect();
    assert_eq!(served_by, hosts);
}

/// What nginx tells a lane, told from outside: believed, the first would end in a 403, the second in a
/// 503 for having waited since 1970, the third in one for another version, and the last at once.
const TOLD: [(&str, &str); 6] = [
    ("X-Lane-Hold-Ms", "1"),
    ("X-Request-Start", "t=1000.000"),
    ("X-Lane-Protocol", "3"),
    ("X-Lane-Probe", "1"),
    ("X-Lane-Place", "has"),
    ("X-Lane-Next", "@failed"),
];

#[tokio::test]
async fn a_caller_does_not_decide_how_long_it_waits() {
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    let long = stack.get_in_background("/sleep?ms=4000");
    stack.busy(1).await;

    let url = format!("{}/fast", stack.base);
    let fast = TOLD.map(|(header, value)| ask(client().get(&url).header(header, value)));
    let fast = join_all(fast).await;

    let long = long.await.unwrap();
    for (fast, (header, _)) in fast.iter().zip(TOLD) {
        assert_answer(fast, "ok", true);
        assert!(
            fast.elapsed > long.elapsed / 10,
            "{header}: the lane was free"
        );
    }
}

#[track_caller]
fn assert_answer(reply: &Reply, field: &str, value: impl Into<Value>) {
    assert_eq!((reply.status, &reply.json[field]), (200, &value.into()));
}
