//! Which path and method leads to which workload.

use std::collections::BTreeSet;

use actix_web::guard::{self, Guard, GuardContext};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, Resource, web};

use super::Front;
use super::problem::Problem;
use super::serve::serve;
use crate::service::Service;
use crate::workload::{self, Definition, Route};

/// Where the page is, for requests without a query if a workload answers others.
const PAGE: &str = "/";

type Target = (&'static Definition, &'static Route);

/// Registers every public route. The page is one of them.
pub fn routes(app: &mut web::ServiceConfig, service: &'static Service) {
    let mut paths = by_path(service);
    if paths.iter().all(|(path, _)| *path != PAGE) {
        paths.push((PAGE, Vec::new()));
    }
    let routes = service.routes().flat_map(|(_, route)| route.methods);
    let all: BTreeSet<_> = routes.chain([&workload::Method::Get]).copied().collect();
    let all: Vec<_> = all.into_iter().flat_map(methods).collect();
    let all = list(&all);
    for (path, targets) in paths {
        app.service(resource(path, &targets));
    }
    app.default_service(web::to(move |request: HttpRequest| async move {
        if (request.method(), request.path()) == (&Method::OPTIONS, "*") {
            return allow(all);
        }
        Problem::NotFound.respond(&request)
    }));
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

fn resource(path: &str, targets: &[Target]) -> Resource {
    let mut resource = web::resource(path);
    let mut allowed = Vec::new();
    if path == PAGE {
        let get = workload::Method::Get;
        let is_taken = targets
            .iter()
            .any(|(_, route)| route.methods.contains(&get));
        let page = web::route().guard(move |request: &GuardContext<'_>| {
            let reads = guard::Any(guard::Get()).or(guard::Head());
            reads.check(request) && !(is_taken && has_query(request))
        });
        resource = resource.route(page.to(show_page));
        allowed.extend(methods(get));
    }
    for &(workload, route) in targets {
        for method in route.methods.iter().copied().flat_map(methods) {
            let handle =
                move |request: HttpRequest, body: web::Payload, front: web::Data<Front>| {
                    serve(request, body, front, workload, route)
                };
            if !allowed.contains(&method) {
                allowed.push(method.clone());
            }
            resource = resource.route(web::method(method).to(handle));
        }
    }
    let allowed = list(&allowed);
    resource
        .route(web::method(Method::OPTIONS).to(move || async move { allow(allowed) }))
        .default_service(web::to(move |request: HttpRequest| async move {
            Problem::MethodNotAllowed(allowed).respond(&request)
        }))
}

/// The value of an `Allow`, made once for each path.
fn list(methods: &[Method]) -> &'static str {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    names.join(", ").leak()
}

fn allow(methods: &'static str) -> HttpResponse {
    let allow = (ALLOW, methods);
    HttpResponse::NoContent().insert_header(allow).finish()
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

async fn show_page(front: web::Data<Front>) -> HttpResponse {
    front.page.show()
}

fn has_query(request: &GuardContext<'_>) -> bool {
    request
        .head()
        .uri
        .query()
        .is_some_and(|query| !query.is_empty())
}
