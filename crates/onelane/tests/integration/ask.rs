use reqwest::{Client, Method, RequestBuilder};
use rstest::rstest;
use rustix::process::Signal;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Answer, Lane, send};

/// A POST as nginx passes it on.
fn post(lane: &Lane, path: &str, hold_ms: &str) -> RequestBuilder {
    let request = lane.request(Method::POST, path);
    let request = request.header("content-type", "application/json");
    let request = request.header("x-lane-protocol", "2");
    request.header("x-lane-hold-ms", hold_ms)
}

/// The same without its body, which nginx sends when it has found a lane for it.
async fn ask(lane: &Lane, path: &str) -> Answer {
    send(post(lane, path, "0").header("x-lane-ask", "1")).await
}

/// Asks a lane that is idle. Returns the token for the body.
async fn token(lane: &Lane) -> String {
    let answer = ask(lane, "/sleep").await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("x-accel-redirect"), Some("@send"));
    answer.header("x-lane-token").expect("a token").to_owned()
}

async fn rest(lane: &Lane, token: &str, body: &str) -> Answer {
    let request = post(lane, "/sleep", "0").header("x-lane-token", token);
    send(request.body(body.to_owned())).await
}

#[track_caller]
fn assert_busy(answer: &Answer, next_round: &str) {
    assert_eq!((answer.status, answer.text.as_str()), (403, ""));
    assert_eq!(answer.header("x-accel-redirect"), Some(next_round));
}

#[rstest]
#[tokio::test]
async fn a_lane_that_was_asked_keeps_its_slot_for_the_body(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let token = token(&lane).await;
    lane.until("busy", 0).await;
    assert_busy(&send(lane.held("/fast", "0")).await, "@next_lane");
    assert_busy(&ask(&lane, "/sleep").await, "@ask");
    assert_busy(&rest(&lane, "another", "{\"ms\":1}").await, "@ask");

    let answer = rest(&lane, &token, "{\"ms\":5}").await;
    assert_eq!((answer.status, &answer.json()["ms"]), (200, &5.into()));
    assert!(answer.timing("queue") >= 0.0);
    // Once.
    lane.until("idle", 0).await;
    let work = lane.get("/sleep?ms=60000");
    let again = async {
        lane.until("busy", 0).await;
        rest(&lane, &token, "{\"ms\":5}").await
    };
    tokio::select! { again = again => assert_busy(&again, "@ask"), _ = work => unreachable!() }
}

/// nginx may have more than these ways to go on.
#[tokio::test]
async fn a_busy_lane_sends_a_request_to_where_it_was_told() {
    let lane = lane::of(Blocking, &[]);
    let work = lane.get("/sleep?ms=60000");
    let refused = async {
        lane.until("busy", 0).await;
        let request = lane.held("/fast", "0").header("x-lane-next", "@elsewhere");
        send(request).await
    };
    tokio::select! { busy = refused => assert_busy(&busy, "@elsewhere"), _ = work => unreachable!() }
}

#[rstest]
#[tokio::test]
async fn it_keeps_no_more_than_it_has(#[values(Threads, Fork, Pool)] mode: Mode) {
    let lane = lane::with_slots(mode, 2, &[]);
    let tokens = [token(&lane).await, token(&lane).await];
    assert_ne!(tokens[0], tokens[1]);
    assert_busy(&ask(&lane, "/sleep").await, "@ask");
    for token in tokens {
        assert_eq!(rest(&lane, &token, "{\"ms\":5}").await.status, 200);
    }
}

/// The body may come to another process.
#[tokio::test]
async fn a_cluster_says_that_a_worker_is_idle_and_keeps_nothing() {
    let lane = lane::of(Cluster, &[]);
    lane.until_ready().await;
    let token = token(&lane).await;
    assert_eq!(send(lane.held("/fast", "0")).await.status, 200);
    assert_eq!(rest(&lane, &token, "{\"ms\":5}").await.status, 200);
    lane.until_status(|status| status["slots"][0]["requests_served"] == 2)
        .await;
}

#[rstest]
#[tokio::test]
async fn a_slot_whose_body_does_not_come_is_free_again(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let token = token(&lane).await;
    let next = lane.get("/fast").await;
    assert_eq!(next.status, 200);
    assert!(next.timing("queue") > 0.0, "it waited");

    // Like any other request.
    lane.until("idle", 0).await;
    assert_eq!(rest(&lane, &token, "{\"ms\":5}").await.status, 200);
    let served = lane.until("idle", 0);
    served.await;
    assert_eq!(lane.status().await["slots"][0]["requests_served"], 2);
}

#[rstest]
#[tokio::test]
async fn to_ask_is_no_request_yet(#[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    let token = token(&lane).await;
    assert_eq!(rest(&lane, &token, "{\"ms\":5}").await.status, 200);

    let counted = r#"http_requests_total{method="POST",route="/sleep",status="200"}"#;
    lane.counted(counted, 1.0).await;
    let metrics = lane.admin("/metrics").await.text;
    let count = |series: &str| {
        let mut lines = metrics.lines();
        lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
    };
    assert!(!metrics.contains("status=\"204\""), "{metrics}");
    assert!(!metrics.contains("reason=\"asked\""), "{metrics}");
    assert_eq!(count("onelane_queue_wait_seconds_count"), Some("1"));
    let duration = r#"http_request_duration_seconds_count{route="/sleep"}"#;
    assert_eq!(count(duration), Some("1"));
    lane.logged(|line| line["uri"] == "/sleep").await;
    assert_eq!(lane.log(|line| line["uri"] == "/sleep").len(), 1);
}

/// These are answers to the caller, who need not send its body for them.
#[rstest]
#[tokio::test]
async fn a_caller_that_asks_in_vain_is_told_why(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    for (path, timeout, status, reason) in [
        ("/nope", "1", 404, "not_found"),
        ("/sleep", "x", 400, "bad_request"),
    ] {
        let request = post(&lane, path, "0").header("x-lane-ask", "1");
        let answer = send(request.header("x-timeout", timeout)).await;
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason));
        lane.counted(
            &format!("onelane_rejected_total{{reason=\"{reason}\"}}"),
            1.0,
        )
        .await;
    }
    assert_eq!(lane.get("/fast").await.status, 200, "the slot is free");
}

#[rstest]
#[case("x-lane-ask", "1")]
#[case("x-lane-token", "t")]
#[tokio::test]
async fn a_client_of_a_lane_alone_may_say_what_it_likes(
    #[case] header: &str,
    #[case] value: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let request = lane.request(Method::POST, "/sleep").header(header, value);
    let request = request.header("content-type", "application/json");
    assert_eq!(send(request.body("{\"ms\":5}")).await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_lane_that_shuts_down_waits_for_the_body(
    #[values(Blocking, Threads, Fork, Pool)] mode: Mode,
) {
    let mut lane = lane::of(mode, &[]);
    let token = token(&lane).await;
    lane.signal(Signal::TERM);
    lane.until_status(|status| status["phase"] == "draining")
        .await;
    // Not on the one that it has: there the lane says that it leaves.
    let on_a_new_connection = async |request: RequestBuilder| {
        let request = request.build().unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        send(RequestBuilder::from_parts(client, request)).await
    };
    let asked = post(&lane, "/sleep", "0").header("x-lane-ask", "1");
    assert_busy(&on_a_new_connection(asked).await, "@ask");
    let rest = post(&lane, "/sleep", "0").header("x-lane-token", token);
    let rest = on_a_new_connection(rest.body("{\"ms\":5}")).await;
    assert_eq!(rest.status, 200);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}
