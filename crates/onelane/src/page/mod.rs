//! The page at `/`: the idea of this service, made visible for somebody with a browser.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

/// The whole page: it needs nothing else.
const PAGE: &str = include_str!("index.html");

/// Where the page learns that it comes from the admin side.
const PUBLIC_PORT: &str = r#"data-public-port=""#;

/// What the page may do: run its one script, use its one style, ask this server. nginx leaves a policy alone
/// that is there already.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        hash_of("script"),
        hash_of("style"),
    )
});

/// Names the content of the page's only element of this kind, as a policy does.
fn hash_of(element: &str) -> String {
    let (_, rest) = PAGE
        .split_once(&format!("<{element}>"))
        .expect("the page has one");
    let (content, _) = rest
        .split_once(&format!("</{element}>"))
        .expect("and it ends");
    let digest = BASE64_STANDARD.encode(Sha256::digest(content));
    format!("sha256-{digest}")
}

/// Shows the page to whoever may send requests here.
pub async fn show() -> HttpResponse {
    respond(PAGE.to_owned())
}

/// Shows the page on the admin side: requests are taken on `public_port`, and not from a page that
/// came from elsewhere.
pub fn show_to_watchers(public_port: u16) -> HttpResponse {
    respond(PAGE.replacen(PUBLIC_PORT, &format!("{PUBLIC_PORT}{public_port}"), 1))
}

fn respond(page: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        // A new version is seen at once.
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(page)
}
