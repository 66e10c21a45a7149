//! One request and its answer.

use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tokio::task::JoinHandle;

/// What came of a request.
pub struct Reply {
    /// Of HTTP.
    pub status: u16,
    /// All of them.
    pub headers: HeaderMap,
    /// Null where the body is no JSON.
    pub json: Value,
    /// From sending to the last byte.
    pub elapsed: Duration,
}

impl Reply {
    /// The value of a header; nothing if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("headers here are ASCII"))
    }

    /// The host part of `X-Served-By`.
    pub fn host(&self) -> &str {
        self.header("x-served-by").split('/').next().unwrap_or("")
    }
}

/// A client that waits longer than anything here takes.
pub fn client() -> Client {
    Client::builder()
        // Beyond anything a lane does: a lost answer fails the test instead of hanging it.
        .timeout(Duration::from_secs(90))
        .build()
        .expect("a client without TLS needs nothing that could be missing")
}

/// Sends a request and reads the whole answer.
pub async fn ask(request: RequestBuilder) -> Reply {
    let start = Instant::now();
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = response.bytes().await.expect("a complete answer");
    Reply {
        status,
        headers,
        json: serde_json::from_slice(&body).unwrap_or_default(),
        elapsed: start.elapsed(),
    }
}

/// The same for a GET of `url`.
pub async fn get(url: String) -> Reply {
    ask(client().get(url)).await
}

/// Asks while the test goes on. Abort the task and the client leaves.
pub fn in_background(request: RequestBuilder) -> JoinHandle<Reply> {
    tokio::spawn(ask(request))
}
