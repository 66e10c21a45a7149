//! A request to try the parts of this folder with.

use actix_web::HttpRequest;
use actix_web::test::TestRequest;

/// One with these headers.
pub(super) fn with(headers: &[(&'static str, &'static str)]) -> HttpRequest {
    let request = TestRequest::default();
    let request = headers
        .iter()
        .fold(request, |request, header| request.insert_header(*header));
    request.to_http_request()
}
