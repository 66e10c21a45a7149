use reqwest::Method;
use rstest::rstest;
use serde_json::json;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, send};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// What each method of `/take/{id}` makes of the same thing.
#[rstest]
#[case(Method::GET, "/take/k%C3%BC%2F1?count=3&name=a+b", "", "")]
#[case(Method::DELETE, "/take/k%C3%BC%2F1?count=3&name=a+b", "", "")]
#[case(Method::POST, "/take/k%C3%BC%2F1", FORM, "count=3&name=a+b")]
#[case(Method::POST, "/take/k%C3%BC%2F1?name=a+b", FORM, "count=3")]
#[case(Method::PUT, "/take/k%C3%BC%2F1", JSON, r#"{"count":3,"name":"a b"}"#)]
#[case(Method::PUT, "/take/k%C3%BC%2F1?count=3", JSON, r#"{"name":"a b"}"#)]
#[case(Method::PATCH, "/take/k%C3%BC%2F1/3", JSON, r#"{"name":"a b"}"#)]
#[tokio::test]
async fn path_query_and_body_fill_one_input(
    #[case] method: Method,
    #[case] path: &str,
    #[case] content_type: &str,
    #[case] body: &'static str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let mut request = lane.request(method.clone(), path);
    if !body.is_empty() {
        request = request.header("content-type", content_type).body(body);
    }
    let answer = send(request).await;
    let thing = json!({"id": "kü/1", "count": 3, "name": "a b"});
    assert_eq!((answer.status, answer.json()), (200, thing));
    // The pattern, never the path.
    let route = if method == Method::PATCH {
        "/take/{id}/{count}"
    } else {
        "/take/{id}"
    };
    let counter =
        format!("http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"200\"}}");
    lane.counted(&counter, 1.0).await;
}

#[rstest]
#[case::in_path_and_query(Method::GET, "/take/1?id=2", "", "", "duplicate field `id`")]
#[case::in_path_and_body(Method::PUT, "/take/1", JSON, r#"{"id":"2"}"#, "duplicate field `id`")]
#[case::in_query_and_body(
    Method::PUT,
    "/take/1?count=1",
    JSON,
    r#"{"count":2}"#,
    "duplicate field `count`"
)]
#[case::twice_in_a_form(
    Method::POST,
    "/take/1",
    FORM,
    "count=1&count=2",
    "duplicate field `count`"
)]
#[case::unknown_beside_a_body(Method::PUT, "/take/1?cuont=1", JSON, "{}", "unknown field `cuont`")]
#[case::unknown_beside_a_form(
    Method::POST,
    "/take/1?cuont=1",
    FORM,
    "count=1",
    "unknown field `cuont`"
)]
#[case::no_number(Method::POST, "/take/1", FORM, "count=x", "count: invalid digit")]
#[case::not_utf8(Method::GET, "/take/%ff", "", "", "the path is not valid UTF-8")]
#[tokio::test]
async fn what_is_there_twice_or_beside_the_point_is_a_400(
    #[case] method: Method,
    #[case] path: &str,
    #[case] content_type: &str,
    #[case] body: &'static str,
    #[case] why: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let mut request = lane.request(method, path);
    if !body.is_empty() {
        request = request.header("content-type", content_type).body(body);
    }
    let answer = send(request).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (400, "bad_request")
    );
    let problem = answer.json();
    assert!(
        problem["detail"].as_str().unwrap().contains(why),
        "{problem}"
    );
}

#[rstest]
#[tokio::test]
async fn a_route_takes_its_methods_types_and_lengths_and_no_others(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for (path, allowed) in [
        ("/take/7", "GET, HEAD, POST, PUT, DELETE"),
        ("/take/bytes", "POST"),
        ("/fast", "GET, HEAD, POST"),
    ] {
        let refused = send(lane.request(Method::TRACE, path)).await;
        assert_eq!(
            (refused.status, refused.header("allow")),
            (405, Some(allowed))
        );
        let told = send(lane.request(Method::OPTIONS, path)).await;
        assert_eq!((told.status, told.header("allow")), (204, Some(allowed)));
    }
    for (method, path, content_type, length, status) in [
        (Method::POST, "/take/bytes", "image/png", 5, 200),
        (
            Method::POST,
            "/take/bytes",
            "TEXT/csv; charset=utf-8",
            5,
            200,
        ),
        (Method::POST, "/take/bytes", "image/jpeg", 5, 415),
        (Method::POST, "/take/bytes", JSON, 5, 415),
        (Method::POST, "/take/bytes", "image/png", 8 << 20, 200),
        (Method::POST, "/take/bytes", "image/png", (8 << 20) + 1, 413),
        (Method::PUT, "/take/1", FORM, 5, 415),
        (Method::PUT, "/take/1", JSON, 1001, 413),
        (Method::POST, "/take/1", JSON, 5, 415),
        (Method::DELETE, "/take/1", JSON, 5, 200),
    ] {
        let request = lane.request(method.clone(), path);
        let request = request.header("content-type", content_type);
        let answer = send(request.body(vec![b'x'; length])).await;
        assert_eq!(
            answer.status, status,
            "{method} {path} {content_type} {length}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn raw_bytes_arrive_as_they_were_sent(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let body: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let sum = body
        .iter()
        .fold(0, |sum: u32, byte| sum.wrapping_add((*byte).into()));
    let expected = json!({"width": 7, "bytes": body.len(), "sum": sum, "key": "once-7"});
    for _ in 0..2 {
        let request = lane.request(Method::POST, "/take/bytes?width=7");
        let request = request.header("content-type", "image/png");
        let request = request.header("idempotency-key", "once-7");
        let answer = send(request.body(body.clone())).await;
        assert_eq!((answer.status, answer.json()), (200, expected.clone()));
    }
}
