//! Every error as `application/problem+json` (RFC 9457) with a `reason`.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::headers;
use super::own::OwnProblem;
use super::portion::next_round;
use super::reason::{BUSY, GONE, ResponseReason, SEND_TIMEOUT};
use crate::executor::Failure;
use crate::heads::Fault;
use crate::service::LANE_PROTOCOL;

/// Everything that can stand between a request and its result.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpProblem {
    #[error("{0}")]
    BadRequest(String),
    /// There is no request in what was sent.
    #[error("{}", .0.1)]
    BadHead(Fault),
    #[error("no such route")]
    NotFound,
    /// With the methods that are.
    #[error("this route takes {0}")]
    MethodNotAllowed(&'static str),
    /// With the limit in bytes.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// With what is too large in it.
    #[cfg(feature = "multipart")]
    #[error("{0}")]
    PartTooLarge(String),
    /// A file that was sent cannot be written here.
    #[cfg(feature = "multipart")]
    #[error("this lane has no room for the files")]
    NoRoom(u64),
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    /// With what the route takes.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// Only for a balancer that asked with `X-Lane-Hold-Ms`.
    #[error("every slot of this lane is taken")]
    Busy,
    /// With the seconds for `Retry-After`, as wherever there is such a number.
    #[error("as many requests wait as may wait")]
    QueueFull(u64),
    #[error("no slot became free in time")]
    QueueTimeout(u64),
    #[error("this lane is starting")]
    Starting(u64),
    #[error("this lane is shutting down")]
    Draining(u64),
    /// With the version that nginx speaks, if it tells. To try again changes nothing.
    #[error(
        "nginx speaks {} and this lane speaks lane protocol {LANE_PROTOCOL}: upgrade nginx/ and the engine together",
        spoken(*.0)
    )]
    ProtocolMismatch(Option<u32>),
    #[error("{}", .0.problem.detail.as_ref().unwrap_or(&.0.problem.title))]
    Own(OwnProblem),
    #[error("{0}")]
    NotStarted(Failure, u64),
    #[error(transparent)]
    Failed(Failure),
}

/// Each of them.
pub const REASONS: &[&str] = &[
    "bad_request",
    "not_found",
    "method_not_allowed",
    "body_too_large",
    #[cfg(feature = "multipart")]
    "no_room",
    "unsupported_media_type",
    BUSY,
    "queue_full",
    "queue_timeout",
    "starting",
    "draining",
    "protocol_mismatch",
    "request_timeout",
    "internal",
    "worker_crashed",
    "spawn_failed",
    SEND_TIMEOUT,
    GONE,
];

/// The name of a status, by RFC 9110 as in `nginx/problems.conf`.
fn title(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Some("Content Too Large"),
        _ => status.canonical_reason(),
    }
}

fn spoken(version: Option<u32>) -> String {
    version.map_or_else(
        || "no lane protocol".to_owned(),
        |version| format!("lane protocol {version}"),
    )
}

impl HttpProblem {
    fn status_and_reason(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest(_) | Self::Failed(Failure::Invalid(_)) => {
                (StatusCode::BAD_REQUEST, "bad_request")
            }
            Self::BadHead(Fault(status, _)) => (*status, "bad_request"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::BodyTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            #[cfg(feature = "multipart")]
            Self::PartTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            #[cfg(feature = "multipart")]
            Self::NoRoom(_) => (StatusCode::SERVICE_UNAVAILABLE, "no_room"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "bad_request"),
            Self::UnsupportedMediaType(_) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            Self::Busy => (StatusCode::FORBIDDEN, BUSY),
            Self::QueueFull(_) => (StatusCode::SERVICE_UNAVAILABLE, "queue_full"),
            Self::QueueTimeout(_) => (StatusCode::SERVICE_UNAVAILABLE, "queue_timeout"),
            Self::Starting(_) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
            Self::Draining(_) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
            Self::ProtocolMismatch(_) => (StatusCode::SERVICE_UNAVAILABLE, "protocol_mismatch"),
            Self::Failed(Failure::DeadlineExceeded) => {
                (StatusCode::GATEWAY_TIMEOUT, "request_timeout")
            }
            Self::Own(own) => (own.status, own.reason),
            Self::Failed(Failure::Panicked | Failure::Failed(_) | Failure::Problem(_)) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
            Self::Failed(Failure::Crashed(_)) => (StatusCode::BAD_GATEWAY, "worker_crashed"),
            Self::NotStarted(..) | Self::Failed(Failure::NotStarted(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "spawn_failed")
            }
        }
    }

    /// What machines call it.
    pub(super) fn reason(&self) -> &'static str {
        self.status_and_reason().1
    }

    /// The response to `request`.
    pub(super) fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let (status, reason) = self.status_and_reason();
        let mut response = HttpResponse::build(status);
        match self {
            Self::MethodNotAllowed(allowed) => {
                response.insert_header((ALLOW, *allowed));
            }
            Self::Busy => {
                // nginx takes the request to the next lane: inside a round because of the status,
                // from the last lane of a round by this redirect.
                response.insert_header(("X-Lane-Busy", "1"));
                let location = next_round(request.headers());
                response.insert_header(("X-Accel-Redirect", location));
            }
            Self::BodyTooSlow => {
                // The rest of it would pass for the next request.
                response.force_close();
            }
            Self::QueueFull(seconds)
            | Self::QueueTimeout(seconds)
            | Self::Starting(seconds)
            | Self::Draining(seconds)
            | Self::NotStarted(_, seconds) => {
                response.insert_header((RETRY_AFTER, *seconds));
            }
            #[cfg(feature = "multipart")]
            Self::NoRoom(seconds) => {
                response.insert_header((RETRY_AFTER, *seconds));
            }
            Self::Own(own) => {
                for header in &own.headers {
                    response.append_header(header.clone());
                }
            }
            _ => {}
        }
        let mut response = match self {
            // nginx would close the connection rather than read a body that it does not use.
            Self::Busy => response.finish(),
            _ => response
                .content_type("application/problem+json")
                .body(self.body(status, reason, request)),
        };
        response.extensions_mut().insert(ResponseReason(reason));
        response
    }

    fn body(&self, status: StatusCode, reason: &str, request: &HttpRequest) -> String {
        let mut problem = json!({
            "type": "about:blank",
            "title": title(status),
            "status": status.as_u16(),
            "detail": self.to_string(),
            "reason": reason,
            "request_id": headers::request_id(request),
        });
        if let (Self::Own(own), Value::Object(members)) = (self, &mut problem) {
            members["title"] = own.problem.title.as_str().into();
            for (name, value) in &own.problem.fields {
                members.entry(name).or_insert_with(|| value.clone());
            }
        }
        format!("{problem}\n")
    }
}
