//! What browsers have to be told before a page of another site may read an answer (CORS).
//!
//! actix-cors would do this, too, for 85 kB of the static program. And here every answer has these
//! headers, those of the observer included: to a page, an error without them looks like no answer at all.

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, HeaderMap, HeaderValue, ORIGIN, VARY,
};

use crate::config::Origins;

/// Any origin, any method or any header.
const ANY: HeaderValue = HeaderValue::from_static("*");

/// How long a browser need not ask again: two hours. Most remember no longer.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("7200");

/// Adds to an answer what pages of `origins` need in order to read it.
pub(super) fn label(answer: &mut HeaderMap, asked: &HeaderMap, origins: &Origins) {
    if origins.is_none() {
        return;
    }
    let allowed = if origins.is_any() {
        // Whether a page asks or not: a cache may show this answer to a page, too.
        Some(&ANY)
    } else {
        // A cache must not show to one page what another was told.
        answer.append(VARY, HeaderValue::from_static("Origin"));
        asked.get(ORIGIN).filter(|origin| {
            let origin = origin.to_str();
            origin.is_ok_and(|origin| origins.contain(origin))
        })
    };
    if let Some(allowed) = allowed {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone());
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANY);
        if asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            allow_sending(answer, asked);
        }
    }
}

/// For a browser that asks before it sends anything: by OPTIONS, so that the answer has an `Allow`.
fn allow_sending(answer: &mut HeaderMap, asked: &HeaderMap) {
    if let Some(methods) = answer.get(ALLOW).cloned() {
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    if let Some(headers) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
    }
    answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
}
