use std::time::{Duration, SystemTime};

use futures_util::future::{join_all, select_all};
use reqwest::Method;
use rstest::rstest;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Answer, Lane, send};

/// The header that nginx would have sent `age` ago.
fn started(age: Duration) -> String {
    let start = SystemTime::now() - age;
    let since_epoch = start.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    format!("t={:.3}", since_epoch.as_secs_f64())
}

async fn held(lane: &Lane, path: &str, ms: &str) -> Answer {
    send(lane.held(path, ms)).await
}

/// Sends so many long requests, each when all before it have their places: which of them, counted
/// from 0, is answered first, and what?
async fn first_answered(lane: &Lane, count: u64) -> (u64, Answer) {
    let requests = (0..count).map(async |number| {
        if let Some(waiting) = number.checked_sub(1) {
            lane.until("busy", waiting).await;
        }
        (number, lane.get("/sleep?ms=60000").await)
    });
    lane.until_ready().await;
    select_all(requests.map(Box::pin)).await.0
}

#[rstest]
#[tokio::test]
async fn a_lane_computes_one_request_at_a_time(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let request = || {
        let request = lane.request(Method::GET, "/sleep?ms=40");
        // From when on a worker reads it, a cluster could not tell how long it has waited.
        send(request.header("x-request-start", started(Duration::ZERO)))
    };
    let answers = join_all((0..5).map(|_| request())).await;
    let mut waits: Vec<f64> = answers
        .iter()
        .map(|answer| answer.timing("queue"))
        .collect();
    waits.sort_by(f64::total_cmp);
    // The last waits for four before it, of which the first may have begun before it came.
    assert!(waits[4] >= 3.0 * 40.0, "{waits:?}");
}

#[rstest]
#[tokio::test]
async fn as_many_requests_are_computed_at_once_as_there_are_slots(
    #[values(Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::with_slots(mode, 3, &[]);
    let work = join_all((0..3).map(|_| lane.get("/sleep?ms=60000")));
    let one_more = async {
        let status = lane.until_busy(3).await;
        tokio::select! {
            _ = lane.get("/fast") => unreachable!(),
            () = lane.until("busy", 1) => status
        }
    };
    let status = tokio::select! { status = one_more => status, _ = work => unreachable!() };
    let distinct = |field| {
        let slots = status["slots"].as_array().unwrap().iter();
        let values = slots.map(|slot| slot[field].to_string());
        values.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(distinct("request_id"), 3);
    assert_eq!(distinct("pid"), if mode == Threads { 1 } else { 3 });
}

#[rstest]
#[tokio::test]
async fn a_free_slot_answers_while_another_one_is_100_percent_busy(
    #[values(Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::with_slots(mode, 2, &[]);
    let work = lane.get("/wait?ms=60000");
    let answers = async {
        lane.until_busy(1).await;
        for _ in 0..9 {
            assert_eq!(lane.get("/fast").await.status, 200);
        }
    };
    tokio::select! { () = answers => {}, _ = work => unreachable!() };
}

#[rstest]
#[tokio::test]
async fn the_request_that_arrived_first_at_the_balancer_goes_first(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let request = |path: &'static str, age_seconds| {
        let request = lane.request(Method::GET, path);
        request.header("x-request-start", started(Duration::from_secs(age_seconds)))
    };
    let order = std::sync::Mutex::new(Vec::new());
    let noted = async |name, request| {
        assert_eq!(send(request).await.status, 200);
        order.lock().unwrap().push(name);
    };
    // Each comes when the one before it stands in the queue.
    tokio::join!(
        noted("running", request("/sleep?ms=2000", 0)),
        async {
            lane.until("busy", 0).await;
            noted("young", request("/sleep?ms=30", 1)).await;
        },
        async {
            lane.until("busy", 1).await;
            noted("oldest", request("/sleep?ms=30", 5)).await;
        },
        async {
            lane.until("busy", 2).await;
            noted("middle", request("/sleep?ms=30", 3)).await;
        },
    );
    let expected = if mode == Cluster {
        // The kernel knows only who connected first.
        ["running", "young", "oldest", "middle"]
    } else {
        ["running", "oldest", "middle", "young"]
    };
    assert_eq!(order.into_inner().unwrap(), expected);
}

#[rstest]
#[tokio::test]
async fn the_time_at_the_balancer_counts_as_queue_time(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let queue_for = async |start: String| {
        let request = lane
            .request(Method::GET, "/fast")
            .header("x-request-start", start);
        send(request).await.timing("queue")
    };
    assert!(queue_for(started(Duration::from_secs(2))).await >= 2000.0);
    // Clocks that are off, and nonsense.
    let future = SystemTime::now() + Duration::from_hours(1);
    let future = future.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!(queue_for(format!("t={}", future.as_secs())).await < 2000.0);
    for nonsense in ["t=", "t=soon", "yesterday", "t=-5", "t=1e300"] {
        assert!(queue_for(nonsense.to_owned()).await < 2000.0, "{nonsense}");
    }
    // It takes only a slot that is free at once, which one is when a child has been reaped.
    lane.until("idle", 0).await;
    // Never counted as older than a request can be.
    let ancient = queue_for("t=1".to_owned()).await;
    assert!((10_000.0..20_000.0).contains(&ancient), "{ancient}");
}

#[rstest]
#[tokio::test]
async fn a_full_queue_is_a_503_at_once(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--queue-max", "2", "--queue-timeout", "1h"]);
    let (number, answer) = first_answered(&lane, 4).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (503, "queue_full")
    );
    let retry_after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&retry_after));
    // The parent of a cluster gets only to the oldest of those who wait.
    assert_eq!(number, if mode == Cluster { 1 } else { 3 });
    let rejected = "onelane_rejected_total{reason=\"queue_full\"}";
    lane.counted(rejected, 1.0).await;
}

#[rstest]
#[tokio::test]
async fn a_wait_that_is_too_long_is_a_503(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--queue-timeout", "100ms"]);
    let (number, answer) = first_answered(&lane, 2).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (503, "queue_timeout")
    );
    assert!(answer.header("retry-after").is_some());
    assert_eq!(number, 1);
}

#[rstest]
#[tokio::test]
async fn a_held_request_leaves_a_busy_lane_with_403_and_computes_on_an_idle_one(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    // A cluster reads no request before a worker is idle, and cannot know that this one is in a
    // hurry. It has to wait its full time.
    let lane = lane::of(mode, &["--queue-timeout", "500ms"]);
    lane.until_ready().await;
    assert_eq!(held(&lane, "/fast", "0").await.status, 200);
    let work = lane.get("/sleep?ms=60000");
    let answers = async {
        lane.until("busy", 0).await;
        [
            held(&lane, "/fast", "0").await,
            held(&lane, "/fast", "20").await,
        ]
    };
    let answers = tokio::select! { answers = answers => answers, _ = work => unreachable!() };
    for answer in answers {
        assert_eq!((answer.status, answer.text.as_str()), (403, ""));
        assert_eq!(answer.header("x-lane-busy"), Some("1"));
        assert_eq!(answer.header("x-accel-redirect"), Some("@next_lane"));
    }
    lane.counted("onelane_rejected_total{reason=\"busy\"}", 2.0)
        .await;
}

#[rstest]
#[tokio::test]
async fn a_held_request_that_finds_the_queue_full_need_not_try_elsewhere(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--queue-max", "1"]);
    let request = || held(&lane, "/sleep?ms=60000", "60000");
    let work = async {
        let waiting = async {
            lane.until("busy", 0).await;
            request().await
        };
        // In a cluster, it is the one that waits already.
        tokio::select! { _ = request() => unreachable!(), answer = waiting => answer }
    };
    let surplus = async {
        lane.until("busy", 1).await;
        request().await
    };
    let answer = tokio::select! { answer = surplus => answer, answer = work => answer };
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (503, "queue_full")
    );
}

#[rstest]
#[tokio::test]
async fn a_held_request_that_is_too_old_hears_503_instead_of_wandering_on(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--queue-timeout", "500ms"]);
    lane.until_ready().await;
    let work = lane.get("/sleep?ms=60000");
    let answer = async {
        lane.until("busy", 0).await;
        let request = lane.held("/fast", "50");
        send(request.header("x-request-start", started(Duration::from_secs(1)))).await
    };
    let answer = tokio::select! { answer = answer => answer, _ = work => unreachable!() };
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (503, "queue_timeout")
    );
}
