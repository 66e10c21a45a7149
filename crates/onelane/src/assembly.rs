//! How the parts of a server are put together from its settings.

use std::io;
use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::web;
use nix::unistd::gethostname;
use tokio::sync::{Notify, watch};

use crate::child::Nursery;
use crate::config::{Mode, Settings};
use crate::executor::{Executor, Fork, Pool, Supply, Threads};
use crate::folder::Folders;
use crate::gate::{Gate, Refusal};
use crate::http::{self, Admission, Clocks, Estimate, Front, KeptSlots};
use crate::lane::Lane;
use crate::logging;
use crate::metrics::{Build, Metrics};
use crate::page::Page;
use crate::reexec;
use crate::roster::{ProgramNews, Roster};
use crate::service::Service;
use crate::tracer::Tracer;
use crate::workload::{Follow, Workloads};

/// All parts of a server that is one process. The children of a pool are not started yet.
pub fn lane(service: &'static Service, settings: &Settings) -> io::Result<Lane> {
    let metrics = metrics(service, settings);
    let roster = roster(&metrics);
    let gate = Gate::new(settings.slots, settings.queue_max);
    Ok(Lane {
        executor: Arc::new(executor(service, settings, &gate, &roster)?),
        gate,
        roster,
        metrics,
    })
}

/// All series, at zero.
pub fn metrics(service: &Service, settings: &Settings) -> Arc<Metrics> {
    let build = Build {
        service: service.name,
        version: service.version,
        mode: &settings.mode.to_string(),
    };
    let own = service.reasons().map(|reason| reason.name);
    let reasons: Vec<_> = http::REASONS.iter().copied().chain(own).collect();
    Arc::new(Metrics::new(&build, &reasons, service.series()))
}

/// A list of children, empty so far.
pub fn roster(metrics: &Arc<Metrics>) -> Roster {
    let metrics = metrics.clone();
    Roster::new(move |took| metrics.children.start_seconds.observe(took.as_secs_f64()))
}

/// What computes in this mode. The worker of a cluster computes like a blocking lane.
fn executor(
    service: &'static Service,
    settings: &Settings,
    gate: &Gate,
    roster: &Roster,
) -> io::Result<Executor> {
    let threads = |slots: u32, replace| {
        let follow = Arc::new(Followed {
            gate: gate.clone(),
            roster: roster.clone(),
        });
        let supply = supply(service, settings, slots as usize, follow);
        Threads::start(slots, replace, supply).map(Executor::Threads)
    };
    let nursery = || {
        let program = || reexec::command("compute", logging::stdio());
        Nursery::start(program, settings.to_json(), roster.clone())
    };
    Ok(match settings.mode {
        Mode::Blocking | Mode::Cluster => threads(1, None)?,
        Mode::Threads => threads(settings.slots, Some(roster.clone()))?,
        Mode::Fork => Executor::Fork(Fork::new(nursery()?, settings.spare_children)),
        Mode::Pool => {
            let pool = Pool::new(nursery()?, settings.slots, settings.max_requests);
            Executor::Pool(pool)
        }
    })
}

/// What becomes of the programs that stay, of a process that computes itself: it is in the list of its children, and
/// a slot without one that is ready gets no request.
#[derive(Debug)]
struct Followed {
    gate: Gate,
    roster: Roster,
}

impl Follow for Followed {
    fn news(&self, news: ProgramNews) {
        self.roster.hear(None, news);
    }

    fn missing(&self, slots: usize) {
        self.gate.withhold(slots);
    }
}

/// The workloads for this process, which computes itself.
fn supply(
    service: &'static Service,
    settings: &Settings,
    slots: usize,
    follow: Arc<dyn Follow>,
) -> Supply {
    let own = settings.own.clone();
    let load = move || {
        let mut workloads = Workloads::load(&service.workloads, &own, || Ok(()))?;
        workloads.enter(slots, &follow)?;
        Ok(workloads)
    };
    Supply::new(load, service.tables().is_empty())
}

/// A public side whose requests are computed by `lane`, and have their files in `folders`.
pub fn front(
    service: &'static Service,
    settings: &Settings,
    lane: &Lane,
    folders: Folders,
) -> web::Data<Front> {
    let tracer = tracer(service, settings, &lane.metrics);
    let gate = lane.gate.clone();
    let admission = Admission::Open {
        gate: lane.gate.clone(),
        executor: lane.executor.clone(),
    };
    let estimated_wait = Box::new(move || gate.estimated_wait());
    with(
        service,
        settings,
        admission,
        folders,
        (&lane.metrics, tracer),
        estimated_wait,
    )
}

/// What exports the spans of this process, on a thread of its own where they are to be exported.
#[cfg(feature = "otlp")]
pub fn tracer(service: &'static Service, settings: &Settings, metrics: &Metrics) -> Tracer {
    let Some(traces) = &settings.traces else {
        return Tracer::default();
    };
    let mode = settings.mode.to_string();
    Tracer::start(traces, (service, &mode, &host_name()), &metrics.spans_lost)
}

/// Nothing, without the feature `otlp`.
#[cfg(not(feature = "otlp"))]
pub fn tracer(_: &'static Service, _: &Settings, _: &Metrics) -> Tracer {
    Tracer
}

/// A public side that answers every request with `refusal`.
pub fn refusing_front(
    service: &'static Service,
    settings: &Settings,
    refusal: Refusal,
    (metrics, tracer): (&Arc<Metrics>, Tracer),
    estimated_wait: Estimate,
) -> web::Data<Front> {
    let admission = Admission::Refused(refusal);
    with(
        service,
        settings,
        admission,
        Folders::none(),
        (metrics, tracer),
        estimated_wait,
    )
}

fn with(
    service: &'static Service,
    settings: &Settings,
    admission: Admission,
    folders: Folders,
    (metrics, tracer): (&Arc<Metrics>, Tracer),
    estimated_wait: Estimate,
) -> web::Data<Front> {
    let is_cluster = settings.mode == Mode::Cluster;
    web::Data::new(Front {
        service,
        page: Page::new(service),
        admission,
        folders,
        kept: (!is_cluster).then(KeptSlots::default),
        metrics: metrics.clone(),
        tracer,
        clocks: (!is_cluster).then(Clocks::default),
        queue_max: settings.queue_max,
        queue_timeout: settings.queue_timeout,
        request_timeout: settings.request_timeout,
        send_timeout: settings.send_timeout,
        cut: Notify::new(),
        leaving: watch::Sender::new(false),
        estimated_wait,
        cors_origins: settings.cors_origins.clone(),
        served_by: served_by(),
    })
}

fn host_name() -> String {
    gethostname().map_or_else(
        |_| "localhost".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn served_by() -> HeaderValue {
    let text = format!("{}/{}", host_name(), std::process::id());
    HeaderValue::try_from(text).expect("host names and numbers are ASCII")
}
