//! Headers of ours: their names, request ids, and how we write numbers.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage, HttpRequest};
use uuid::Builder;

use crate::heads::{X_REQUEST_ID, is_sane_id};

/// How long a balancer lets a request wait here; what makes it a balancer. With 0 it only looks for a slot.
pub(super) const X_LANE_HOLD_MS: &str = "x-lane-hold-ms";

/// The id that the observer gave this request.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

impl RequestId {
    /// The caller's id if it is sane, else a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let given = text(headers, X_REQUEST_ID).filter(|id| is_sane_id(id));
        Self(given.map_or_else(new_id, str::to_owned))
    }
}

/// A version 4 UUID. It only has to be unlike all others, not impossible to guess, and so need not
/// ask the kernel for each.
pub(super) fn new_id() -> String {
    let bytes = fastrand::u128(..).to_ne_bytes();
    let uuid = Builder::from_random_bytes(bytes).into_uuid();
    uuid.simple().to_string()
}

/// The id of an observed request.
pub(super) fn request_id(request: &HttpRequest) -> String {
    let extensions = request.extensions();
    let id = extensions.get::<RequestId>();
    id.map(|id| id.0.clone()).unwrap_or_default()
}

/// The value of a header, if it is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The value of a `Retry-After` header, in seconds: the estimate, spread by a quarter so that those
/// who were refused together do not come back together, and within 1…30.
pub(super) fn retry_after(estimate: Duration) -> u64 {
    let spread = 0.75 + fastrand::f64() / 2.0;
    // 24 is where the spread ends at 30.
    let seconds = (estimate.as_secs_f64().min(24.0) * spread).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 30"
    )]
    let seconds = seconds as u64;
    seconds
}

/// Milliseconds with three decimals: microseconds, for people.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
