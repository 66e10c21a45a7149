//! The HTTP client of the exporter: one connection for each batch, without TLS, on the thread that exports. It blocks, and
//! nothing else is on that thread.

use std::io::Read;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

/// The most of an answer that is read: it says how many spans were refused, and why.
const ANSWER_MAX: u64 = 64 * 1024;

/// The longest line of a status, and all headers together.
const HEAD_MAX: usize = 16 * 1024;

/// Sends what it is given.
#[derive(Debug)]
pub(super) struct PlainHttp {
    pub(super) timeout: Duration,
}

#[async_trait]
impl HttpClient for PlainHttp {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let seconds = self.timeout.as_secs_f64().ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number of seconds"
        )]
        let mut post = minreq::post(head.uri.to_string())
            .with_body(body)
            .with_timeout(seconds as u64)
            .with_follow_redirects(false)
            .with_max_status_line_length(HEAD_MAX)
            .with_max_headers_size(HEAD_MAX);
        for (name, value) in &head.headers {
            post = post.with_header(name.as_str(), value.to_str()?);
        }
        let mut answer = post.send_lazy()?;
        let mut response = Response::builder().status(answer.status_code);
        for (name, value) in &answer.headers {
            response = response.header(name, value);
        }
        let mut body = Vec::new();
        (&mut answer).take(ANSWER_MAX).read_to_end(&mut body)?;
        Ok(response.body(body.into())?)
    }
}
