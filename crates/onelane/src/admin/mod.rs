//! The admin side, for orchestrators, Prometheus and people. It only reads, and it runs on a thread of
//! its own: a lane that is 100 % busy still answers here, to GET and HEAD.
//!
//! * `/livez`: 200, unless a computation outlived its deadline and could not be stopped
//! * `/readyz`: 200 while serving, 503 while starting or draining; never because of load
//! * `/metrics`: the Prometheus text format
//! * `/status`: slots and queue as JSON
//! * `/`: the page

mod lane;
mod status;

use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::mpsc::{self, SendError};
use std::task::Poll;
use std::thread;
use std::time::Instant;

use actix_rt::SystemRunner;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, Route, guard, web};
use serde::Serialize;

use crate::config::Settings;
use crate::lifecycle::{Lifecycle, Phase};
use crate::needs::{self, Needs};
use crate::page::Page;
use crate::service::{ENGINE_VERSION, LANE_PROTOCOL, Service};

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
    let (tell, heard) = mpsc::channel();
    let server = move || {
        let app = move || {
            let app = App::new().app_data(subject.clone()).app_data(page.clone());
            app.configure(routes)
        };
        HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .listen(listener)
            .map(HttpServer::run)
    };
    let thread = thread::Builder::new().name("admin".to_owned());
    let started = thread.spawn(move || {
        let serve = |runtime: SystemRunner| {
            runtime.block_on(async {
                let mut server = pin!(server()?);
                // It starts its threads before it waits for the first time.
                let begun = poll_fn(|context| Poll::Ready(server.as_mut().poll(context))).await;
                match begun {
                    Poll::Ready(ended) => ended,
                    Poll::Pending => {
                        tell.send(Ok(())).ok();
                        server.await
                    }
                }
            })
        };
        let outcome = needs::runtime().and_then(serve);
        // Nobody listens any more if it has ended later.
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
    app.route("/livez", read().to(livez))
        .route("/readyz", read().to(readyz))
        .route("/metrics", read().to(metrics))
        .route("/status", read().to(status))
        .route("/", read().to(show_page));
}

/// GET and HEAD.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
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
