//! Which path and method leads to which workload.

use std::future::ready;

use actix_web::guard::{self, Guard, GuardContext};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, Resource, web};

use super::front::Front;
use super::problem::HttpProblem;
use super::serve::serve;
use crate::openapi;
use crate::page::Page;
use crate::service::{DOCUMENT, DOCUMENT_PAGE, Service};
use crate::workload::{self, Definition, Route};

/// Where the page is, for requests without a query if a workload answers others.
const PAGE: &str = "/";

type Target = (&'static Definition, &'static Route);

/// Registers every public route. The page is one of them.
pub fn routes(app: &mut web::ServiceConfig, service: &'static Service) {
    let mut paths = by_path(service);
    for own in own_paths(service) {
        if paths.iter().all(|(path, _)| path != own) {
            paths.push((own, Vec::new()));
        }
    }
    let declared = service.routes().flat_map(|(_, route)| route.methods);
    let all = list([&workload::Method::Get].into_iter().chain(declared));
    for (path, targets) in paths {
        let is_own = own_paths(service).contains(&path);
        app.service(resource(path, &targets, is_own));
    }
    app.default_service(other(false, all));
}

/// What is answered without a lane's slot: the page, and the OpenAPI document where callers get it.
fn own_paths(service: &Service) -> &'static [&'static str] {
    let all = &[PAGE, DOCUMENT, DOCUMENT_PAGE];
    let is_public = service.is_document_public && service.has_document();
    if is_public { all } else { &all[..1] }
}

/// Every path with what it leads to. Those without parameters come first: `/customers/new` is not a customer
/// of the name `new`.
fn by_path(service: &'static Service) -> Vec<(&'static str, Vec<Target>)> {
    let mut paths: Vec<(&str, Vec<Target>)> = Vec::new();
    for (workload, route) in service.routes() {
        match paths.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, targets)) => targets.push((workload, route)),
            None => paths.push((route.path, vec![(workload, route)])),
        }
    }
    paths.sort_by_key(|(path, _)| path.contains('{'));
    paths
}

fn resource(path: &str, targets: &[Target], is_own: bool) -> Resource {
    let mut resource = web::resource(path);
    let declared = targets.iter().flat_map(|(_, route)| route.methods);
    let get = workload::Method::Get;
    let mut allowed = list(declared.clone());
    if is_own {
        let is_taken = declared.clone().any(|method| *method == get);
        let page = web::route().guard(move |request: &GuardContext<'_>| {
            let reads = guard::Any(guard::Get()).or(guard::Head());
            reads.check(request) && !(is_taken && has_query(request))
        });
        resource = resource.route(page.to(show));
        allowed = list([&get].into_iter().chain(declared));
    }
    for &(workload, route) in targets {
        for method in route.methods.iter().copied().flat_map(methods) {
            let handle =
                move |request: HttpRequest, body: web::Payload, front: web::Data<Front>| {
                    serve(request, body, front, workload, route)
                };
            resource = resource.route(web::method(method).to(handle));
        }
    }
    resource.default_service(other(true, allowed))
}

/// For what no workload takes: says which methods are `allowed` here. Where there is no path, only `*` has any, and
/// only OPTIONS may ask.
fn other(is_path: bool, allowed: &'static str) -> actix_web::Route {
    web::to(move |request: HttpRequest| {
        let asks = request.method() == Method::OPTIONS;
        ready(if asks && (is_path || request.path() == "*") {
            let allow = (ALLOW, allowed);
            HttpResponse::NoContent().insert_header(allow).finish()
        } else if is_path {
            HttpProblem::MethodNotAllowed(allowed).respond(&request)
        } else {
            HttpProblem::NotFound.respond(&request)
        })
    })
}

/// The value of an `Allow`, made once for each path.
fn list<'a>(declared: impl Iterator<Item = &'a workload::Method>) -> &'static str {
    let mut names: Vec<String> = Vec::new();
    for method in declared.copied().flat_map(methods) {
        if names.iter().all(|name| name != method.as_str()) {
            names.push(method.to_string());
        }
    }
    names.join(", ").leak()
}

/// What is answered for one of a route's methods.
fn methods(method: workload::Method) -> Vec<Method> {
    match method {
        workload::Method::Get => vec![Method::GET, Method::HEAD],
        workload::Method::Post => vec![Method::POST],
        workload::Method::Put => vec![Method::PUT],
        workload::Method::Patch => vec![Method::PATCH],
        workload::Method::Delete => vec![Method::DELETE],
    }
}

/// What has a path of its own.
async fn show(request: HttpRequest, front: web::Data<Front>) -> HttpResponse {
    let document = match request.path() {
        DOCUMENT => openapi::show(front.service),
        DOCUMENT_PAGE => Some(Page::of_openapi(front.service).show()),
        _ => None,
    };
    document.unwrap_or_else(|| front.page.show())
}

fn has_query(request: &GuardContext<'_>) -> bool {
    request
        .head()
        .uri
        .query()
        .is_some_and(|query| !query.is_empty())
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::test::{TestRequest, call_service, init_service};

    use super::*;
    use crate::drill;

    #[actix_web::test]
    async fn the_page_has_a_path_that_tells_its_methods_where_no_workload_has_it() {
        let service = Box::leak(Box::new(
            Service::new("plain", "1").workloads(drill::FAULTS),
        ));
        let app = init_service(App::new().configure(|app| routes(app, service))).await;
        for (method, path, status, allow) in [
            (Method::OPTIONS, "/", 204, Some("GET, HEAD")),
            (Method::POST, "/", 405, Some("GET, HEAD")),
            (Method::OPTIONS, "*", 204, Some("GET, HEAD, POST")),
            (Method::OPTIONS, "/nowhere", 404, None),
        ] {
            let request = TestRequest::with_uri(path).method(method.clone());
            let answer = call_service(&app, request.to_request()).await;
            let told = answer.headers().get(ALLOW);
            let told = told.map(|allow| allow.to_str().unwrap());
            assert_eq!(
                (answer.status().as_u16(), told),
                (status, allow),
                "{method} {path}"
            );
        }
    }
}
