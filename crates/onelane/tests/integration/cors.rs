use reqwest::{Method, RequestBuilder};
use rstest::rstest;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Answer, send};

const FRIEND: &str = "https://friend.example";
const FRIENDS: [&str; 2] = [
    "--cors-origins",
    "https://friend.example,http://localhost:3000",
];

const ALLOW_ORIGIN: &str = "access-control-allow-origin";

/// A request from a page of this site.
fn from(origin: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("origin", origin)
}

/// Whether any page that sent a request may read this.
#[track_caller]
fn readable(answer: &Answer) {
    assert_eq!(answer.header(ALLOW_ORIGIN), Some(FRIEND), "{answer:?}");
    assert_eq!(answer.header("access-control-expose-headers"), Some("*"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    assert!(answer.header("x-request-id").is_some());
}

#[rstest]
#[tokio::test]
async fn other_sites_are_not_told_anything_unless_the_settings_name_them(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let asked = from(FRIEND, lane.request(Method::OPTIONS, "/fast"));
    let before = send(asked.header("access-control-request-method", "POST")).await;
    let answer = send(from(FRIEND, lane.request(Method::GET, "/fast"))).await;
    for (answer, status) in [(before, 204), (answer, 200)] {
        assert_eq!(answer.status, status);
        let mut names = answer.headers.keys();
        assert!(!names.any(|name| name == "vary" || name.as_str().starts_with("access-control-")));
    }
}

#[rstest]
#[tokio::test]
async fn a_page_of_a_named_site_may_read_answers_and_one_of_another_may_not(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &FRIENDS);
    let asked = async |origin| send(from(origin, lane.request(Method::GET, "/fast"))).await;
    readable(&asked(FRIEND).await);
    let local = asked("http://localhost:3000").await;
    assert_eq!(local.header(ALLOW_ORIGIN), Some("http://localhost:3000"));
    for other in ["https://foe.example", "http://friend.example", "null"] {
        let answer = asked(other).await;
        // It is told the answer, and its browser keeps it to itself.
        assert_eq!((answer.status, answer.header(ALLOW_ORIGIN)), (200, None));
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    assert_eq!(lane.get("/fast").await.header(ALLOW_ORIGIN), None);
}

#[rstest]
#[tokio::test]
async fn a_star_is_every_site(#[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode) {
    let lane = lane::of(mode, &["--cors-origins", "*"]);
    let answer = send(from("null", lane.request(Method::GET, "/fast"))).await;
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("*"));
    assert_eq!(answer.header("vary"), None);
    // A cache may show this one to a page later.
    let answer = lane.get("/fast").await;
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("*"));
}

#[rstest]
#[tokio::test]
async fn errors_are_readable_too(#[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode) {
    let flags = [&FRIENDS[..], &["--queue-timeout", "50ms"]].concat();
    let lane = lane::of(mode, &flags);
    let asked = async |method, path| send(from(FRIEND, lane.request(method, path))).await;
    for (method, path, status) in [
        (Method::GET, "/nope", 404),
        (Method::GET, "/echo?number=x", 400),
        (Method::DELETE, "/fast", 405),
        (Method::GET, "/refuse?how=at_length", 422),
        (Method::GET, "/panic", 500),
    ] {
        let answer = asked(method, path).await;
        assert_eq!(answer.status, status, "{path}");
        readable(&answer);
    }
    let stranger = lane.request(Method::GET, "/fast");
    let answer = send(from(FRIEND, stranger.header("x-lane-hold-ms", "5"))).await;
    assert_eq!(answer.reason(), "protocol_mismatch");
    readable(&answer);
    let work = lane.get("/sleep?ms=60000");
    let refused = async {
        lane.until_busy(1).await;
        asked(Method::GET, "/fast").await
    };
    let answer = tokio::select! { answer = refused => answer, _ = work => unreachable!() };
    assert_eq!(answer.reason(), "queue_timeout");
    assert!(answer.header("retry-after").is_some());
    readable(&answer);
}

#[rstest]
#[tokio::test]
async fn a_browser_that_asks_first_is_told_what_it_may_send(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &FRIENDS);
    let asked = async |origin, path| {
        let request = from(origin, lane.request(Method::OPTIONS, path));
        let request = request.header("access-control-request-method", "POST");
        send(request.header("access-control-request-headers", "content-type,x-timeout")).await
    };
    let told = asked(FRIEND, "/echo").await;
    assert_eq!((told.status, told.text.as_str()), (204, ""));
    readable(&told);
    let told = |name: &str| told.header(&format!("access-control-{name}")).unwrap();
    assert_eq!(told("allow-methods"), "GET, HEAD, POST");
    assert_eq!(told("allow-headers"), "content-type,x-timeout");
    assert!(told("max-age").parse::<u32>().unwrap() > 0);

    let answer = asked("https://foe.example", "/echo").await;
    assert_eq!(answer.header("access-control-allow-methods"), None);
    assert_eq!(asked(FRIEND, "/nope").await.status, 404);
}

/// Not for a cluster: there the worker that has the connection also computes.
#[rstest]
#[tokio::test]
async fn to_be_told_needs_no_slot(#[values(Blocking, Threads, Fork, Pool)] mode: Mode) {
    let lane = lane::of(mode, &[]);
    let work = lane.get("/sleep?ms=60000");
    let told = async {
        lane.until("busy", 0).await;
        send(lane.request(Method::OPTIONS, "/sleep")).await.status
    };
    let status = tokio::select! { status = told => status, _ = work => unreachable!() };
    assert_eq!(status, 204);
}
