//! The admin side, for orchestrators, scrapers and people who watch. It only reads, and it runs on
//! a thread of its own: a lane that is 100 % busy still answers here.
//!
//! * `/livez`: 200, unless a computation outlived its deadline and could not be stopped
//! * `/readyz`: 200 while serving, 503 while starting or draining; never because of load
//! * `/metrics`: the Prometheus text format
//! * `/status`: slots and queue as JSON
//! * `/`: the page

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

use crate::gate::{Gate, SlotView, Snapshot};
use crate::lifecycle::{Lifecycle, Phase};
use crate::metrics::{Metrics, Occupancy};
use crate::page;

/// How long a computation may take to notice that its time is over. Workloads look at their
/// interrupt every few milliseconds at most; one that has not after this long does not look.
const STUCK_AFTER: Duration = Duration::from_secs(1);

/// What there is to see.
#[derive(Debug)]
pub struct View {
    /// The name of the mode.
    pub mode: String,
    /// When the server started.
    pub started: Instant,
    /// Whether it is ready.
    pub lifecycle: Lifecycle,
    /// Slots and queue.
    pub gate: Gate,
    /// The numbers.
    pub metrics: Arc<Metrics>,
}

/// Serves `view` on `listener` from a new thread, until the process ends.
pub fn start(listener: TcpListener, view: View) -> io::Result<()> {
    let view = web::Data::new(view);
    let server = move || {
        HttpServer::new(move || App::new().app_data(view.clone()).configure(routes))
            .workers(1)
            .disable_signals()
            .listen(listener)
            .map(HttpServer::run)
    };
    thread::Builder::new().name("admin".to_owned()).spawn(|| {
        let outcome = actix_rt::System::new().block_on(async { server()?.await });
        if let Err(err) = outcome {
            // The probes now fail, and the orchestrator replaces this process.
            tracing::error!(%err, "the admin listener ended");
        }
    })?;
    Ok(())
}

fn routes(app: &mut web::ServiceConfig) {
    app.route("/livez", web::get().to(livez))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics))
        .route("/status", web::get().to(status))
        .route("/", web::get().to(page::show));
}

async fn livez(view: web::Data<View>) -> HttpResponse {
    let slots = view.gate.snapshot().slots;
    let mut holders = slots.iter().filter_map(|slot| slot.holder.as_ref());
    match holders.find(|holder| holder.overdue > STUCK_AFTER) {
        None => verdict(StatusCode::OK, "ok"),
        Some(stuck) => verdict(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!("request {} cannot be stopped", stuck.request_id),
        ),
    }
}

async fn readyz(view: web::Data<View>) -> HttpResponse {
    match view.lifecycle.phase() {
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

async fn metrics(view: web::Data<View>) -> HttpResponse {
    let text = view.metrics.render(occupancy(&view.gate.snapshot()));
    HttpResponse::Ok()
        .content_type(prometheus::TEXT_FORMAT)
        .body(text)
}

fn occupancy(now: &Snapshot) -> Occupancy {
    Occupancy {
        slots: now.slots.len(),
        busy: now
            .slots
            .iter()
            .filter(|slot| slot.holder.is_some())
            .count(),
        busy_total: now.slots.iter().map(|slot| slot.busy).sum(),
        queue_depth: now.queue_depth,
        queue_limit: now.queue_limit,
    }
}

async fn status(view: web::Data<View>) -> web::Json<Value> {
    let now = view.gate.snapshot();
    web::Json(json!({
        "mode": view.mode,
        "version": env!("CARGO_PKG_VERSION"),
        "phase": view.lifecycle.phase(),
        "uptime_seconds": view.started.elapsed().as_secs(),
        "slots": now.slots.iter().map(slot_status).collect::<Vec<_>>(),
        "queue": {
            "depth": now.queue_depth,
            "limit": now.queue_limit,
            "oldest_wait_ms": now.oldest_wait.map(whole_milliseconds),
        },
        "rejected": view.metrics.rejected_by_reason(),
    }))
}

fn slot_status(slot: &SlotView) -> Value {
    let holder = slot.holder.as_ref();
    json!({
        "state": if holder.is_some() { "busy" } else { "idle" },
        "pid": std::process::id(),
        "request_id": holder.map(|holder| &holder.request_id),
        "request_age_ms": holder.map(|holder| whole_milliseconds(holder.age)),
        "requests_served": slot.served,
    })
}

fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service};

    use super::*;
    use crate::gate::Visitor;

    /// What no workload here does, and a user's may: to go on when told to stop.
    #[actix_web::test]
    async fn livez_fails_when_a_computation_cannot_be_stopped() {
        let gate = Gate::new(1, 0);
        let view = web::Data::new(View {
            mode: "blocking".to_owned(),
            started: Instant::now(),
            lifecycle: Lifecycle::default(),
            gate: gate.clone(),
            metrics: Arc::new(Metrics::new("blocking")),
        });
        let app = init_service(App::new().app_data(view).configure(routes)).await;
        let livez = async || {
            let request = TestRequest::with_uri("/livez").to_request();
            call_service(&app, request).await.status().as_u16()
        };
        let visitor = Visitor {
            request_id: "stuck".to_owned(),
            arrived: Instant::now(),
            patience: Duration::ZERO,
        };
        let permit = gate.enter(visitor).await.unwrap();
        permit.due(Instant::now());
        assert_eq!(livez().await, 200);
        permit.due(Instant::now().checked_sub(STUCK_AFTER * 2).unwrap());
        assert_eq!(livez().await, 503);
        drop(permit);
        assert_eq!(livez().await, 200);
    }
}
