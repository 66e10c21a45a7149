//! A request on its way to a service.

use minreq::Method;

use super::Answer;

/// Longer than any answer takes that a test waits for, so that a test which hangs ends.
const TIMEOUT_SECONDS: u64 = 120;

/// A request that is being put together.
#[derive(Debug)]
#[must_use = "it is not sent yet"]
pub struct Request(minreq::Request);

impl Request {
    pub(super) fn new(method: &str, url: &str) -> Self {
        let method = match method {
            // Its answer has no body, whatever its length says.
            "HEAD" => Method::Head,
            other => Method::Custom(other.to_owned()),
        };
        let request = minreq::Request::new(method, url).with_follow_redirects(false);
        Self(request.with_timeout(TIMEOUT_SECONDS))
    }

    /// With a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.with_header(name, value))
    }

    /// With a body, which is of this type.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let request = self.header("Content-Type", content_type);
        Self(request.0.with_body(body))
    }

    /// Sends it and waits for all of the answer.
    #[track_caller]
    pub fn send(self) -> Answer {
        let what = format!("{:?}", self.0);
        let answer = self.0.send().unwrap_or_else(|err| panic!("{err}: {what}"));
        Answer {
            status: answer.status_code,
            headers: answer.headers.clone(),
            body: answer.into_bytes(),
        }
    }
}
