use reqwest::Method;
use rstest::rstest;
use serde_json::json;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, send};

#[rstest]
#[case("/echo?number=7", json!({"number": 7, "tone": "plain"}))]
#[case("/?number=13", json!({"number": 13, "tone": "plain"}))]
#[case("/echo?number=18446744073709551615&tone=loud", json!({"number": u64::MAX, "tone": "loud"}))]
#[case("/echo?number=0&text=%C3%BC+%26", json!({"number": 0, "tone": "plain", "text": "ü &"}))]
#[case("/wait?ms=1", json!({"ms": 1}))]
#[case("/sleep?ms=1", json!({"ms": 1}))]
#[case("/sleep?ms=0", json!({"ms": 0}))]
#[case("/fast", json!({"ok": true}))]
#[case("/fast-one", json!({"ok": true}))]
#[tokio::test]
async fn each_route_answers_with_its_fields_and_the_common_headers(
    #[case] path: &str,
    #[case] expected: serde_json::Value,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let answer = lane.get(path).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let mut fields = answer.json();
    let fields = fields.as_object_mut().unwrap();
    // Some drills tell where they were computed.
    let computed_by = fields.remove("pid").map(|pid| pid.as_u64().unwrap());
    assert_eq!(json!(fields), expected);
    let (_, answered_by) = answer
        .header("x-served-by")
        .unwrap()
        .split_once('/')
        .unwrap();
    let answered_by: u64 = answered_by.parse().unwrap();
    // A worker answers for itself, a computing child lets the server do so.
    assert_eq!(answered_by == lane.pid(), mode != Cluster);
    if let Some(computed_by) = computed_by {
        assert_eq!(computed_by == answered_by, !matches!(mode, Fork | Pool));
    }
    assert_eq!(answer.header("x-request-id").unwrap().len(), 32);
    assert!(answer.timing("queue") >= 0.0 && answer.timing("compute") >= 0.0);
}

#[rstest]
#[tokio::test]
async fn every_route_tells_its_methods(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for path in ["/echo", "/", "/sleep", "/fast-one"] {
        let answer = send(lane.request(Method::OPTIONS, path)).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{path}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
    }
    let series = r#"http_requests_total{method="OPTIONS",route="/echo",status="204"}"#;
    lane.counted(series, 1.0).await;
}

#[rstest]
#[case("/echo", r#"{"number": 15}"#, "/echo?number=15")]
#[case("/", r#"{"number": 15}"#, "/?number=15")]
#[case(
    "/echo",
    r#"{"number": 7, "tone": "loud"}"#,
    "/echo?number=7&tone=loud"
)]
#[case("/sleep", r#"{"ms": 1}"#, "/sleep?ms=1")]
#[case("/fast", "{}", "/fast")]
#[case("/fast", "", "/fast")]
#[tokio::test]
async fn a_post_with_json_answers_like_a_get_with_a_query(
    #[case] path: &str,
    #[case] body: &str,
    #[case] get: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let [posted, got] = [lane.post(path, body).await, lane.get(get).await].map(|answer| {
        let mut fields = answer.json();
        // A fresh process each, in one of the modes.
        fields.as_object_mut().unwrap().remove("pid");
        (answer.status, fields)
    });
    assert_eq!(posted.0, 200);
    assert_eq!(posted, got);
}

#[rstest]
#[tokio::test]
async fn a_post_without_a_body_needs_no_type(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let answer = send(lane.request(Method::POST, "/fast")).await;
    assert_eq!(answer.status, 200);
}

#[rstest]
#[tokio::test]
async fn block_server_waits_five_seconds_unless_told_otherwise(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    assert_eq!(lane.get("/block-server?ms=1").await.json()["ms"], 1);
    // Not waited for: the limit is reached first, which a shorter wait would not do.
    let request = lane.request(Method::GET, "/block-server");
    assert_eq!(send(request.header("x-timeout", "0.05")).await.status, 504);
}

#[rstest]
#[tokio::test]
async fn head_is_a_get_without_the_body(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let head = send(lane.request(Method::HEAD, "/echo?number=7")).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.text, "");
    assert!(head.header("server-timing").is_some());
    let length: usize = head.header("content-length").unwrap().parse().unwrap();
    assert!(length > 0);
}

#[rstest]
#[case("/")]
#[case("/?")]
#[tokio::test]
async fn the_root_without_a_query_is_the_page(
    #[case] path: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let page = lane::of(mode, &[]).get(path).await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.text.contains("<title>drills</title>"));
}

#[rstest]
#[tokio::test]
async fn a_sane_request_id_is_kept_and_another_is_replaced(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let id_for = async |id: &str| {
        let request = lane
            .request(Method::GET, "/fast")
            .header("x-request-id", id);
        send(request)
            .await
            .header("x-request-id")
            .unwrap()
            .to_owned()
    };
    assert_eq!(id_for("order-66.retry_1").await, "order-66.retry_1");
    for insane in ["", "two words", "<script>", "quote\"", &"x".repeat(129)] {
        let given = id_for(insane).await;
        assert_ne!(given, insane);
        assert_eq!(given.len(), 32);
    }
}

/// But for a cluster, where only an idle worker reads anything.
#[rstest]
#[tokio::test]
async fn what_needs_no_computation_needs_no_slot(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let busy = lane.get("/sleep?ms=60000");
    let answers = async {
        lane.until("busy", 0).await;
        for (path, status) in [("/", 200), ("/echo", 400), ("/nope", 404)] {
            assert_eq!(lane.get(path).await.status, status);
        }
        let put = lane.request(Method::PUT, "/fast");
        assert_eq!(send(put).await.status, 405);
    };
    tokio::select! { () = answers => {}, _ = busy => unreachable!() };
}
