use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;

use crate::lane::{Lane, send};

#[rstest]
#[case("/livez")]
#[case("/readyz")]
#[case("/metrics")]
#[case("/status")]
#[tokio::test]
async fn the_admin_side_answers_within_100_ms_while_the_lane_is_100_percent_busy(
    #[case] path: &str,
) {
    let lane = Lane::start(&[]);
    let busy = lane.get("/wait?ms=600000");
    let probes = async {
        lane.until("busy", 0).await;
        let mut times = Vec::new();
        for _ in 0..9 {
            let start = Instant::now();
            assert_eq!(lane.admin(path).await.status, 200);
            times.push(start.elapsed());
        }
        times.sort();
        times
    };
    let times = tokio::select! { times = probes => times, _ = busy => unreachable!() };
    // The median: the machine that runs this may stall, the lane must not make it wait.
    assert!(times[4] < Duration::from_millis(100), "{times:?}");
}

#[tokio::test]
async fn the_status_tells_who_holds_the_slot_and_who_waits() {
    let lane = Lane::start(&[]);
    assert_eq!(lane.get("/fast").await.status, 200);
    let work = send(
        lane.request(Method::GET, "/sleep?ms=60000")
            .header("x-request-id", "the-one"),
    );
    let looks = async {
        lane.until("busy", 0).await;
        let waiting = lane.get("/fast");
        let status = async {
            lane.until("busy", 1).await;
            lane.status().await
        };
        tokio::select! { status = status => status, _ = waiting => unreachable!() }
    };
    let status = tokio::select! { status = looks => status, _ = work => unreachable!() };
    assert_eq!(status["mode"], "blocking");
    assert_eq!(status["phase"], "serving");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(status["uptime_seconds"].is_u64());
    let slot = &status["slots"][0];
    assert_eq!(slot["state"], "busy");
    assert_eq!(slot["request_id"], "the-one");
    assert_eq!(slot["requests_served"], 1);
    assert!(slot["request_age_ms"].is_u64() && slot["pid"].is_u64());
    assert_eq!(status["queue"]["limit"], 10);
    assert!(status["queue"]["oldest_wait_ms"].is_u64());
}

#[tokio::test]
async fn the_metrics_count_what_was_answered() {
    let lane = Lane::start(&[]);
    for _ in 0..3 {
        lane.get("/fast").await;
    }
    lane.get("/sleep?ms=30").await;
    lane.get("/prime").await;
    lane.get("/no/such/path").await;
    lane.post("/fast", "{}").await;
    send(lane.request(Method::DELETE, "/fast")).await;
    for (series, value) in [
        (
            r#"http_requests_total{method="GET",route="/fast",status="200"}"#,
            3.0,
        ),
        (
            r#"http_requests_total{method="POST",route="/fast",status="200"}"#,
            1.0,
        ),
        (
            r#"http_requests_total{method="other",route="/fast",status="405"}"#,
            1.0,
        ),
        (
            r#"http_requests_total{method="GET",route="/prime",status="400"}"#,
            1.0,
        ),
        (
            r#"http_requests_total{method="GET",route="none",status="404"}"#,
            1.0,
        ),
        (r#"http_request_duration_seconds_count{route="/fast"}"#, 5.0),
        (r#"onelane_compute_seconds_count{workload="fast"}"#, 4.0),
        (r#"onelane_rejected_total{reason="bad_request"}"#, 1.0),
        (r#"onelane_rejected_total{reason="not_found"}"#, 1.0),
        (
            r#"onelane_rejected_total{reason="method_not_allowed"}"#,
            1.0,
        ),
        ("onelane_queue_wait_seconds_count", 5.0),
        ("http_requests_in_flight", 0.0),
        ("onelane_slots", 1.0),
        ("onelane_slots_busy", 0.0),
        ("onelane_queue_depth", 0.0),
        ("onelane_queue_limit", 10.0),
    ] {
        assert_eq!(lane.metric(series).await, value, "{series}");
    }
    let busy = lane.metric("onelane_busy_seconds_total").await;
    assert!(busy >= 0.030, "{busy}");
    assert_eq!(lane.metric("onelane_busy_seconds_total").await, busy);
    let build = format!(
        "onelane_build_info{{mode=\"blocking\",version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(lane.metric(&build).await, 1.0);
    assert!(lane.metric("process_resident_memory_bytes").await > 0.0);
}

#[tokio::test]
async fn the_time_of_a_running_computation_is_counted_as_it_passes() {
    let lane = Lane::start(&[]);
    let work = lane.get("/sleep?ms=60000");
    let growth = async {
        lane.until("busy", 0).await;
        let first = lane.metric("onelane_busy_seconds_total").await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        lane.metric("onelane_busy_seconds_total").await - first
    };
    let growth = tokio::select! { growth = growth => growth, _ = work => unreachable!() };
    assert!(growth >= 0.005);
}

#[tokio::test]
async fn the_page_is_served_here_too_and_the_workloads_are_not() {
    let lane = Lane::start(&[]);
    assert!(
        lane.admin("/")
            .await
            .text
            .contains("<title>onelane</title>")
    );
    assert_eq!(lane.admin("/fast").await.status, 404);
}
