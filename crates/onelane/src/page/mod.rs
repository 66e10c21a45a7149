//! The pages, for people with a browser: at `/` what this service computes, at `/openapi` its OpenAPI document.
//!
//! `index.html` and `openapi.html` are filled with what the service declares; style and script stand in them, so that
//! a page needs nothing else but, in the second case, the document.

mod ask;
mod asset;
#[cfg(test)]
mod lean;

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use askama::Template;
use bytes::Bytes;

use self::ask::Ask;
use self::asset::{Asset, OPENAPI, SCRIPT, STYLE};
use crate::service::Service;
use crate::workload::Method;

/// A page of one server, which never changes.
pub struct Page {
    html: Bytes,
    policy: String,
}

/// What the template has places for. One that it asks for in vain does not compile, nor does one that
/// it forgets.
#[derive(Template)]
#[template(path = "page/index.html")]
#[deny(dead_code)]
struct Html {
    service: &'static str,
    public_port: Option<u16>,
    asks: Vec<Ask>,
    /// What the field for anything else begins with.
    start: String,
    /// And what it suggests.
    paths: Vec<String>,
    /// Whether the OpenAPI document is beside it.
    shows_document: bool,
    style: &'static str,
    script: &'static str,
}

/// The same of the page that shows the document.
#[derive(Template)]
#[template(path = "page/openapi.html")]
#[deny(dead_code)]
struct OpenApiHtml {
    service: &'static str,
    style: &'static str,
    script: &'static str,
}

impl Html {
    /// What is a link where there is no script.
    fn links(&self) -> impl Iterator<Item = &Ask> {
        let asks = self.asks.iter();
        asks.filter(|ask| self.public_port.is_none() && ask.is_get())
    }
}

impl Page {
    /// For clients, on the public side.
    pub fn new(service: &Service) -> Self {
        Self::render(service, None)
    }

    /// For the admin side: requests are taken on `public_port`, and not from a page that came from
    /// elsewhere.
    pub fn for_watchers(service: &Service, public_port: u16) -> Self {
        Self::render(service, Some(public_port))
    }

    fn render(service: &Service, public_port: Option<u16>) -> Self {
        let mut asks = ask::all(service);
        // They would be forms that cannot be sent.
        asks.retain(|ask| public_port.is_none() || ask.sent.is_none());
        let paths = paths(service);
        let last = asks.iter().rfind(|ask| ask.is_get());
        let last = last.map(|ask| &ask.path);
        let html = Html {
            service: service.name,
            public_port,
            start: last.or(paths.first()).cloned().unwrap_or_default(),
            asks,
            paths,
            shows_document: service.has_document()
                && (public_port.is_some() || service.is_document_public),
            style: &STYLE.text,
            script: &SCRIPT.text,
        };
        Self::of(&html, &SCRIPT)
    }

    /// The OpenAPI document, for people.
    pub fn of_openapi(service: &Service) -> Self {
        let html = OpenApiHtml {
            service: service.name,
            style: &STYLE.text,
            script: &OPENAPI.text,
        };
        Self::of(&html, &OPENAPI)
    }

    fn of(html: &impl Template, script: &Asset) -> Self {
        let html = html.render().expect("memory can always be written to");
        Self {
            html: html.into(),
            policy: policy(script),
        }
    }

    /// The answer that brings it.
    pub fn show(&self) -> HttpResponse {
        HttpResponse::Ok()
            .content_type(ContentType::html())
            .insert_header((CONTENT_SECURITY_POLICY, self.policy.as_str()))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            // A new version is seen at once.
            .insert_header((CACHE_CONTROL, "no-cache"))
            .body(self.html.clone())
    }
}

/// All that can be asked by GET: the examples, then every route, each of them once.
fn paths(service: &Service) -> Vec<String> {
    let examples = service.examples();
    let examples = examples.map(|(route, example)| (route, example.query));
    let routes = service.routes().map(|(_, route)| (route, ""));
    let all = examples.chain(routes);
    let all = all.filter(|(route, _)| route.method() == Method::Get);
    let mut seen = BTreeSet::new();
    let all = all.map(|(route, query)| route.ask(query));
    all.filter(|path| seen.insert(path.clone())).collect()
}

/// What a page may do: run its one script, use its one style, ask this server, show pictures that it answers. nginx
/// leaves a policy alone that is there already.
fn policy(script: &Asset) -> String {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data: blob:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        script.hash, STYLE.hash,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill;

    #[test]
    fn a_service_without_examples_has_a_page_that_suggests_its_routes() {
        let service = Service::new("plain", "1").workloads(drill::FAULTS);

        let page = Page::new(&service);

        let html = std::str::from_utf8(&page.html).unwrap();
        assert_eq!(html.matches("<form").count(), 1, "anything else");
        assert!(html.contains(r#"value="/panic" list="paths""#), "{html}");
        assert_eq!(html.matches("<option").count(), 4);
        assert!(html.contains("draws with JavaScript.</p></noscript>"));
    }

    #[test]
    fn only_the_page_for_watchers_names_a_port() {
        let service = Service::new("plain", "1").workloads(drill::DEMO);
        let port = |page: &Page| {
            let html = std::str::from_utf8(&page.html).unwrap();
            let (_, rest) = html.split_once("data-public-port=\"").unwrap();
            rest.split_once('"').unwrap().0.to_owned()
        };
        assert_eq!(port(&Page::new(&service)), "");
        let watching = Page::for_watchers(&service, 5000);
        assert_eq!(port(&watching), "5000");
        let html = std::str::from_utf8(&watching.html).unwrap();
        assert!(!html.contains("<a href=\"/wait"), "here, they lead nowhere");
    }
}
