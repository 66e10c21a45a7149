use reqwest::Method;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, send};

#[rstest]
#[case::missing("/echo")]
#[case::empty("/echo?number=")]
#[case::not_a_number("/echo?number=seven")]
#[case::not_an_integer("/echo?number=7.5")]
#[case::negative("/echo?number=-7")]
#[case::beyond_64_bits("/echo?number=18446744073709551616")]
#[case::twice("/echo?number=7&number=8")]
#[case::unknown_name("/echo?number=7&tone=shrill")]
#[case::empty_at_the_root("/?number=")]
#[case::no_ms("/wait")]
#[case::too_long_a_wait("/wait?ms=3600001")]
#[case::too_long_a_sleep("/sleep?ms=3600001")]
#[case::too_long_a_block("/block-server?ms=3600001")]
#[case::too_much_memory("/allocate?mib=1048577")]
#[case::percent_of_nothing("/echo?number=%zz")]
#[tokio::test]
async fn bad_input_is_a_400(
    #[case] path: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let answer = lane::of(mode, &[]).get(path).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.reason(), "bad_request");
}

#[rstest]
#[case::cut_off(r#"{"number":"#)]
#[case::not_an_object("[7]")]
#[case::a_number("7")]
#[case::text_for_a_number(r#"{"number": "7"}"#)]
#[case::a_fraction(r#"{"number": 7.5}"#)]
#[case::negative(r#"{"number": -7}"#)]
#[case::beyond_64_bits(r#"{"number": 18446744073709551616}"#)]
#[case::two_objects(r#"{"number": 7} {"number": 8}"#)]
#[case::the_same_field_twice(r#"{"number": 7, "number": 8}"#)]
#[case::nested_too_deeply_to_be_text(&format!(r#"{{"number": 7, "text": {}1{}}}"#, "[".repeat(1000), "]".repeat(1000)))]
#[case::nothing("")]
#[case::not_utf8("\u{0}")]
#[tokio::test]
async fn a_malformed_body_is_a_400(
    #[case] body: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let answer = lane::of(mode, &[]).post("/echo", body).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.reason(), "bad_request");
}

#[rstest]
#[tokio::test]
async fn an_error_names_the_field(#[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode) {
    let lane = lane::of(mode, &[]);
    let detail = async |path| lane.get(path).await.json()["detail"].to_string();
    assert!(detail("/echo").await.contains("number"));
    assert!(detail("/echo?number=x").await.contains("number"));
    assert!(
        detail("/sleep?ms=9999999")
            .await
            .contains("ms: must be at most 3600000")
    );
}

#[rstest]
#[case("text/plain")]
#[case("application/x-www-form-urlencoded")]
#[case("application/jsonp")]
#[tokio::test]
async fn a_body_of_another_type_is_a_415(
    #[case] content_type: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let request = lane
        .request(Method::POST, "/echo")
        .header("content-type", content_type);
    let answer = send(request.body(r#"{"number": 7}"#)).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (415, "unsupported_media_type")
    );
}

#[rstest]
#[case("application/json; charset=utf-8")]
#[case("APPLICATION/JSON")]
#[case("application/vnd.example+json")]
#[tokio::test]
async fn every_spelling_of_json_is_taken(
    #[case] content_type: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let request = lane
        .request(Method::POST, "/echo")
        .header("content-type", content_type);
    assert_eq!(send(request.body(r#"{"number": 7}"#)).await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_body_over_1_mib_is_a_413_and_one_of_1_mib_is_not(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let mut body = r#"{"number": 7}"#.to_owned();
    body.push_str(&" ".repeat(1024 * 1024 - body.len()));
    assert_eq!(lane.post("/echo", &body).await.status, 200);
    body.push(' ');
    let answer = lane.post("/echo", &body).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (413, "body_too_large")
    );
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[rstest]
#[case("/nope")]
#[case("/echo/7")]
#[case("/status")]
#[case("/metrics")]
#[tokio::test]
async fn an_unknown_route_is_a_404(
    #[case] path: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let answer = lane::of(mode, &[]).get(path).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (404, "not_found")
    );
}

#[rstest]
#[case(Method::PUT)]
#[case(Method::DELETE)]
#[case(Method::PATCH)]
#[case(Method::TRACE)]
#[tokio::test]
async fn another_method_is_a_405_that_names_the_allowed_ones(
    #[case] method: Method,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for path in ["/echo?number=7", "/", "/fast"] {
        let answer = send(lane.request(method.clone(), path)).await;
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            (405, "method_not_allowed")
        );
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
    }
}

#[tokio::test]
async fn the_smallest_and_the_largest_x_timeout_are_taken() {
    let lane = lane::start(&[]);
    for (seconds, ms, status) in [("1e-300", 600_000, 504), ("1000000000", 1, 200)] {
        let request = lane.request(Method::GET, &format!("/sleep?ms={ms}"));
        let answer = send(request.header("X-Timeout", seconds)).await;
        assert_eq!(answer.status, status, "{seconds}");
    }
}

#[rstest]
#[case("")]
#[case("soon")]
#[case("0")]
#[case("-1")]
#[case("NaN")]
#[case("inf")]
#[case("1e99")]
#[case("1000000000.1")]
#[tokio::test]
async fn a_bad_x_timeout_is_a_400(
    #[case] value: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let answer = send(
        lane.request(Method::GET, "/fast")
            .header("x-timeout", value),
    )
    .await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (400, "bad_request")
    );
}

#[rstest]
#[tokio::test]
async fn bytes_that_are_not_http_close_their_connection_and_harm_no_other_client(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let mut stream = TcpStream::connect(&lane.listen).await.unwrap();
    stream
        .write_all(b"\x16\x03\x01 hello\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    assert_eq!(lane.get("/fast").await.status, 200);
}

/// As curl does it with a body of more than a megabyte.
#[rstest]
#[tokio::test]
async fn a_client_that_asks_whether_to_send_its_body_is_told_to(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let mut stream = TcpStream::connect(&lane.listen).await.unwrap();
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\
                Content-Type: application/json\r\nContent-Length: 12\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 25];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{\"number\":7}").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
