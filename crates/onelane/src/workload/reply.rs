//! What a workload answers: a status, headers and a body, or pieces of a body while it computes.

use std::error::Error;
use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// How much of a body is sent at once: as much as a pipe holds.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

/// The content type of JSON.
const JSON: &str = "application/json";

/// What an answer tells caches.
const CACHE_CONTROL: &str = "cache-control";

/// The name of an answer among all to the same question.
const ETAG: &str = "etag";

/// An answer: 200 with a body, unless told otherwise. The engine adds `Content-Length`, `Date`,
/// `Server-Timing`, `X-Request-Id` and `X-Served-By`, and nothing to the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub(crate) head: ReplyHead,
    pub(crate) content: Content,
}

/// What comes before the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplyHead {
    pub(crate) status: u16,
    /// None where there is no body to have one.
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// All of it.
    Whole(Bytes),
    /// It went out through a [`Stream`](super::Stream).
    Sent,
}

impl Reply {
    /// Bytes of a type: `image/jpeg`, `text/csv; charset=utf-8`.
    pub fn bytes(content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::new(Some(content_type.into()), Bytes::from(body.into()))
    }

    /// A value as JSON, on a line of its own. The error is for what JSON cannot say, such as a map whose
    /// keys are not text.
    pub fn json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        let mut body = serde_json::to_vec(value)?;
        body.push(b'\n');
        Ok(Self::bytes(JSON, body))
    }

    /// 204: it is done, and there is nothing to say.
    pub fn empty() -> Self {
        Self::new(None, Bytes::new()).status(204)
    }

    fn new(content_type: Option<String>, body: Bytes) -> Self {
        let head = ReplyHead {
            status: 200,
            content_type,
            headers: Vec::new(),
        };
        let content = Content::Whole(body);
        Self { head, content }
    }

    /// With another status, from 200 to 599. 403 is the word of a busy lane to nginx, and 499 stands for
    /// a client that has left: with one of these, or any other number, the caller gets 500.
    ///
    /// An error is better a [`Problem`](super::Problem), which is counted by its reason.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.head.status = status;
        self
    }

    /// With a header: `Cache-Control`, `Content-Disposition`, `Location`. With an `ETag`, the engine answers
    /// 304 to a caller who has it already (`If-None-Match`). The headers that [`Problem::header`] may not have,
    /// a reply may not have either.
    ///
    /// [`Problem::header`]: super::Problem::header
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.head.headers.push((name.into(), value.into()));
        self
    }

    /// Says to caches that they may keep it for so many seconds, and names it, so that a caller who has it already need not
    /// get it once more. A reply that speaks to caches itself stays as it is.
    pub(super) fn keep_for(&mut self, seconds: u64) {
        let Self { head, content } = self;
        let (Content::Whole(body), 200) = (content, head.status) else {
            return;
        };
        let has = |name: &str| {
            let mut headers = head.headers.iter();
            headers.any(|(header, _)| header.eq_ignore_ascii_case(name))
        };
        if has(CACHE_CONTROL) {
            return;
        }
        let is_named = has(ETAG);
        let mut add = |name: &str, value| head.headers.push((name.to_owned(), value));
        add(CACHE_CONTROL, format!("public, max-age={seconds}"));
        if !is_named {
            // Every lane gives the same body the same name.
            let mut hasher = DefaultHasher::new();
            hasher.write(body);
            add(ETAG, format!("\"{:016x}\"", hasher.finish()));
        }
    }

    /// The body, for unit tests. Empty if it has been sent by a [`Stream`](super::Stream).
    pub fn body(&self) -> &[u8] {
        match &self.content {
            Content::Whole(body) => body,
            Content::Sent => &[],
        }
    }
}

/// What can be answered: any value that serde can write, as JSON, or a [`Reply`].
pub trait IntoReply {
    /// The answer. An error is one of the service: 500 for its caller, and the cause in the log.
    fn into_reply(self) -> Result<Reply, Box<dyn Error + Send + Sync>>;
}

impl<T: Serialize> IntoReply for T {
    fn into_reply(self) -> Result<Reply, Box<dyn Error + Send + Sync>> {
        Ok(Reply::json(&self)?)
    }
}

impl IntoReply for Reply {
    fn into_reply(self) -> Result<Reply, Box<dyn Error + Send + Sync>> {
        Ok(self)
    }
}
