//! Which path and method leads to which workload.

use actix_web::guard::{self, Guard, GuardContext};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, Resource, web};

use super::Front;
use super::problem::Problem;
use super::serve::serve;
use crate::service::Service;
use crate::workload::{self, Definition, Route};

type Target = (&'static Definition, &'static Route);

/// Registers every public route.
pub fn routes(app: &mut web::ServiceConfig, service: &'static Service) {
    app.service(web::resource("/").guard(asks_for_page).to(show_page));
    for (path, targets) in by_path(service) {
        app.service(resource(path, &targets));
    }
    app.default_service(web::to(async |request: HttpRequest| {
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
    for &(workload, route) in targets {
        for method in route.methods.iter().copied().flat_map(methods) {
            let handle =
                move |request: HttpRequest, body: web::Payload, front: web::Data<Front>| {
                    serve(request, body, front, workload, route)
                };
            allowed.push(method.to_string());
            resource = resource.route(web::method(method).to(handle));
        }
    }
    let allowed: &'static str = allowed.join(", ").leak();
    resource
        .route(web::method(Method::OPTIONS).to(move || async move {
            let allow = (ALLOW, allowed);
            HttpResponse::NoContent().insert_header(allow).finish()
        }))
        .default_service(web::to(move |request: HttpRequest| async move {
            Problem::MethodNotAllowed(allowed).respond(&request)
        }))
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

fn asks_for_page(request: &GuardContext<'_>) -> bool {
    let reads = guard::Any(guard::Get()).or(guard::Head());
    reads.check(request) && request.head().uri.query().unwrap_or_default().is_empty()
}
