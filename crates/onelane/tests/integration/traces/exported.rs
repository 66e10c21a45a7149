//! What a collector gets.

use reqwest::Method;
use rstest::rstest;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::collector::Collector;
use super::{CALLER, TRACE, parts, traced};
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{Lane, send};

fn took(span: &Value) -> u64 {
    span["end"].as_u64().unwrap() - span["start"].as_u64().unwrap()
}

#[rstest]
#[tokio::test]
async fn a_request_is_a_span_with_its_parts_below(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let Some(collector) = Collector::start() else {
        return;
    };
    let lane = collector.lane(mode, &[("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=seven")]);
    let request = traced(&lane, "/trace?spans=1&ms=20").header("user-agent", "tester/1");
    let answer = send(request.header("tracestate", "a=1")).await;
    let places = answer.json();
    let line = lane.logged(|line| line["message"] == "request").await;

    let server = collector.span("GET /trace").await;
    assert_eq!(
        (&server["kind"], &server["trace"]),
        (&"SPAN_KIND_SERVER".into(), &TRACE.into())
    );
    assert_eq!(
        (&server["parent"], &server["id"]),
        (&"00f067aa0ba902b7".into(), &line["span_id"])
    );
    assert_eq!(
        (&server["state"], &server["status"]),
        (&"a=1".into(), &"STATUS_CODE_UNSET".into())
    );
    let attributes = json!({
        "http.request.method": "GET",
        "http.response.body.size": answer.text.len(),
        "http.response.status_code": 200,
        "http.route": "/trace",
        "url.scheme": "http",
        "url.path": "/trace",
        "url.query": "spans=1&ms=20",
        "client.address": "127.0.0.1",
        "user_agent.original": "tester/1",
        "onelane.request_id": line["request_id"],
    });
    assert_eq!(server["attributes"], attributes);
    let resource = &server["resource"];
    assert_eq!(
        (&resource["service.name"], &resource["service.version"]),
        (&"drills".into(), &"7.8.9".into())
    );
    assert_eq!(
        (&resource["onelane.mode"], &server["header"]),
        (&mode.to_string().into(), &"seven".into())
    );

    let parents = [
        ("queue", "GET /trace"),
        ("compute", "GET /trace"),
        ("outer", "compute"),
        ("inner", "outer"),
        ("one of many", "compute"),
    ];
    for (name, parent) in parents {
        let (span, parent) = (collector.span(name).await, collector.span(parent).await);
        assert_eq!(
            (&span["parent"], &span["trace"]),
            (&parent["id"], &TRACE.into()),
            "{name}"
        );
        assert_eq!(span["kind"], "SPAN_KIND_INTERNAL", "{name}");
    }
    let compute = collector.span("compute").await;
    assert_eq!(compute["attributes"]["onelane.slot"], 0);
    assert_eq!(compute["attributes"]["drill.spans"], 1);
    let is_server = compute["attributes"]["process.pid"] == lane.pid();
    assert_eq!(is_server, matches!(mode, Blocking | Threads));
    let outer = collector.span("outer").await;
    let own = json!({"drill.text": "some text", "drill.ratio": 0.5, "drill.truth": true});
    assert_eq!(outer["attributes"], own);
    assert!(
        took(&outer) >= 20_000_000 && took(&outer) <= took(&server),
        "{outer}"
    );
    let inner = collector.span("inner").await;
    assert_eq!(
        (&inner["status"], &inner["why"]),
        (&"STATUS_CODE_ERROR".into(), &"it is only a drill".into())
    );
    // What is passed on is the innermost span.
    assert_eq!(parts(&places["traceparent"]).1, compute["id"]);
    assert_eq!(parts(&places["within"]).1, outer["id"]);
}

#[rstest]
#[tokio::test]
async fn a_failure_is_an_error_if_it_is_the_services(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let Some(collector) = Collector::start() else {
        return;
    };
    let lane = collector.lane(mode, &[]);
    let mut ways = vec![
        ("?how=refused", 422, None),
        ("?spans=x", 400, None),
        ("?how=failing", 500, Some("internal")),
        ("?how=panicking", 500, Some("internal")),
    ];
    if matches!(mode, Fork | Pool) {
        ways.push(("?how=exiting", 502, Some("worker_crashed")));
    }
    for (query, status, failure) in ways {
        assert_eq!(lane.get(&format!("/trace{query}")).await.status, status);
        let is_it = |span: &Value| span["attributes"]["url.query"] == query[1..];
        let server = collector.wait(is_it).await;
        let attributes = &server["attributes"];
        assert_eq!(attributes["http.response.status_code"], status);
        assert_eq!(attributes["error.type"].as_str(), failure, "{server}");
        assert_eq!(
            server["status"] == "STATUS_CODE_ERROR",
            failure.is_some(),
            "{server}"
        );
        // Nobody is above it.
        assert_eq!(server["parent"], "");
        if status != 400 {
            let of = |span: &Value| span["name"] == "compute" && span["parent"] == server["id"];
            let compute = collector.wait(of).await;
            assert_eq!(compute["status"] == "STATUS_CODE_ERROR", failure.is_some());
        }
    }
}

#[tokio::test]
async fn a_hop_is_a_span_beside_the_request() {
    let Some(collector) = Collector::start() else {
        return;
    };
    let lane = collector.lane(Blocking, &[]);
    let busy = tokio::spawn(send(lane.request(Method::GET, "/sleep?ms=60000")));
    lane.until_busy(1).await;
    let held = lane.held("/fast", "0").header("traceparent", CALLER);
    assert_eq!(send(held).await.status, 403);
    let hop = collector.span("busy").await;
    assert_eq!(
        (&hop["parent"], &hop["kind"]),
        (&"00f067aa0ba902b7".into(), &"SPAN_KIND_INTERNAL".into())
    );
    assert_eq!(hop["status"], "STATUS_CODE_UNSET");
    // Its client leaves.
    busy.abort();
    let left = collector.span("GET /sleep").await;
    assert_eq!(left["attributes"]["onelane.reason"], "client_gone");
    assert_eq!(left["attributes"].get("http.response.status_code"), None);
    collector
        .wait(|span| span["name"] == "compute" && span["parent"] == left["id"])
        .await;
}

#[rstest]
#[case("parentbased_always_on", [true, false, true])]
#[case("parentbased_always_off", [true, false, false])]
#[case("always_off", [false, false, false])]
#[case("always_on", [true, true, true])]
#[tokio::test]
async fn the_sampler_decides_and_says_so(#[case] sampler: &str, #[case] expected: [bool; 3]) {
    let Some(collector) = Collector::start() else {
        return;
    };
    let mut lane = collector.lane(Blocking, &[("OTEL_TRACES_SAMPLER", sampler)]);
    let unsampled = CALLER.replace("-01", "-00");
    let mut said = Vec::new();
    for caller in [CALLER, &unsampled, "none"] {
        let request = lane
            .request(Method::GET, "/trace")
            .header("traceparent", caller);
        let answer = send(request).await.json();
        said.push(answer["traceparent"].as_str().unwrap().ends_with("-01"));
    }
    assert_eq!(said, expected);
    ended(&mut lane);
    let sampled = said.iter().filter(|it| **it).count();
    collector
        .counted(sampled, |span| span["name"] == "GET /trace")
        .await;
}

#[track_caller]
fn ended(lane: &mut Lane) {
    lane.signal(Signal::TERM);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
}

#[rstest]
#[tokio::test]
async fn a_server_that_ends_exports_what_it_has(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let Some(collector) = Collector::start() else {
        return;
    };
    let mut lane = collector.lane(mode, &[("OTEL_BSP_SCHEDULE_DELAY", "3600000")]);
    lane.get("/trace").await;
    lane.logged(|line| line["message"] == "request").await;
    assert_eq!(collector.spans(), [Value::Null; 0]);
    ended(&mut lane);
    // Before the server has ended: its collector has answered.
    collector.span("GET /trace").await;
    collector.span("inner").await;
}
