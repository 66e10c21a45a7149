//! The role of a worker: a blocking lane. It gets the listening socket, which it shares with the other
//! workers, in its briefing, and reports to its parent on its standard output. It takes a connection
//! only when it has nothing to do, so that all workers have one queue: the kernel's.

use std::fs::File;
use std::io::{self, stderr, stdout};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
#[cfg(feature = "otlp")]
use std::time::Instant;

use rustix::stdio::{dup2_stdin, dup2_stdout};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::Sender;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::connection;
use super::report::{HEARTBEAT, PAUSE, Report};
use crate::admin::Inspect;
use crate::assembly;
use crate::config::Settings;
use crate::entrance;
use crate::folder::{Folders, ServerFolder};
use crate::guard;
use crate::http::{Room, Serve, Witness};
use crate::ipc;
use crate::jitter::with_jitter;
use crate::lane::Lane;
use crate::lifecycle::{Signals, StopSignal};
use crate::needs;
use crate::reexec::Briefing;
#[cfg(feature = "otlp")]
use crate::server::left_until;
use crate::server::{ServerEnd, StartError};
use crate::service::Service;

/// Serves until a signal ends it. If the parent ends, the kernel kills it.
pub fn run(
    parent: i32,
    briefing: Briefing,
    service: &'static Service,
    settings: &Settings,
) -> Result<ServerEnd, StartError> {
    guard::die_with(parent)?;
    let listener = briefing.attached.into_iter().next();
    let listener = listener.ok_or_else(|| io::Error::other("no socket was sent"))?;
    drop(briefing.socket);
    needs::runtime()?.block_on(serve(listener.into(), service, settings))
}

async fn serve(
    listener: TcpListener,
    service: &'static Service,
    settings: &Settings,
) -> Result<ServerEnd, StartError> {
    let mut signals = Signals::listen()?;
    // A workload that reads standard input finds nothing.
    dup2_stdin(File::open("/dev/null")?).map_err(io::Error::from)?;
    let reports = Sender::from_owned_fd(stdout().as_fd().try_clone_to_owned()?)?;
    // What a workload prints goes to the log.
    dup2_stdout(stderr()).map_err(io::Error::from)?;

    let lane = assembly::lane(service, settings)?;
    let reporter = Arc::new(Reporter {
        lane: lane.clone(),
        max_requests: with_jitter(settings.max_requests),
        listening: AtomicBool::new(false),
        failed: OnceLock::new(),
        idle: AtomicBool::new(false),
        finished: AtomicBool::new(false),
        accepted: AtomicU64::new(0),
        told: watch::Sender::new(false),
        changed: Notify::new(),
        urgent: Notify::new(),
        closed: Notify::new(),
    });
    let (first, last) = (reporter.clone(), reporter.clone());
    let witness = Witness {
        begin: Rc::new(move || {
            let reporter = first.clone();
            Box::pin(async move { reporter.begin().await })
        }),
        end: Rc::new(move || last.changed.notify_one()),
    };
    let made = ServerFolder::make();
    let folders = Folders::below(made.as_ref());
    let front = assembly::front(service, settings, &lane, folders);
    #[cfg(feature = "otlp")]
    let tracer = front.tracer.clone();
    let serve = connection::service(front, witness, Room::new(1)).await;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let reports = actix_rt::spawn(reporter.clone().report(reports));

    // Which may take long: the reports go on meanwhile.
    let started = tokio::select! {
        // First: if there is nothing to wait for, the first report says that it listens.
        biased;
        started = lane.executor.start() => started,
        // It has no connection yet, so there is nothing to finish.
        _ = signals.next() => return Ok(reporter.finish(reports, ServerEnd::Clean).await),
    };
    if let Err(err) = started {
        // The parent says so, once for all workers.
        reporter.failed.set(err.to_string()).ok();
        return Ok(reporter.finish(reports, ServerEnd::Cut).await);
    }
    reporter.open();
    let mut work = pin!(work(listener, serve, &reporter));
    let stop = tokio::select! {
        stop = signals.next() => stop,
        () = &mut work => unreachable!("it works until it is closed"),
    };
    reporter.close();
    #[cfg(feature = "otlp")]
    let deadline = Instant::now().checked_add(settings.shutdown_timeout);
    let end = match stop {
        StopSignal::Now => None,
        StopSignal::Gracefully => tokio::select! {
            finished = timeout(settings.shutdown_timeout, work) => {
                Some(ServerEnd::cut_if(finished.is_err()))
            }
            () = interrupted(&mut signals) => None,
        },
    };
    #[cfg(feature = "otlp")]
    if end.is_some() {
        // Half of the rest: the parent, which has no more time than this, is to see it end.
        tokio::select! {
            () = tracer.finish(left_until(deadline) / 2) => {}
            () = interrupted(&mut signals) => {}
        }
    }
    let end = end.unwrap_or_else(|| ServerEnd::at_once(&lane.metrics));
    Ok(reporter.finish(reports, end).await)
}

/// Waits until a signal says to stop now. Further ones that say to finish change nothing, and they do
/// come: both the parent and a supervisor, such as systemd, send them.
async fn interrupted(signals: &mut Signals) {
    while signals.next().await != StopSignal::Now {}
}

/// Serves one connection after the other. It takes the next one only when it has nothing else to do:
/// until then another worker can take it. Once closed, it finishes the connection that it has.
async fn work(listener: tokio::net::TcpListener, serve: Serve, reporter: &Reporter) {
    while reporter.listening.load(Ordering::Relaxed) {
        // Without the program that it computes with it would keep a request waiting that another worker could take.
        tokio::select! {
            () = reporter.lane.gate.ready() => {}
            () = reporter.closed.notified() => return,
        }
        reporter.wait();
        let stream = tokio::select! {
            stream = entrance::next(&listener, || {}) => stream,
            () = reporter.closed.notified() => return,
        };
        reporter.accept();
        // In a task of its own, so that a panic ends the connection and not the worker.
        actix_rt::spawn(serve(stream)).await.ok();
        // After a 504, or when the client has left, the computation may need a moment to stop.
        tokio::select! {
            () = reporter.lane.gate.idle() => {}
            () = reporter.closed.notified() => return,
        }
    }
}

/// What the worker knows about itself, and reports to the parent.
struct Reporter {
    lane: Lane,
    max_requests: u32,
    listening: AtomicBool,
    /// Why it will never listen.
    failed: OnceLock<String>,
    idle: AtomicBool,
    /// The next report will be the last.
    finished: AtomicBool,
    accepted: AtomicU64,
    /// Whether the parent believes that there is a request.
    told: watch::Sender<bool>,
    /// Told when there is something to report.
    changed: Notify,
    /// Told when what changed cannot wait for the pause between reports.
    urgent: Notify,
    /// Told when the worker is to take no more connections.
    closed: Notify,
}

impl Reporter {
    /// Has [`work`] take connections.
    fn open(&self) {
        self.listening.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Sends the last report.
    async fn finish(&self, reports: JoinHandle<()>, end: ServerEnd) -> ServerEnd {
        self.finished.store(true, Ordering::Relaxed);
        self.changed.notify_one();
        // When this task ends, it is sent, or the parent is gone.
        reports.await.ok();
        end
    }

    /// Has [`work`] take no more connections.
    fn close(&self) {
        self.listening.store(false, Ordering::Relaxed);
        self.closed.notify_one();
        self.changed.notify_one();
    }

    /// The worker has nothing to do.
    fn wait(&self) {
        self.idle.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// The worker has taken a connection.
    fn accept(&self) {
        self.idle.store(false, Ordering::Relaxed);
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Returns when the parent knows that there is a request, because this process cannot tell it
    /// any more if it ends of that request. A parent that does not read delays a request, but stops none.
    async fn begin(&self) {
        let mut told = self.told.subscribe();
        if !*told.borrow() {
            self.urgent.notify_one();
            timeout(PAUSE, told.wait_for(|told| *told)).await.ok();
        }
        self.changed.notify_one();
    }

    /// Sends reports until the last one is sent, or the parent is gone.
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
                // The parent is gone, and the kernel is about to kill this process.
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
        let slot = self.lane.status().slots.into_iter().next();
        let served = slot.as_ref().map_or(0, |slot| slot.requests_served);
        Report {
            failed: self.failed.get().cloned(),
            listening: self.listening.load(Ordering::Relaxed),
            idle: self.idle.load(Ordering::Relaxed),
            in_flight: self.lane.metrics.in_flight.get(),
            accepted: self.accepted.load(Ordering::Relaxed),
            spent: self.max_requests > 0 && served >= u64::from(self.max_requests),
            stuck: self.lane.stuck(),
            slot,
            mean_service: self.lane.gate.mean_service(),
            metrics: self.lane.metrics_snapshot(),
        }
    }
}
