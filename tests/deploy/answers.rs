//! Every answer of the contract, through nginx, from either stack.

use onelane_stack::{Compose, Local, Reply, ask, client};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::json;

/// Status and reason.
type Refusal = (u16, &'static str);

const BAD_REQUEST: Refusal = (400, "bad_request");
const NOT_FOUND: Refusal = (404, "not_found");
const METHOD_NOT_ALLOWED: Refusal = (405, "method_not_allowed");
const BODY_TOO_LARGE: Refusal = (413, "body_too_large");
const UNSUPPORTED_MEDIA_TYPE: Refusal = (415, "unsupported_media_type");
const HEADERS_TOO_LARGE: Refusal = (431, "bad_request");
const REQUEST_TIMEOUT: Refusal = (504, "request_timeout");

const BAD_QUERIES: [&str; 9] = [
    "/sleep",
    "/sleep?ms=",
    "/sleep?ms=seven",
    "/sleep?ms=7.5",
    "/sleep?ms=-1",
    "/sleep?ms=18446744073709551616",
    "/sleep?ms=3600001",
    "/wait?ms=3600001",
    "/block-server?ms=seven",
];

const JSON: &str = "application/json";

const BAD_BODIES: [(&str, &str, Refusal); 7] = [
    (JSON, "", BAD_REQUEST),
    (JSON, "{\"ms\":", BAD_REQUEST),
    (JSON, "[7]", BAD_REQUEST),
    (JSON, "{\"ms\":\"seven\"}", BAD_REQUEST),
    (JSON, "{\"ms\":-7}", BAD_REQUEST),
    ("text/plain", "{\"ms\":7}", UNSUPPORTED_MEDIA_TYPE),
    (
        "application/x-www-form-urlencoded",
        "ms=7",
        UNSUPPORTED_MEDIA_TYPE,
    ),
];

#[tokio::test]
async fn containers_answer_as_the_contract_says() {
    if let Some(stack) = Compose::up(2).await {
        let lanes = stack.lanes().await;
        check(&stack.base).await;
        assert_eq!(stack.lanes().await, lanes, "the lanes live on");
    }
}

#[tokio::test]
async fn plain_processes_answer_as_the_contract_says() {
    let stack = Local::up(2).await;
    check(&stack.base).await;
    status_of_nginx(&stack.admin).await;
}

async fn check(base: &str) {
    let asker = Asker {
        client: client(),
        base: base.to_owned(),
    };
    good_requests(&asker).await;
    for path in ["/", "/sleep?ms=5", "/sleep?ms=seven", "/nowhere"] {
        a_head_is_a_get_without_a_body(&asker, path).await;
    }
    bad_requests(&asker).await;
    bad_bodies(&asker).await;
    request_ids(&asker).await;
    // After all that.
    good_requests(&asker).await;
}

struct Asker {
    client: Client,
    base: String,
}

impl Asker {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    fn post(&self, content_type: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, "/sleep")
            .header("Content-Type", content_type)
            .body(body)
    }
}

async fn good_requests(asker: &Asker) {
    for (request, field, value) in [
        (asker.get("/sleep?ms=5"), "ms", json!(5)),
        (asker.post(JSON, "{\"ms\":6}"), "ms", json!(6)),
        (asker.get("/wait?ms=5"), "ms", json!(5)),
        (asker.get("/block-server?ms=5"), "ms", json!(5)),
        (asker.get("/fast"), "ok", json!(true)),
        (asker.get("/fast-one"), "ok", json!(true)),
    ] {
        let what = format!("{request:?}");
        let reply = ask(request).await;
        assert_eq!((reply.status, &reply.json[field]), (200, &value), "{what}");
        for header in ["x-request-id", "server-timing", "x-served-by"] {
            assert_ne!(reply.header(header), "", "{what}: no {header}");
        }
    }
    assert_eq!(ask(asker.get("/")).await.status, 200, "the page");
}

async fn a_head_is_a_get_without_a_body(asker: &Asker, path: &str) {
    let get = ask(asker.get(path)).await;
    let head = ask(asker.request(Method::HEAD, path)).await;
    assert_eq!(head.status, get.status, "{path}");
    for header in ["content-type", "content-length", "cache-control"] {
        assert_eq!(
            head.header(header),
            get.header(header),
            "{header} of {path}"
        );
    }
    assert_ne!(head.header("content-length"), "0", "{path}");
}

/// The port of nginx's own health and counters, where nothing but nginx answers.
async fn status_of_nginx(base: &str) {
    let asker = Asker {
        client: client(),
        base: base.to_owned(),
    };
    for path in ["/healthz", "/readyz", "/stub_status"] {
        // Counters become longer.
        if path != "/stub_status" {
            a_head_is_a_get_without_a_body(&asker, path).await;
        }
        let told = ask(asker.request(Method::OPTIONS, path)).await;
        assert_eq!((told.status, told.header("allow")), (204, "GET, HEAD"));
        let reply = ask(asker.request(Method::POST, path)).await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD"));
        assert_eq!(reply.json["reason"], "method_not_allowed");
    }
    let reply = ask(asker.get("/nowhere")).await;
    let seen = (reply.status, &reply.json["reason"]);
    assert_eq!(seen, (404, &json!("not_found")));
}

async fn bad_requests(asker: &Asker) {
    for path in BAD_QUERIES {
        refused(asker.get(path), BAD_REQUEST).await;
    }
    refused(asker.get("/nowhere"), NOT_FOUND).await;
    for timeout in ["0", "-1", "soon"] {
        let request = asker.get("/fast").header("X-Timeout", timeout);
        refused(request, BAD_REQUEST).await;
    }
    let late = asker.get("/sleep?ms=20000").header("X-Timeout", "0.2");
    refused(late, REQUEST_TIMEOUT).await;

    let told = ask(asker.request(Method::OPTIONS, "/sleep")).await;
    assert_eq!(
        (told.status, told.header("allow")),
        (204, "GET, HEAD, POST")
    );
    for method in [Method::DELETE, Method::PUT, Method::PATCH] {
        let reply = refused(asker.request(method, "/sleep"), METHOD_NOT_ALLOWED).await;
        assert_eq!(reply.header("allow"), "GET, HEAD, POST");
    }
}

async fn bad_bodies(asker: &Asker) {
    for (content_type, body, refusal) in BAD_BODIES {
        refused(asker.post(content_type, body), refusal).await;
    }
    let large = vec![b' '; 1024 * 1024 + 1];
    refused(asker.post(JSON, large), BODY_TOO_LARGE).await;

    let many_headers = (0..100).fold(asker.get("/fast"), |request, number| {
        request.header(format!("X-Header-{number}"), "1")
    });
    refused(many_headers, HEADERS_TOO_LARGE).await;
}

async fn request_ids(asker: &Asker) {
    let kept = ask(asker.get("/fast").header("X-Request-Id", "order-66_b.7")).await;
    assert_eq!(kept.header("x-request-id"), "order-66_b.7");
    let replaced = ask(asker.get("/fast").header("X-Request-Id", "\"}{\"")).await;
    assert_eq!(replaced.header("x-request-id").len(), 32);
}

async fn refused(request: RequestBuilder, (status, reason): Refusal) -> Reply {
    let what = format!("{request:?}");
    let reply = ask(request).await;
    let seen = (reply.status, reply.json["reason"].as_str());
    assert_eq!(seen, (status, Some(reason)), "{what}");
    assert_eq!(
        reply.header("content-type"),
        "application/problem+json",
        "{what}"
    );
    assert_eq!(reply.json["status"], status, "{what}");
    assert_ne!(reply.header("x-request-id"), "", "{what}");
    reply
}
