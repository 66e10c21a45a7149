//! Errors of the admin side, as `application/problem+json`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;

/// The answer with this status and this `reason`; `detail` says it in words.
pub(super) fn problem(status: StatusCode, reason: &str, detail: &str) -> HttpResponse {
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "reason": reason,
    });
    HttpResponse::build(status)
        .content_type("application/problem+json")
        .body(format!("{problem}\n"))
}
