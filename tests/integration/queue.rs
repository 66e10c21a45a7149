use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use reqwest::Method;

use crate::lane::{Answer, Lane, send};

/// The header that nginx would have sent `age` ago.
fn started(age: Duration) -> String {
    let start = SystemTime::now() - age;
    let since_epoch = start.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    format!("t={:.3}", since_epoch.as_secs_f64())
}

async fn held(lane: &Lane, ms: &str) -> Answer {
    send(
        lane.request(Method::GET, "/fast")
            .header("x-lane-hold-ms", ms),
    )
    .await
}

#[tokio::test]
async fn a_lane_computes_one_request_at_a_time() {
    let lane = Lane::start(&[]);
    let answers = join_all((0..5).map(|_| lane.get("/sleep?ms=40"))).await;
    let mut waits: Vec<f64> = answers
        .iter()
        .map(|answer| answer.timing("queue"))
        .collect();
    waits.sort_by(f64::total_cmp);
    // The last waits for four before it, of which the first may have begun before it came.
    assert!(waits[4] >= 3.0 * 40.0, "{waits:?}");
}

#[tokio::test]
async fn the_request_that_arrived_first_at_the_balancer_goes_first() {
    let lane = Lane::start(&[]);
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
        noted("running", request("/sleep?ms=400", 0)),
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
    assert_eq!(
        order.into_inner().unwrap(),
        ["running", "oldest", "middle", "young"]
    );
}

#[tokio::test]
async fn the_time_at_the_balancer_counts_as_queue_time() {
    let lane = Lane::start(&[]);
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
    // Never counted as older than a request can be.
    let ancient = queue_for("t=1".to_owned()).await;
    assert!((10_000.0..20_000.0).contains(&ancient), "{ancient}");
}

#[tokio::test]
async fn a_full_queue_is_a_503_at_once() {
    let lane = Lane::start(&["--queue-max", "2"]);
    let work = join_all((0..3).map(|_| lane.get("/sleep?ms=60000")));
    let answer = async {
        lane.until("busy", 2).await;
        lane.get("/fast").await
    };
    let answer = tokio::select! { answer = answer => answer, _ = work => unreachable!() };
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (503, "queue_full")
    );
    let retry_after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&retry_after));
    assert!(
        lane.metric("onelane_rejected_total{reason=\"queue_full\"}")
            .await
            >= 1.0
    );
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_a_503() {
    let lane = Lane::start(&["--queue-timeout", "100ms"]);
    let work = lane.get("/sleep?ms=60000");
    let answer = async {
        lane.until("busy", 0).await;
        lane.get("/fast").await
    };
    let answer = tokio::select! { answer = answer => answer, _ = work => unreachable!() };
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (503, "queue_timeout")
    );
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn a_held_request_leaves_a_busy_lane_with_403_and_computes_on_an_idle_one() {
    let lane = Lane::start(&[]);
    assert_eq!(held(&lane, "0").await.status, 200);
    let work = lane.get("/sleep?ms=60000");
    let answers = async {
        lane.until("busy", 0).await;
        [held(&lane, "0").await, held(&lane, "20").await]
    };
    let answers = tokio::select! { answers = answers => answers, _ = work => unreachable!() };
    for answer in answers {
        assert_eq!((answer.status, answer.text.as_str()), (403, ""));
        assert_eq!(answer.header("x-lane-busy"), Some("1"));
        assert_eq!(answer.header("x-accel-redirect"), Some("@next_lane"));
    }
}

#[tokio::test]
async fn a_held_request_that_finds_the_queue_full_need_not_try_elsewhere() {
    let lane = Lane::start(&["--queue-max", "1"]);
    let work = join_all((0..2).map(|_| lane.get("/sleep?ms=60000")));
    let answer = async {
        lane.until("busy", 1).await;
        held(&lane, "60000").await
    };
    let answer = tokio::select! { answer = answer => answer, _ = work => unreachable!() };
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (503, "queue_full")
    );
}

#[tokio::test]
async fn a_held_request_that_is_too_old_hears_503_instead_of_wandering_on() {
    let lane = Lane::start(&[]);
    let work = lane.get("/sleep?ms=60000");
    let answer = async {
        lane.until("busy", 0).await;
        let request = lane
            .request(Method::GET, "/fast")
            .header("x-lane-hold-ms", "50");
        send(request.header("x-request-start", started(Duration::from_secs(11)))).await
    };
    let answer = tokio::select! { answer = answer => answer, _ = work => unreachable!() };
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (503, "queue_timeout")
    );
}
