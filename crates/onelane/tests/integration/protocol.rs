use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use serde_json::Value;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane, send};

const REFUSED: &str = r#"onelane_rejected_total{reason="protocol_mismatch"}"#;

/// A request that a balancer holds here which speaks this version, or does not say so.
fn held(lane: &Lane, method: Method, path: &str, version: Option<&str>) -> RequestBuilder {
    let request = lane.request(method, path).header("x-lane-hold-ms", "60000");
    match version {
        Some(version) => request.header("x-lane-protocol", version),
        None => request,
    }
}

#[rstest]
#[tokio::test]
async fn a_balancer_of_the_same_version_is_served(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let asked = async |path| send(held(&lane, Method::GET, path, Some("2"))).await.status;
    assert_eq!(asked("/fast").await, 200);
    assert_eq!(asked("/").await, 200);
    assert_eq!(asked("/nope").await, 404);
}

#[rstest]
#[case::silent(None, "no lane protocol")]
#[case::later(Some("3"), "lane protocol 3")]
#[case::garbage(Some("one\""), "no lane protocol")]
#[case::negative(Some("-1"), "no lane protocol")]
#[tokio::test]
async fn a_balancer_of_another_version_is_refused_whatever_it_asks_for(
    #[case] version: Option<&str>,
    #[case] spoken: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    let metrics = lane.admin("/metrics").await.text;
    assert!(
        metrics.contains(&format!("{REFUSED} 0\n")),
        "from the start"
    );

    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/fast"),
        (Method::POST, "/echo"),
        (Method::GET, "/echo?number=x"),
        (Method::GET, "/nope"),
        (Method::PUT, "/fast"),
    ] {
        let answer = send(held(&lane, method, path, version).body("x".repeat(1000))).await;
        let refusal = (answer.status, answer.reason());
        assert_eq!(refusal, (503, "protocol_mismatch".to_owned()), "{path}");
        let expected = format!(
            "nginx speaks {spoken} and this lane speaks lane protocol 2: \
             upgrade nginx/ and the engine together"
        );
        assert_eq!(answer.json()["detail"], expected);
        assert_eq!(answer.header("retry-after"), None, "it would not help");
        assert!(answer.header("x-served-by").is_some());
    }

    lane.logged_times(6, |line| line["reason"] == "protocol_mismatch")
        .await;
    lane.counted(REFUSED, 6.0).await;
    let errors = lane.log(|line| line["level"] == "ERROR");
    assert_eq!(errors.len(), 1, "once is enough: {errors:?}");
    let message = errors[0]["message"].as_str().unwrap();
    assert!(message.contains("upgrade nginx/"), "{message}");
    assert_eq!(lane.get("/fast").await.status, 200, "to others");
}

#[rstest]
#[tokio::test]
async fn a_busy_lane_refuses_it_too(#[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode) {
    // In a cluster it is the parent that says so, to those who have waited for too long.
    let lane = lane::of(mode, &["--queue-timeout", "500ms"]);
    lane.until_ready().await;
    let work = lane.get("/sleep?ms=60000");
    let answer = async {
        lane.until("busy", 0).await;
        send(held(&lane, Method::GET, "/fast", Some("3"))).await
    };
    let answer = tokio::select! { answer = answer => answer, _ = work => unreachable!() };
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (503, "protocol_mismatch")
    );
}

#[rstest]
#[case("x-lane-protocol", "3")]
#[case("x-lane-probe", "1")]
#[tokio::test]
async fn a_client_that_is_no_balancer_may_send_these_headers(
    #[case] header: &str,
    #[case] value: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for (path, status) in [("/fast", 200), ("/nope", 404)] {
        let request = lane.request(Method::GET, path).header(header, value);
        assert_eq!(send(request).await.status, status);
    }
    lane.logged_times(2, |line| line["message"] == "request")
        .await;
}

#[rstest]
#[tokio::test]
async fn a_probe_leaves_no_trace_as_long_as_all_is_well(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    let probe = async |version| {
        let probe = held(&lane, Method::GET, "/readyz", version);
        send(probe.header("x-lane-probe", "1")).await
    };
    let fits = probe(Some("2")).await;
    assert_eq!((fits.status, fits.text.as_str()), (200, "ok\n"));
    // A request that has the slot keeps it.
    if mode != Cluster {
        let work = lane.get("/sleep?ms=60000");
        let fits = async {
            lane.until("busy", 0).await;
            probe(Some("2")).await
        };
        let fits = tokio::select! { fits = fits => fits, _ = work => unreachable!() };
        assert_eq!(fits.status, 200);
    }

    let misfit = probe(Some("3")).await;
    assert_eq!(
        (misfit.status, misfit.reason().as_str()),
        (503, "protocol_mismatch")
    );
    // Reports of a cluster come in order: with this one come all before.
    lane.counted(REFUSED, 1.0).await;
    let metrics = lane.admin("/metrics").await.text;
    let counted = metrics
        .lines()
        .filter(|line| line.starts_with("http_requests_total{") && !line.contains("\"499\""));
    let counted: Vec<_> = counted.collect();
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert!(counted[0].contains(r#"status="503""#), "{counted:?}");
    // What is counted may not be in the log yet.
    let is_probe = |line: &Value| line["uri"] == "/readyz";
    lane.logged(is_probe).await;
    let logged = lane.log(is_probe);
    assert_eq!(logged.len(), 1, "{logged:?}");
}
