//! How a service is asked, as its `tests/requests.json` tells: a list of
//!
//! ```json
//! {"path": "/pdf", "type": "text/html", "body": "<p>Hello", "answer": "application/pdf", "slow": true}
//! ```
//!
//! `file` instead of `body` names one beside it. `slow` takes a tenth of a second at least.

use std::fs;
use std::path::PathBuf;

use onelane_stack::{Reply, client};
use reqwest::RequestBuilder;
use serde_json::Value;

/// All that there are.
pub(super) fn services() -> Vec<String> {
    let Ok(folders) = fs::read_dir(folder("")) else {
        return Vec::new();
    };
    let folders = folders.map(|folder| folder.expect("it can be listed").path());
    let services = folders.filter(|folder| folder.join("Cargo.toml").exists());
    let name = |folder: PathBuf| folder.file_name().map(|name| name.to_string_lossy().into());
    let mut services: Vec<String> = services.filter_map(name).collect();
    services.sort();
    services
}

pub(super) fn manifest(service: &str) -> String {
    fs::read_to_string(folder(service).join("Cargo.toml")).expect("it is there")
}

fn folder(service: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/services")).join(service)
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) path: String,
    content_type: String,
    body: Vec<u8>,
    answer: String,
    pub(super) slow: bool,
}

impl Request {
    /// It may be repeated: no lane that dies loses it.
    pub(super) fn to(&self, base: &str) -> RequestBuilder {
        let request = client().post(format!("{base}{}", self.path));
        let request = request.header("Content-Type", &self.content_type);
        request
            .header("Idempotency-Key", "any")
            .body(self.body.clone())
    }

    #[track_caller]
    pub(super) fn is_answered_by(&self, reply: &Reply) {
        assert_eq!(reply.status, 200, "{}: {}", self.path, reply.json);
        let answer = reply.header("content-type");
        assert_eq!(answer, self.answer, "{}", self.path);
    }
}

/// One at least.
pub(super) fn of(service: &str) -> Vec<Request> {
    let tests = folder(service).join("tests");
    let list = tests.join("requests.json");
    let text = fs::read_to_string(&list);
    let text = text.unwrap_or_else(|err| panic!("how to ask it: {}: {err}", list.display()));
    let list: Vec<Value> = serde_json::from_str(&text).expect("a list");
    let word = |request: &Value, name| request[name].as_str().unwrap_or_default().to_owned();
    let request = |request: &Value| Request {
        path: word(request, "path"),
        content_type: word(request, "type"),
        body: match request["file"].as_str() {
            Some(file) => fs::read(tests.join(file)).expect("it lies beside the list"),
            None => word(request, "body").into_bytes(),
        },
        answer: word(request, "answer"),
        slow: request["slow"] == true,
    };
    let requests: Vec<Request> = list.iter().map(request).collect();
    assert!(!requests.is_empty(), "{service} says nothing");
    requests
}

/// One that takes its time; where nothing does, a drill of the engine.
pub(super) fn slowest(requests: &[Request]) -> Request {
    let slow = requests.iter().find(|request| request.slow);
    slow.cloned().unwrap_or_else(|| drill(20_000))
}

/// A drill of the engine: it occupies the lane for so long.
pub(super) fn drill(ms: u64) -> Request {
    Request {
        path: "/sleep".to_owned(),
        content_type: "application/json".to_owned(),
        body: format!(r#"{{"ms":{ms}}}"#).into_bytes(),
        answer: "application/json".to_owned(),
        slow: true,
    }
}
