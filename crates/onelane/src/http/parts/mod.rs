//! A form with files, `multipart/form-data`: its texts become fields of the input, its files go into memory or
//! the folder of the request, all of it as it comes.

mod collect;
mod head;
mod parser;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, web};
use bytes::Bytes;

use super::front::Front;
use super::headers::{Identity, text};
use super::problem::HttpProblem;
use crate::folder::FolderPlace;
use crate::workload::{BodyKind, Format, Parts, Route};
use collect::{Collection, Unread, check_required};
use parser::Parser;

/// Whether a body whose head is `request` can be read, or may be missing.
pub(super) fn check_head(
    request: &HttpRequest,
    route: &Route,
    format: Format,
) -> Result<(), HttpProblem> {
    match (format, route.body.kind) {
        (Format::Parts, _) => boundary(request).map(drop),
        (Format::Absent, BodyKind::Multipart(files)) => check_required(files, &[]),
        _ => Ok(()),
    }
}

/// What stands between two parts.
fn boundary(request: &HttpRequest) -> Result<String, HttpProblem> {
    let content_type = text(request.headers(), CONTENT_TYPE.as_str()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type);
    let boundary = boundary.ok().filter(|boundary| !boundary.is_empty());
    let missing = || HttpProblem::BadRequest("the Content-Type has no valid boundary".to_owned());
    boundary.ok_or_else(missing)
}

/// Reads a body. Its files may be written to `place`; the bytes are those that are not.
pub(super) async fn read(
    request: &HttpRequest,
    body: web::Payload,
    route: &Route,
    place: &FolderPlace,
    front: &Front,
) -> Result<(Parts, Bytes), HttpProblem> {
    let BodyKind::Multipart(files) = route.body.kind else {
        unreachable!("a body has the format of the kind that its route takes")
    };
    let parser = Parser::new(boundary(request)?, body.into_inner(), route.body.limit);
    let read = Collection::new(files, place).read(parser).await;
    read.map_err(|unread| match unread {
        Unread::Problem(problem) => problem,
        Unread::Unwritten(err) => {
            let Identity { request_id, trace, .. } = &*Identity::known(request);
            let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
            tracing::error!(request_id, trace_id, span_id, %err, "a file that was sent cannot be written");
            HttpProblem::NoRoom(front.retry_after())
        }
    })
}

#[cfg(test)]
mod tests;
