//! From a request to a job: the query string of a GET or HEAD, the JSON object of a POST.

use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::{HttpMessage, HttpRequest, web};
use tokio::time::timeout;

use super::problem::Problem;
use crate::workload::{Definition, InvalidInput, Job, Route, Source};

/// The largest body that is read. Inputs are small; larger ones belong in a store, by reference.
const BODY_MAX_BYTES: usize = 1024 * 1024;

/// How long a body may take. As long as actix lets a head take; in a cluster a worker waits meanwhile.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The job that `request` asks for. A request without any input gets the route's preset.
pub(super) async fn job(
    request: &HttpRequest,
    body: web::Payload,
    workload: &'static Definition,
    route: &'static Route,
) -> Result<Job, Problem> {
    let (query, json) = if request.method() == Method::POST {
        ("", read_json(request, body).await?)
    } else {
        (request.query_string(), web::Bytes::new())
    };
    let invalid = |err: InvalidInput| Problem::BadRequest(err.to_string());
    let source = if !json.is_empty() {
        Source::json(&json).map_err(invalid)?
    } else if !query.is_empty() {
        Source::Query(query.to_owned())
    } else {
        Source::Query(route.preset.to_owned())
    };
    workload.job(source).map_err(invalid)
}

async fn read_json(request: &HttpRequest, body: web::Payload) -> Result<web::Bytes, Problem> {
    if !names_json(request) {
        return Err(Problem::UnsupportedMediaType);
    }
    match timeout(BODY_TIMEOUT, body.to_bytes_limited(BODY_MAX_BYTES)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(err))) => Err(Problem::BadRequest(format!("body: {err}"))),
        Ok(Err(_over_limit)) => Err(Problem::BodyTooLarge),
        Err(_elapsed) => Err(Problem::BodyTooSlow),
    }
}

/// `application/json` or a type built on it; or no type at all where there is no body to have one.
fn names_json(request: &HttpRequest) -> bool {
    if !request.headers().contains_key(header::CONTENT_TYPE) {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
        return !chunked && length.is_none_or(|length| length == "0");
    }
    let essence = request.content_type().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}
