//! The admin side, for orchestrators, Prometheus and people. It only reads, and it runs on a thread of
//! its own: a lane that is 100 % busy still answers here, to GET and HEAD. To OPTIONS it says
//! that these are the methods; every error is a problem like those of the public side.
//!
//! * `/livez`: 200, unless a computation outlived its deadline and could not be stopped
//! * `/readyz`: 200 while serving, 503 while starting or draining; never because of load
//! * `/metrics`: the Prometheus text format
//! * `/status`: slots and queue as JSON
//! * `/openapi.json`: what the service can be asked, if it has such a document; `/openapi`: a page of it
//! * `/`: the page

mod lane;
mod listener;
mod problem;
mod status;

use std::io;
use std::net::TcpListener;
use std::sync::mpsc::{self, SendError};
use std::thread;
use std::time::Instant;

use actix_rt::SystemRunner;
use actix_web::http::header::{ALLOW, ContentType, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{App, HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::config::Settings;
use crate::lifecycle::{Lifecycle, Phase};
use crate::needs::{self, Needs};
use crate::openapi;
use crate::page::Page;
use crate::service::{DOCUMENT, DOCUMENT_PAGE, ENGINE_VERSION, LANE_PROTOCOL, Service};

use problem::problem;
pub use status::{
    ChildrenStatus, Inspect, QueueStatus, ServerStatus, SlotStatus, whole_milliseconds,
};

/// A server, as the admin side knows it.
struct Subject {
    service: &'static Service,
    mode: String,
    started: Instant,
    lifecycle: Lifecycle,
    server: Box<dyn Inspect>,
}

/// The admin side, as the server knows it.
pub struct Admin {
    /// What `/readyz` follows: the server moves it on.
    pub lifecycle: Lifecycle,
    /// Told once whether it answers.
    heard: mpsc::Receiver<io::Result<()>>,
}

/// Answers about `server` on `listener` from a new thread, until the process ends.
pub fn start(
    listener: TcpListener,
    service: &'static Service,
    settings: &Settings,
    public_port: u16,
    server: impl Inspect,
) -> io::Result<Admin> {
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
    let (tell, heard) = mpsc::channel();
    let thread = thread::Builder::new().name("admin".to_owned());
    let started = thread.spawn(move || {
        let ready = tell.clone();
        let serve = |runtime: SystemRunner| {
            let app = App::new().app_data(subject).app_data(page);
            let is_ready = move || drop(ready.send(Ok(())));
            runtime.block_on(listener::serve(listener, app.configure(routes), is_ready))
        };
        let outcome = needs::runtime().and_then(serve);
        // `until_up` has returned if it has ended later.
        if let Err(err) = outcome
            && let Err(SendError(Err(err))) = tell.send(Err(err))
        {
            // The probes now fail, and the orchestrator replaces this process.
            tracing::error!(%err, "the admin listener ended");
        }
    });
    started.needs("a thread")?;
    Ok(Admin { lifecycle, heard })
}

impl Admin {
    /// Waits until it answers. Before that, the server is not ready. The error says that it never will.
    pub fn until_up(&self) -> io::Result<()> {
        // It panics for want of a thread, which is in the log.
        let up = self.heard.recv().unwrap_or_else(|_| {
            let why = "it has panicked, as for want of threads";
            Err(io::Error::other(why))
        });
        up.needs("the admin listener")
    }
}

fn routes(app: &mut web::ServiceConfig) {
    // One for all paths: each of them would add some kilobytes to the program.
    app.default_service(web::to(answer));
}

async fn answer(
    request: HttpRequest,
    subject: web::Data<Subject>,
    page: web::Data<Page>,
) -> HttpResponse {
    let (method, path) = (request.method(), request.path());
    let reads = [Method::GET, Method::HEAD].contains(method);
    let has_document = subject.service.has_document();
    match path {
        "/livez" if reads => livez(&subject),
        "/readyz" if reads => readyz(&subject),
        "/metrics" if reads => metrics(&subject),
        "/status" if reads => status(&subject),
        "/" if reads => page.show(),
        "/livez" | "/readyz" | "/metrics" | "/status" | "/" => other(method),
        DOCUMENT if reads => openapi::show(subject.service).unwrap_or_else(nowhere),
        DOCUMENT_PAGE if reads && has_document => Page::of_openapi(subject.service).show(),
        DOCUMENT | DOCUMENT_PAGE if has_document => other(method),
        // All of this server.
        "*" if method == Method::OPTIONS => other(method),
        _ => nowhere(),
    }
}

fn nowhere() -> HttpResponse {
    problem(StatusCode::NOT_FOUND, "not_found", "no such route")
}

/// For a method that reads nothing: which ones do.
fn other(method: &Method) -> HttpResponse {
    let mut answer = if method == Method::OPTIONS {
        HttpResponse::NoContent().finish()
    } else {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        problem(status, "method_not_allowed", "this route takes GET, HEAD")
    };
    let allowed = HeaderValue::from_static("GET, HEAD");
    answer.headers_mut().insert(ALLOW, allowed);
    answer
}

fn livez(subject: &Subject) -> HttpResponse {
    match subject.server.stuck() {
        None => verdict(StatusCode::OK, "ok"),
        Some(why) => verdict(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

fn readyz(subject: &Subject) -> HttpResponse {
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

fn metrics(subject: &Subject) -> HttpResponse {
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

fn status(subject: &Subject) -> HttpResponse {
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
