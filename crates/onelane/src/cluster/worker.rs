//! The role of a worker: a blocking lane whose listening socket, shared with its siblings, is its
//! standard input. It takes a connection only when it has nothing to do, so that the kernel's queue
//! is the queue of all of them. Its standard output carries its reports.

use std::fs::File;
use std::io::{self, stderr, stdin, stdout};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::stdio::{dup2_stdin, dup2_stdout};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::Sender;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::connection::{self, Serve};
use super::report::{HEARTBEAT, PAUSE, Report};
use crate::admin::View;
use crate::assembly;
use crate::child::{guard, with_jitter};
use crate::config::Settings;
use crate::ipc;
use crate::lane::Lane;
use crate::lifecycle::{Signals, Stop};
use crate::server::{End, StartError};
use crate::service::Service;

/// How long to wait for what accepting lacked: descriptors, as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves until a signal, or the end of the parent, ends it.
pub fn run(parent: i32, service: &'static Service, settings: &Settings) -> Result<End, StartError> {
    guard::die_with(parent)?;
    actix_rt::System::new().block_on(serve(service, settings))
}

async fn serve(service: &'static Service, settings: &Settings) -> Result<End, StartError> {
    let mut signals = Signals::listen()?;
    let listener = TcpListener::from(stdin().as_fd().try_clone_to_owned()?);
    // A workload that reads finds nothing, and what it starts does not hold the socket open.
    dup2_stdin(File::open("/dev/null")?).map_err(io::Error::from)?;
    let reports = Sender::from_owned_fd(stdout().as_fd().try_clone_to_owned()?)?;
    // A workload that prints does so into the log.
    dup2_stdout(stderr()).map_err(io::Error::from)?;

    let lane = assembly::lane(service, settings)?;
    let reporter = Arc::new(Reporter {
        lane: lane.clone(),
        max_requests: with_jitter(settings.max_requests),
        listening: AtomicBool::new(true),
        idle: AtomicBool::new(false),
        finished: AtomicBool::new(false),
        accepted: AtomicU64::new(0),
        told: watch::Sender::new(false),
        changed: Notify::new(),
        urgent: Notify::new(),
        closed: Notify::new(),
    });
    let (first, last) = (reporter.clone(), reporter.clone());
    let begin = async move || first.begin().await;
    let end = move || last.changed.notify_one();
    let serve = connection::service(assembly::front(service, settings, &lane), begin, end).await;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let reports = actix_rt::spawn(reporter.clone().report(reports));

    let mut work = pin!(work(listener, serve, &reporter));
    let stop = tokio::select! {
        stop = signals.next() => stop,
        () = &mut work => unreachable!("it works until it is closed"),
    };
    reporter.close();
    let end = match stop {
        Stop::Now => None,
        Stop::Gracefully => tokio::select! {
            finished = timeout(settings.shutdown_timeout, work) => {
                Some(finished.map_or(End::Cut, |()| End::Clean))
            }
            () = interrupted(&mut signals) => None,
        },
    };
    let end = end.unwrap_or(match lane.metrics.in_flight.get() {
        0 => End::Clean,
        _ => End::Cut,
    });
    reporter.finished.store(true, Ordering::Relaxed);
    reporter.changed.notify_one();
    // Its end means that the parent knows everything, or is gone.
    reports.await.ok();
    Ok(end)
}

/// Until it is told to stop now. To be told once more to finish means nothing: supervisors tell every
/// process of a service, and so does the parent.
async fn interrupted(signals: &mut Signals) {
    while signals.next().await != Stop::Now {}
}

/// Takes one connection after the other, and the next only when there is nothing else to do: until
/// then it stays where a sibling can take it. Once closed, finishes the one that it has.
async fn work(listener: tokio::net::TcpListener, serve: Serve, reporter: &Reporter) {
    while reporter.listening.load(Ordering::Relaxed) {
        reporter.wait();
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = reporter.closed.notified() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                reporter.accept();
                // As a task, so that a panic ends the connection and not the worker.
                actix_rt::spawn(serve(stream)).await.ok();
            }
            Err(err) => {
                tracing::error!(%err, "no connection could be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
        // A computation whose request was answered, with a 504, or whose client has left, may need
        // a moment to stop.
        tokio::select! {
            () = reporter.lane.gate.idle() => {}
            () = reporter.closed.notified() => return,
        }
    }
}

/// Tells the parent.
struct Reporter {
    lane: Lane,
    max_requests: u32,
    listening: AtomicBool,
    idle: AtomicBool,
    /// The next report is the last.
    finished: AtomicBool,
    accepted: AtomicU64,
    /// Whether the parent believes that there is a request.
    told: watch::Sender<bool>,
    changed: Notify,
    /// What changed cannot wait for the pause between reports.
    urgent: Notify,
    /// It is to take no more connections.
    closed: Notify,
}

impl Reporter {
    fn close(&self) {
        self.listening.store(false, Ordering::Relaxed);
        self.closed.notify_one();
        self.changed.notify_one();
    }

    fn wait(&self) {
        self.idle.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    fn accept(&self) {
        self.idle.store(false, Ordering::Relaxed);
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Returns when the parent knows that there is a request, because nobody can tell it later if this
    /// process ends of it. A parent that does not read delays a request, but stops none.
    async fn begin(&self) {
        let mut told = self.told.subscribe();
        if !*told.borrow() {
            self.urgent.notify_one();
            timeout(PAUSE, told.wait_for(|told| *told)).await.ok();
        }
        self.changed.notify_one();
    }

    async fn report(self: Arc<Self>, mut parent: Sender) {
        loop {
            let finished = self.finished.load(Ordering::Relaxed);
            let report = self.now();
            let has_request = report.has_request();
            let sent = match ipc::frame(&report) {
                Ok(frame) => parent.write_all(&frame).await,
                Err(err) => Err(err),
            };
            if let Err(err) = sent {
                // The parent is gone, and so are we.
                return tracing::debug!(%err, "no more reports");
            }
            self.told.send_replace(has_request);
            if finished {
                return;
            }
            let due = async {
                sleep(PAUSE).await;
                timeout(HEARTBEAT, self.changed.notified()).await.ok();
            };
            tokio::select! { () = due => {}, () = self.urgent.notified() => {} }
        }
    }

    fn now(&self) -> Report {
        let slot = self.lane.sight().slots.into_iter().next();
        let served = slot.as_ref().map_or(0, |slot| slot.requests_served);
        Report {
            listening: self.listening.load(Ordering::Relaxed),
            idle: self.idle.load(Ordering::Relaxed),
            in_flight: self.lane.metrics.in_flight.get(),
            accepted: self.accepted.load(Ordering::Relaxed),
            spent: self.max_requests > 0 && served >= u64::from(self.max_requests),
            stuck: self.lane.stuck(),
            slot,
            mean_service: self.lane.gate.mean_service(),
            metrics: self.lane.snapshot(),
        }
    }
}
