//! What a request came to.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// All of them.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

/// Sends a request and reads the whole answer.
pub async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.unwrap()
}

/// The same where the connection may break.
pub async fn try_send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await?,
    })
}

impl Answer {
    /// The body, which has to be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|err| panic!("{err}: {}", self.text))
    }

    /// The value of a header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The process that computed it, as some drills tell.
    #[track_caller]
    pub fn pid(&self) -> u64 {
        let answer = self.json();
        answer["pid"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    }

    /// The reason of a problem, whose form is checked on the way.
    #[track_caller]
    pub fn reason(&self) -> String {
        let problem = self.json();
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(problem["status"], self.status);
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem["reason"].as_str().unwrap().to_owned()
    }

    /// A part of `Server-Timing`, in milliseconds.
    #[track_caller]
    pub fn timing(&self, name: &str) -> f64 {
        let timings = self
            .header("server-timing")
            .expect("a Server-Timing header");
        let prefix = format!("{name};dur=");
        let mut parts = timings.split(", ");
        let part = parts.find_map(|part| part.strip_prefix(&prefix));
        part.expect("this part").parse().expect("a number")
    }
}
