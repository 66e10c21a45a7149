//! The role of a worker: a blocking lane whose listening socket, shared with its siblings, is its
//! standard input. It takes a connection only when it has nothing to do, so that the kernel's queue
//! is the queue of all of them. Its standard output carries its reports.

use std::io::{self, stderr, stdin, stdout};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_server::{Server, ServerHandle};
use actix_web::dev::Service;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use rustix::stdio::dup2_stdout;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::Sender;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::report::{HEARTBEAT, PAUSE, Report};
use crate::admin::{Local, View};
use crate::child::{guard, with_jitter};
use crate::config::Settings;
use crate::http::{self, Lane};
use crate::ipc;
use crate::lifecycle::{Signals, Stop};
use crate::server::{self, End, StartError};

/// How long a client may take for the head of its request. It holds the worker meanwhile.
const HEAD_TIMEOUT: Duration = Duration::from_secs(1);

/// How long after the last accept a request may take to turn up.
const SETTLE: Duration = Duration::from_millis(100);

/// How often a worker that drains looks whether it is done.
const LOOK: Duration = Duration::from_millis(5);

/// Serves until a signal, or the end of the parent, ends it.
pub fn run(parent: i32, settings: &Settings) -> Result<End, StartError> {
    guard::die_with(parent)?;
    actix_rt::System::new().block_on(serve(settings))
}

async fn serve(settings: &Settings) -> Result<End, StartError> {
    let mut signals = Signals::listen()?;
    let listener = TcpListener::from(stdin().as_fd().try_clone_to_owned()?);
    let reports = Sender::from_owned_fd(stdout().as_fd().try_clone_to_owned()?)?;
    // A workload that prints does so into the log.
    dup2_stdout(stderr()).map_err(io::Error::from)?;

    let local = server::assemble(settings).await?;
    let reporter = Arc::new(Reporter {
        local: local.clone(),
        max_requests: with_jitter(settings.max_requests),
        server: OnceLock::new(),
        overrun: Notify::new(),
        listening: AtomicBool::new(false),
        finished: AtomicBool::new(false),
        accepted: AtomicU64::new(0),
        changed: Notify::new(),
    });
    let reports = actix_rt::spawn(reporter.clone().report(reports));
    let server = public(
        listener,
        server::lane(settings, &local),
        &reporter,
        settings,
    )?;
    let handle = reporter.server.get_or_init(|| server.handle());
    actix_rt::spawn(server);
    reporter.listen(true);

    let end = match work(&mut signals, &reporter, handle).await {
        Stop::Now => None,
        Stop::Gracefully => {
            reporter.listen(false);
            tokio::select! {
                end = drain(settings, &local, handle) => Some(end),
                _ = signals.next() => None,
            }
        }
    };
    let end = end.unwrap_or(match local.metrics.in_flight.get() {
        0 => End::Clean,
        _ => End::Cut,
    });
    reporter.finished.store(true, Ordering::Relaxed);
    reporter.changed.notify_one();
    // Its end means that the parent knows everything, or is gone.
    reports.await.ok();
    Ok(end)
}

/// Until a signal: takes connections, and none while an overrun computation goes on.
async fn work(signals: &mut Signals, reporter: &Reporter, handle: &ServerHandle) -> Stop {
    loop {
        tokio::select! {
            stop = signals.next() => return stop,
            () = reporter.overrun.notified() => {}
        }
        tokio::select! {
            stop = signals.next() => return stop,
            () = reporter.local.gate.idle() => handle.resume().await,
        }
    }
}

fn public(
    listener: TcpListener,
    lane: web::Data<Lane>,
    reporter: &Arc<Reporter>,
    settings: &Settings,
) -> io::Result<Server> {
    let (news, accepts) = (reporter.clone(), reporter.clone());
    let server = HttpServer::new(move || {
        let news = news.clone();
        App::new()
            .app_data(lane.clone())
            .wrap_fn(move |request, service| {
                news.changed.notify_one();
                let news = news.clone();
                let end = NotifyOnDrop(news.clone());
                let response = service.call(request);
                async move {
                    let _end = end;
                    let response = response.await;
                    news.rest().await;
                    response
                }
            })
            .wrap(from_fn(http::observe))
            .configure(http::routes)
    })
    .workers(1)
    // While it has one connection, the next stay where a sibling can take them; a connection that
    // is kept would hold the worker without a request.
    .max_connections(1)
    .keep_alive(actix_web::http::KeepAlive::Disabled)
    .on_connect(move |_, _| accepts.accept())
    .client_request_timeout(HEAD_TIMEOUT)
    .disable_signals()
    .h1_allow_half_closed(false)
    .shutdown_timeout(settings.shutdown_timeout.as_secs())
    .listen(listener)?;
    Ok(server.run())
}

/// Takes no more connections, and finishes the one that is there. Nobody is turned away: whoever
/// comes now is taken by a sibling.
async fn drain(settings: &Settings, local: &Local, handle: &ServerHandle) -> End {
    let finish = async {
        handle.pause().await;
        sleep(SETTLE).await;
        // Not until the slot is free: a computation that cannot be stopped would keep it.
        while local.metrics.in_flight.get() > 0 {
            sleep(LOOK).await;
        }
        handle.stop(true).await;
    };
    let finished = timeout(settings.shutdown_timeout, finish).await;
    finished.map_or(End::Cut, |()| End::Clean)
}

/// Tells the parent.
struct Reporter {
    local: Local,
    max_requests: u32,
    server: OnceLock<ServerHandle>,
    /// A computation goes on although its request has been answered.
    overrun: Notify,
    listening: AtomicBool,
    /// The next report is the last.
    finished: AtomicBool,
    accepted: AtomicU64,
    changed: Notify,
}

impl Reporter {
    fn listen(&self, listening: bool) {
        self.listening.store(listening, Ordering::Relaxed);
        self.changed.notify_one();
    }

    fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Takes no more connections if the slot is still taken: whoever came would wait for a
    /// computation that nobody wants, while a sibling may be idle. To be called before the
    /// connection is closed, because the next one comes at once.
    async fn rest(&self) {
        if let Some(server) = self.server.get()
            && self.local.gate.is_busy()
        {
            server.pause().await;
            self.overrun.notify_one();
        }
    }

    async fn report(self: Arc<Self>, mut parent: Sender) {
        loop {
            let finished = self.finished.load(Ordering::Relaxed);
            let sent = match ipc::frame(&self.now()) {
                Ok(frame) => parent.write_all(&frame).await,
                Err(err) => Err(err),
            };
            if let Err(err) = sent {
                // The parent is gone, and so are we.
                return tracing::debug!(%err, "no more reports");
            }
            if finished {
                return;
            }
            sleep(PAUSE).await;
            timeout(HEARTBEAT, self.changed.notified()).await.ok();
        }
    }

    fn now(&self) -> Report {
        let slot = self.local.sight().slots.into_iter().next();
        let served = slot.as_ref().map_or(0, |slot| slot.requests_served);
        Report {
            listening: self.listening.load(Ordering::Relaxed),
            accepted: self.accepted.load(Ordering::Relaxed),
            spent: self.max_requests > 0 && served >= u64::from(self.max_requests),
            stuck: self.local.stuck(),
            slot,
            mean_service: self.local.gate.mean_service(),
            metrics: self.local.snapshot(),
        }
    }
}

struct NotifyOnDrop(Arc<Reporter>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.changed.notify_one();
    }
}
