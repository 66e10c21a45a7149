//! Problems of a service's own: what its workloads tell a caller instead of an output.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A kind of problem, declared once as a constant. Its name is a label in metrics and logs, so there are
/// only as many as a service declares ([`Workload::REASONS`](super::Workload::REASONS)).
///
/// ```
/// use onelane::Reason;
///
/// const UNKNOWN_CUSTOMER: Reason = Reason::new(404, "unknown_customer", "There is no such customer");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    pub(crate) status: u16,
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
}

impl Reason {
    /// `status` is that of the answer, from 400 to 599; `name` the `reason` for machines, in small letters;
    /// `title` the same for people.
    ///
    /// # Panics
    /// While it compiles, for a status that a workload cannot answer with: 403 is the word of a busy lane
    /// to nginx, and 499 stands for a client that has left.
    pub const fn new(status: u16, name: &'static str, title: &'static str) -> Self {
        assert!(
            400 <= status && status <= 599,
            "a problem is a 4xx or a 5xx"
        );
        assert!(status != 403, "403 is the word of a busy lane");
        assert!(status != 499, "499 is a client that has left");
        Self {
            status,
            name,
            title,
        }
    }

    /// A problem of this kind that says more about this very case.
    pub fn detail(&self, detail: impl Into<String>) -> Problem {
        Problem {
            detail: Some(detail.into()),
            ..Problem::from(self)
        }
    }
}

/// One problem, as the caller gets it: `application/problem+json` (RFC 9457), with the reason's status,
/// title and name, a detail, further fields and headers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) title: String,
    pub(crate) detail: Option<String>,
    pub(crate) fields: Map<String, Value>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Problem {
    /// The name of its [`Reason`], for unit tests.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// With a further field of the answer: which fields of a form are wrong, say. The names that RFC 9457
    /// and the engine have for theirs (`type`, `title`, `status`, `detail`, `reason`, `request_id`) stay
    /// theirs.
    ///
    /// # Panics
    /// For what is no JSON, such as a map whose keys are not text: an error of the service, 500 for its
    /// caller.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("a field of a problem is plain data");
        self.fields.insert(name.into(), value);
        self
    }

    /// With a header of the answer: `Retry-After`, say. Those that are between nginx and lanes
    /// (`X-Accel-…`, `X-Lane-…`), or about the connection and the body, are the engine's: a problem with
    /// one of them is an error of the service, 500 for its caller.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl From<&Reason> for Problem {
    fn from(reason: &Reason) -> Self {
        Self {
            status: reason.status,
            reason: reason.name.to_owned(),
            title: reason.title.to_owned(),
            detail: None,
            fields: Map::new(),
            headers: Vec::new(),
        }
    }
}
