//! The page at `/`: what this service answers, for somebody with a browser.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, ContentType};

/// The whole page: it needs nothing else.
const PAGE: &str = include_str!("index.html");

/// Shows the page.
pub async fn show() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        // All it has is its own style.
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ))
        .body(PAGE)
}
