//! The OpenAPI document of a service: what it can be asked and what it answers, for machines.
//!
//! With the feature `openapi` it is made from the types of the workloads (`document/`). That takes 180 kB of a
//! program, so that a small one has the file instead that such a program has written, compressed:
//! [`openapi!`](macro@crate::openapi).

#[cfg(feature = "openapi")]
mod document;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
#[cfg(not(feature = "openapi"))]
use miniz_oxide::inflate::decompress_to_vec;

use crate::service::Service;

/// The document of `service`; none if it was built without one.
#[cfg(feature = "openapi")]
#[expect(
    clippy::unnecessary_wraps,
    reason = "there may be none without the feature"
)]
pub fn text(service: &Service) -> Option<String> {
    Some(document::document(service))
}

/// The document of `service`; none if it was built without one.
#[cfg(not(feature = "openapi"))]
pub fn text(service: &Service) -> Option<String> {
    let bytes = decompress_to_vec(service.document?).ok()?;
    String::from_utf8(bytes).ok()
}

/// The answer that brings it; none if there is none.
pub fn show(service: &Service) -> Option<HttpResponse> {
    let mut answer = HttpResponse::Ok();
    answer.content_type(ContentType::json());
    // A new version is seen at once.
    answer.insert_header((CACHE_CONTROL, "no-cache"));
    Some(answer.body(text(service)?))
}

/// The OpenAPI document for [`Service::openapi`], as the build script of this package has left it, by DEFLATE, under the
/// name `openapi.json` in cargo's `OUT_DIR`. Nothing where the feature `openapi` makes the document anew.
#[cfg(not(feature = "openapi"))]
#[macro_export]
macro_rules! openapi {
    () => {
        include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"))
    };
}

/// The OpenAPI document for [`Service::openapi`], as the build script of this package has left it, by DEFLATE, under the
/// name `openapi.json` in cargo's `OUT_DIR`. Nothing where the feature `openapi` makes the document anew.
#[cfg(feature = "openapi")]
#[macro_export]
macro_rules! openapi {
    () => {
        &[]
    };
}
