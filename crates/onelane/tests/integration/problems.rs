use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Answer, send};

/// The members of a problem, without those that name the request.
fn members(answer: &Answer) -> Value {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let mut members = answer.json();
    let id = members.as_object_mut().unwrap().remove("request_id");
    assert_eq!(id.unwrap().as_str(), answer.header("x-request-id"));
    members
}

#[rstest]
#[tokio::test]
async fn a_problem_reaches_the_caller_as_it_is(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let answer = lane.get("/refuse?how=plainly").await;
    assert_eq!(answer.status, 404);
    let expected = json!({
        "type": "about:blank",
        "title": "There is no such customer",
        "status": 404,
        "detail": "There is no such customer",
        "reason": "unknown_customer",
    });
    assert_eq!(members(&answer), expected);
    assert!(answer.timing("compute") >= 0.0);

    let answer = lane.get("/refuse?how=at_length").await;
    assert_eq!(answer.status, 422);
    // A field cannot take the place of one of the engine's.
    let expected = json!({
        "type": "about:blank",
        "title": "The order is not valid",
        "status": 422,
        "detail": "2 fields are wrong",
        "reason": "invalid_order",
        "errors": ["amount: too large", "street: <missing> \"ü\""],
    });
    assert_eq!(members(&answer), expected);
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(answer.header("link"), Some("</help>; rel=help"));
}

#[rstest]
#[tokio::test]
async fn a_problem_is_counted_and_logged_with_its_reason(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    // There before it happens: Prometheus does not see that a series begins.
    let closed = "onelane_rejected_total{reason=\"shop_closed\"}";
    assert!(lane.admin("/metrics").await.text.contains(closed));
    for (how, status, reason) in [
        ("plainly", 404, "unknown_customer"),
        ("unavailable", 503, "shop_closed"),
    ] {
        let answer = lane.get(&format!("/refuse?how={how}")).await;
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason));
        let rejected = format!("onelane_rejected_total{{reason=\"{reason}\"}}");
        lane.counted(&rejected, 1.0).await;
        lane.logged(|line| line["status"] == status && line["reason"] == reason)
            .await;
    }
    lane.counted("onelane_compute_seconds_count{workload=\"refuse\"}", 2.0)
        .await;
}

/// It is an answer like another: no child is replaced because of it.
#[rstest]
#[tokio::test]
async fn a_problem_costs_no_child(#[values(Pool, Cluster)] mode: Mode) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    for how in ["plainly", "by_an_error"] {
        lane.get(&format!("/refuse?how={how}")).await;
    }
    lane.counted("onelane_rejected_total{reason=\"internal\"}", 1.0)
        .await;
    assert_eq!(lane.metric("onelane_child_spawns_total").await, 1.0);
}

#[rstest]
#[case::an_error("by_an_error", "invalid digit found in string")]
#[case::an_error_with_a_cause(
    "by_a_cause",
    "the model cannot be read: No such file or directory (os error 2)"
)]
#[case::a_reason_that_is_not_declared("undeclared", "the reason undeclared is not in REASONS")]
#[case::a_header_of_the_engines(
    "redirecting",
    "the header x-accel-redirect is not for a workload to set"
)]
#[tokio::test]
async fn any_other_error_is_a_500_whose_cause_is_in_the_log_alone(
    #[case] how: &str,
    #[case] why: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let request = lane.request(Method::GET, &format!("/refuse?how={how}"));
    let answer = send(request.header("x-request-id", "failing")).await;
    assert_eq!((answer.status, answer.reason().as_str()), (500, "internal"));
    assert!(!answer.text.contains(why) && answer.header("x-accel-redirect").is_none());
    let line = lane.logged(|line| line["message"] == "the workload failed");
    let line = line.await;
    assert_eq!(
        (&line["request_id"], &line["why"]),
        (&json!("failing"), &json!(why))
    );
    lane.counted("onelane_rejected_total{reason=\"internal\"}", 1.0)
        .await;
    assert_eq!(lane.get("/fast").await.status, 200);
}
