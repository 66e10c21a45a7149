use std::collections::BTreeSet;

use reqwest::Method;
use rstest::rstest;
use rustix::process::Signal;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, send, try_send};

/// Every series of the contract: name, type, labels.
const SERIES: &[(&str, &str, &[&str])] = &[
    (
        "http_requests_total",
        "counter",
        &["method", "route", "status"],
    ),
    ("http_request_duration_seconds", "histogram", &["route"]),
    ("http_requests_in_flight", "gauge", &[]),
    ("onelane_slots", "gauge", &[]),
    ("onelane_slots_busy", "gauge", &[]),
    ("onelane_busy_seconds_total", "counter", &[]),
    ("onelane_waiting_seconds_total", "counter", &[]),
    ("onelane_queue_depth", "gauge", &[]),
    ("onelane_queue_limit", "gauge", &[]),
    ("onelane_queue_wait_seconds", "histogram", &[]),
    ("onelane_rejected_total", "counter", &["reason"]),
    ("onelane_compute_seconds", "histogram", &["workload"]),
    ("onelane_children", "gauge", &[]),
    ("onelane_child_spawns_total", "counter", &[]),
    ("onelane_child_spawn_seconds", "histogram", &[]),
    ("onelane_child_cpu_seconds_total", "counter", &[]),
    ("onelane_child_max_rss_bytes", "gauge", &[]),
    (
        "onelane_build_info",
        "gauge",
        &["engine", "mode", "service", "version"],
    ),
    ("process_cpu_seconds_total", "counter", &[]),
    ("process_open_fds", "gauge", &[]),
    ("process_max_fds", "gauge", &[]),
    ("process_resident_memory_bytes", "gauge", &[]),
    ("process_virtual_memory_bytes", "gauge", &[]),
    ("process_start_time_seconds", "gauge", &[]),
    ("process_threads", "gauge", &[]),
];

/// And those that exist only from the first event on.
const OF_CHILDREN: &[(&str, &str, &[&str])] = &[
    ("onelane_child_exits_total", "counter", &["cause"]),
    ("onelane_worker_restarts_total", "counter", &["cause"]),
];

/// Checks that the series stands in `text` with this type, and every sample of it with these labels.
#[track_caller]
fn check((name, kind, labels): (&str, &str, &[&str]), text: &str) {
    assert!(
        text.contains(&format!("# TYPE {name} {kind}\n")),
        "{name} in {text}"
    );
    let sample = if kind == "histogram" {
        format!("{name}_count")
    } else {
        name.to_owned()
    };
    let samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(&sample)?;
        rest.starts_with(['{', ' ']).then_some(rest)
    });
    let mut count = 0;
    for sample in samples {
        let found = sample.split('"').step_by(2).filter_map(|part| {
            let label = part.trim_start_matches(['{', ',']).strip_suffix('=')?;
            Some(label.to_owned())
        });
        let expected = labels.iter().map(|label| (*label).to_owned());
        assert_eq!(
            found.collect::<BTreeSet<_>>(),
            expected.collect(),
            "{name}{sample}"
        );
        count += 1;
    }
    assert!(count > 0, "{name} has no sample");
}

#[rstest]
#[tokio::test]
async fn every_series_of_the_contract_is_there(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.get("/fast").await;
    lane.get("/nope").await;
    lane.counted("onelane_rejected_total{reason=\"not_found\"}", 1.0)
        .await;
    let text = lane.admin("/metrics").await.text;
    for series in SERIES {
        check(*series, &text);
    }
    let build_info = "# TYPE onelane_build_info";
    assert_eq!(text.matches(build_info).count(), 1);
}

#[rstest]
#[tokio::test]
async fn the_metrics_count_what_was_answered(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for _ in 0..3 {
        lane.get("/fast").await;
    }
    lane.get("/sleep?ms=30").await;
    lane.get("/echo").await;
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
            r#"http_requests_total{method="GET",route="/echo",status="400"}"#,
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
        lane.counted(series, value).await;
    }
    let busy = lane.metric("onelane_busy_seconds_total").await;
    assert!(busy >= 0.030, "{busy}");
    assert_eq!(lane.metric("onelane_busy_seconds_total").await, busy);
    let build = format!(
        "onelane_build_info{{engine=\"{}\",mode=\"{mode}\",service=\"drills\",version=\"7.8.9\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(lane.metric(&build).await, 1.0);
    assert!(lane.metric("process_resident_memory_bytes").await > 0.0);
}

#[rstest]
#[case::blocking(Blocking, 0.0)]
#[case::threads(Threads, 0.0)]
#[case::fork(Fork, 5.0)]
#[case::pool(Pool, 1.0)]
#[case::cluster(Cluster, 1.0)]
#[tokio::test]
async fn the_metrics_count_the_children(#[case] mode: Mode, #[case] spawned: f64) {
    let lane = lane::of(mode, &[]);
    for _ in 0..3 {
        lane.get("/wait?ms=20").await;
    }
    let alive = if mode == Fork {
        lane.until_status(|status| status["children"]["exited"]["completed"] == 3)
            .await;
        lane.counted("onelane_child_exits_total{cause=\"completed\"}", 3.0)
            .await;
        2.0
    } else {
        spawned
    };
    lane.counted("onelane_children", alive).await;
    lane.counted("onelane_child_spawns_total", spawned).await;
    lane.counted("onelane_child_spawn_seconds_count", spawned)
        .await;
    let used = lane.metric("onelane_child_max_rss_bytes").await
        * lane.metric("onelane_child_cpu_seconds_total").await;
    // What a cluster's workers use is known when they have ended.
    assert_eq!(used > 0.0, matches!(mode, Fork | Pool));
}

/// In every mode that computes elsewhere: who dies is counted, and who takes its place.
#[rstest]
#[tokio::test]
async fn a_child_that_was_killed_is_counted_with_its_cause(
    #[values(Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let work = try_send(lane.request(Method::GET, "/sleep?ms=60000"));
    let kill = async {
        lane::signal(lane.until_computing().await, Signal::KILL);
    };
    let (answer, ()) = tokio::join!(work, kill);
    if mode == Cluster {
        // The worker that would answer is dead.
        answer.unwrap_err();
    } else {
        let answer = answer.unwrap();
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            (502, "worker_crashed")
        );
    }
    lane.counted("onelane_child_exits_total{cause=\"crashed\"}", 1.0)
        .await;
    lane.counted("onelane_rejected_total{reason=\"worker_crashed\"}", 1.0)
        .await;
    let replaced = if mode == Fork { 0.0 } else { 1.0 };
    lane.counted("onelane_worker_restarts_total{cause=\"crashed\"}", replaced)
        .await;
    assert_eq!(lane.get("/fast").await.status, 200);
    let text = lane.admin("/metrics").await.text;
    let kinds = if mode == Fork { 1 } else { 2 };
    for series in &OF_CHILDREN[..kinds] {
        check(*series, &text);
    }
}

/// The rest of the contract's table, as far as a caller can bring it about.
#[rstest]
#[tokio::test]
async fn every_status_and_reason_is_counted(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(
        mode,
        &[
            "--queue-timeout",
            "200ms",
            "--queue-max",
            "1",
            "--drain-delay",
            "1h",
        ],
    );
    let post = |kind: &str, body: String| {
        let request = lane.request(Method::POST, "/fast");
        send(request.header("content-type", kind).body(body))
    };
    lane.until_ready().await;
    lane.get("/echo").await;
    lane.get("/nope").await;
    send(lane.request(Method::PUT, "/fast")).await;
    post("text/plain", "{}".to_owned()).await;
    post("application/json", " ".repeat(1024 * 1024 + 1)).await;
    let short = lane.request(Method::GET, "/sleep?ms=60000");
    send(short.header("x-timeout", "0.05")).await;
    // Its slot is free a moment after its answer.
    lane.until("idle", 0).await;
    // One computes and leaves in the end, one waits for too long, one is too many.
    let work = lane.get("/sleep?ms=60000");
    let refused = async {
        lane.until("busy", 0).await;
        let next = async {
            lane.until("busy", 1).await;
            lane.get("/sleep?ms=60000").await
        };
        tokio::join!(lane.get("/sleep?ms=60000"), next);
    };
    tokio::select! { () = refused => {}, _ = work => unreachable!() }
    for (status, reason) in [
        (400, "bad_request"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (413, "body_too_large"),
        (415, "unsupported_media_type"),
        (499, "client_gone"),
        (503, "queue_full"),
        (503, "queue_timeout"),
        (504, "request_timeout"),
    ] {
        lane.logged(|line| line["status"] == status && line["reason"] == reason)
            .await;
        lane.counted(
            &format!("onelane_rejected_total{{reason=\"{reason}\"}}"),
            1.0,
        )
        .await;
        assert_eq!(lane.status().await["rejected"][reason], 1, "{reason}");
        let text = lane.admin("/metrics").await.text;
        assert!(text.contains(&format!("status=\"{status}\"}}")), "{status}");
    }
}
