//! The trace that a request belongs to: in the log, in every mode, and on its way to programs and other services.

#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod config;
#[cfg(feature = "otlp")]
mod exported;
#[cfg(feature = "otlp")]
mod lost;

use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use serde_json::Value;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane, send};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn traced(lane: &Lane, path: &str) -> RequestBuilder {
    let request = lane.request(Method::GET, path);
    request.header("traceparent", CALLER)
}

/// The trace and the span of a `traceparent`.
fn parts(traceparent: &Value) -> (String, String) {
    let traceparent = traceparent.as_str().unwrap();
    assert_eq!(traceparent.len(), CALLER.len(), "{traceparent}");
    (
        traceparent[3..35].to_owned(),
        traceparent[36..52].to_owned(),
    )
}

#[rstest]
#[tokio::test]
async fn a_request_is_in_the_trace_of_its_caller(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let request = traced(&lane, "/trace").header("tracestate", "a=1");
    let answer = send(request.header("tracestate", "b=2")).await.json();
    let (trace, span) = parts(&answer["traceparent"]);
    assert_eq!((&*trace, &answer["tracestate"]), (TRACE, &"a=1,b=2".into()));
    assert!(answer["traceparent"].as_str().unwrap().ends_with("-01"));
    // Without a collector no other span is known anywhere.
    assert_eq!(answer["within"], answer["traceparent"]);
    let line = lane.logged(|line| line["message"] == "request").await;
    assert_eq!(
        (&line["trace_id"], &line["span_id"]),
        (&TRACE.into(), &span.into())
    );
}

#[rstest]
#[tokio::test]
async fn what_a_workload_logs_bears_the_trace_of_its_request(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for path in ["/note?text=hello", "/panic", "/refuse?how=by_an_error"] {
        send(traced(&lane, path)).await;
    }
    for message in ["note", "panic", "the workload failed", "request"] {
        let line = lane.logged(|line| line["message"] == message).await;
        assert_eq!(line["trace_id"], TRACE, "{line}");
        let request = lane.logged(|other| {
            other["message"] == "request" && other["request_id"] == line["request_id"]
        });
        assert_eq!(line["span_id"], request.await["span_id"], "{line}");
    }
    let outside = lane.log(|line| line["message"] == "listening");
    assert_eq!(outside[0].get("trace_id"), None);
}

#[rstest]
#[case::none(&[])]
#[case::malformed(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"])]
#[case::two(&[CALLER, CALLER])]
#[tokio::test]
async fn a_request_without_a_valid_caller_begins_a_trace(#[case] callers: &[&str]) {
    const CHOSEN: &str = "11111111111111111111111111111111";
    let lane = lane::of(Blocking, &[]);
    let mut seen = Vec::new();
    for chosen in ["", CHOSEN, "no id"] {
        let mut request = lane
            .request(Method::GET, "/trace")
            .header("x-lane-trace", chosen);
        for caller in callers {
            request = request
                .header("traceparent", *caller)
                .header("tracestate", "a=1");
        }
        let answer = send(request).await.json();
        assert_eq!(answer["tracestate"], "");
        // Nobody exports it.
        assert!(answer["traceparent"].as_str().unwrap().ends_with("-00"));
        seen.push(parts(&answer["traceparent"]).0);
    }
    assert_eq!(seen[1], CHOSEN);
    assert!(seen.iter().all(|trace| trace != TRACE) && seen[0] != seen[2]);
}

#[tokio::test]
async fn each_hop_is_a_span_of_its_own() {
    let lane = lane::of(Blocking, &["--log-level", "debug"]);
    let busy = tokio::spawn(send(lane.request(Method::GET, "/sleep?ms=60000")));
    lane.until_busy(1).await;
    for _ in 0..2 {
        let held = lane.held("/trace", "0").header("traceparent", CALLER);
        assert_eq!(send(held).await.status, 403);
    }
    lane.logged_times(2, |line| line["reason"] == "busy").await;
    let hops = lane.log(|line| line["reason"] == "busy");
    assert!(hops.iter().all(|hop| hop["trace_id"] == TRACE), "{hops:?}");
    assert_ne!(hops[0]["span_id"], hops[1]["span_id"]);
    busy.abort();
}

#[rstest]
#[tokio::test]
async fn a_program_is_in_the_trace_of_its_request(#[values(Blocking, Pool)] mode: Mode) {
    let lane = lane::of(mode, &[]);
    let script = "/run?script=echo%20$TRACEPARENT,$TRACESTATE";
    let run = |state: &'static str| {
        let request = lane
            .request(Method::POST, script)
            .header("traceparent", CALLER);
        let request = request.header("content-type", "text/plain");
        send(request.header("tracestate", state).body("x"))
    };
    for state in ["a=1", ""] {
        let answer = run(state).await;
        let (traceparent, passed) = answer.text.trim().split_once(',').unwrap();
        assert_eq!(
            (parts(&traceparent.into()).0.as_str(), passed),
            (TRACE, state)
        );
    }
}
