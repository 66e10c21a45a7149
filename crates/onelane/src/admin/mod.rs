//! The admin side, for orchestrators, Prometheus and people. It only reads, and it runs on a thread of
//! its own: a lane that is 100 % busy still answers here, to GET and HEAD.
//!
//! * `/livez`: 200, unless a computation outlived its deadline and could not be stopped
//! * `/readyz`: 200 while serving, 503 while starting or draining; never because of load
//! * `/metrics`: the Prometheus text format
//! * `/status`: slots and queue as JSON
//! * `/`: the page

mod lane;
mod listener;
mod status;

use std::io;
use std::net::TcpListener;
use std::thread;
use std::time::Instant;

use actix_web::http::header::{ALLOW, ContentType, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{App, HttpRequest, HttpResponse, Resource, Route, guard, web};
use serde::Serialize;
use serde_json::json;

use crate::config::Settings;
use crate::lifecycle::{Lifecycle, Phase};
use crate::page::Page;
use crate::service::{ENGINE_VERSION, LANE_PROTOCOL, Service};

pub use status::{
    ChildrenStatus, Inspect, QueueStatus, ServerStatus, SlotStatus, whole_milliseconds,
};

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// A server, as the admin side knows it.
struct Subject {
    service: &'static Service,
    mode: String,
    started: Instant,
    lifecycle: Lifecycle,
    server: Box<dyn Inspect>,
}

/// Answers about `server` on `listener` from a new thread, until the process ends. `/readyz` follows the
/// lifecycle that this returns: the caller moves it on.
pub fn start(
    listener: TcpListener,
    service: &'static Service,
    settings: &Settings,
    public_port: u16,
    server: impl Inspect,
) -> io::Result<Lifecycle> {
    let lifecycle = Lifecycle::default();
    let page = web::Data::new(Page::for_watchers(service, public_port));
    let subject = web::Data::new(Subject {
        service,
        mode: settings.mode.to_string(),
        started: Instant::now(),
        lifecycle: lifecycle.clone(),
        server: Box::new(server),
    });
    listener.set_nonblocking(true)?;
    thread::Builder::new().name("admin".to_owned()).spawn(|| {
        let outcome = actix_rt::System::new().block_on(async {
            let app = App::new().app_data(subject).app_data(page);
            listener::serve(listener, app.configure(routes)).await
        });
        if let Err(err) = outcome {
            // The probes now fail, and the orchestrator replaces this process.
            tracing::error!(%err, "the admin listener ended");
        }
    })?;
    Ok(lifecycle)
}

fn routes(app: &mut web::ServiceConfig) {
    for (path, answer) in [
        ("/livez", web::to(livez)),
        ("/readyz", web::to(readyz)),
        ("/metrics", web::to(metrics)),
        ("/status", web::to(status)),
        ("/", web::to(show_page)),
    ] {
        app.service(resource(path, answer));
    }
    app.default_service(web::to(async |request: HttpRequest| {
        if (request.method(), request.path()) == (&Method::OPTIONS, "*") {
            return methods().await;
        }
        problem(StatusCode::NOT_FOUND, "not_found", "no such route")
    }));
}

/// What takes GET and HEAD, and says so.
fn resource(path: &str, answer: Route) -> Resource {
    web::resource(path)
        .route(answer.guard(guard::Any(guard::Get()).or(guard::Head())))
        .route(web::method(Method::OPTIONS).to(methods))
        .default_service(web::to(async || {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let mut answer = problem(status, "method_not_allowed", "it takes GET, HEAD");
            answer.headers_mut().insert(ALLOW, ALLOWED);
            answer
        }))
}

async fn methods() -> HttpResponse {
    let allow = (ALLOW, ALLOWED);
    HttpResponse::NoContent().insert_header(allow).finish()
}

fn problem(status: StatusCode, reason: &str, detail: &str) -> HttpResponse {
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "reason": reason,
    });
    HttpResponse::build(status)
        .content_type("application/problem+json")
        .body(format!("{problem}\n"))
}

async fn show_page(page: web::Data<Page>) -> HttpResponse {
    page.show()
}

async fn livez(subject: web::Data<Subject>) -> HttpResponse {
    match subject.server.stuck() {
        None => verdict(StatusCode::OK, "ok"),
        Some(why) => verdict(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

async fn readyz(subject: web::Data<Subject>) -> HttpResponse {
    match subject.lifecycle.phase() {
        Phase::Serving => verdict(StatusCode::OK, "ok"),
        Phase::Starting => verdict(StatusCode::SERVICE_UNAVAILABLE, "starting"),
        Phase::Draining => verdict(StatusCode::SERVICE_UNAVAILABLE, "draining"),
    }
}

fn verdict(status: StatusCode, text: &str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(ContentType::plaintext())
        .body(format!("{text}\n"))
}

async fn metrics(subject: web::Data<Subject>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(prometheus::TEXT_FORMAT)
        .body(subject.server.metrics())
}

/// What `/status` answers: who the server is, and its [`ServerStatus`].
#[derive(Serialize)]
struct Status<'a> {
    service: &'static str,
    version: &'static str,
    engine: &'static str,
    protocol: u32,
    mode: &'a str,
    phase: Phase,
    uptime_seconds: u64,
    #[serde(flatten)]
    server: ServerStatus,
}

async fn status(subject: web::Data<Subject>) -> HttpResponse {
    HttpResponse::Ok().json(Status {
        service: subject.service.name,
        version: subject.service.version,
        engine: ENGINE_VERSION,
        protocol: LANE_PROTOCOL,
        mode: &subject.mode,
        phase: subject.lifecycle.phase(),
        uptime_seconds: subject.started.elapsed().as_secs(),
        server: subject.server.status(),
    })
}
