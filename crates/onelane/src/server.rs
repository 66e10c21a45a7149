//! The role of a server: both listeners, from their start to the end of a drain.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_server::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use rustix::process::{Resource, getrlimit};
use tokio::task::{JoinError, yield_now};
use tokio::time::{sleep, timeout};

use crate::admin;
use crate::assembly;
use crate::child::{NeverReady, guard};
use crate::config::Settings;
use crate::gate::{Gate, Refusal};
use crate::http::{self, Front};
use crate::lifecycle::{Lifecycle, Phase, Signals, Stop};
use crate::metrics::Metrics;
use crate::service::Service;

/// Idle connections are kept longer than nginx keeps its end of them (30 s), so that it is always
/// nginx that closes, never we in the moment in which it sends.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// As actix has it.
const CONNECTIONS_MAX: usize = 25_600;

/// How long a request that was sent before its client could know may take to turn up.
const SETTLE: Duration = Duration::from_millis(100);

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every request had its answer.
    Clean,
    /// Requests were cut off.
    Cut,
}

impl End {
    /// The end of a server that may have `cut` requests off.
    pub(crate) fn cut_if(cut: bool) -> Self {
        if cut { Self::Cut } else { Self::Clean }
    }

    /// The end of a server that does not wait for the requests in flight.
    pub(crate) fn at_once(metrics: &Metrics) -> Self {
        Self::cut_if(metrics.in_flight.get() > 0)
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken, or not ours.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// A thread, a process or a signal handler was refused.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// The children do not work.
    #[error("cannot start: {0}")]
    Children(#[from] NeverReady),
}

/// Serves until a signal ends it.
pub fn run(service: &'static Service, settings: &Settings) -> Result<End, StartError> {
    guard::inherit_nothing();
    actix_rt::System::new().block_on(serve(service, settings))
}

async fn serve(service: &'static Service, settings: &Settings) -> Result<End, StartError> {
    let mut signals = Signals::listen()?;
    let listener = bind(settings.listen)?;
    let admin_listener = bind(settings.admin_listen)?;
    let listen = listener.local_addr()?;
    let admin_listen = admin_listener.local_addr()?;

    let lane = assembly::lane(service, settings)?;
    // First of all, so that probes have an answer while the children start, which may take long, or fail.
    let lifecycle = admin::start(
        admin_listener,
        service,
        settings,
        listen.port(),
        lane.clone(),
    )?;
    tokio::select! {
        started = lane.executor.start() => started?,
        // Nobody was let in, so there is nothing to finish.
        _ = signals.next() => return Ok(stopped(End::Clean)),
    }
    tracing::info!(%listen, %admin_listen, mode = %settings.mode, "listening");
    let server = public(
        listener,
        assembly::front(service, settings, &lane),
        settings.shutdown_timeout,
    )?;
    let handle = server.handle();
    let server = actix_rt::spawn(server);
    // Its first step starts its threads, without which nobody is served.
    yield_now().await;
    lifecycle.enter(Phase::Serving);

    let stop = tokio::select! {
        stop = signals.next() => stop,
        ended = server => return Err(ended_early(ended)),
    };
    let drain = drain(settings, &lane.gate, &handle);
    let end = wind_down(stop, &lifecycle, drain, signals.next()).await;
    // Whatever is left ends with the process, children included.
    Ok(stopped(end.unwrap_or_else(|| End::at_once(&lane.metrics))))
}

/// Drains a server if `stop` asks for that. None if it has to stop at once instead: because of `stop`, or
/// because a `second_signal` came before the drain was over.
pub(crate) async fn wind_down<T>(
    stop: Stop,
    lifecycle: &Lifecycle,
    drain: impl Future<Output = End>,
    second_signal: impl Future<Output = T>,
) -> Option<End> {
    if stop == Stop::Now {
        return None;
    }
    lifecycle.enter(Phase::Draining);
    tracing::info!("draining");
    tokio::select! {
        end = drain => Some(end),
        _ = second_signal => None,
    }
}

fn stopped(end: End) -> End {
    tracing::info!(?end, "stopped");
    end
}

/// The error that a listener ended with while it was still wanted: there was no thread for it, say.
fn ended_early(ended: Result<io::Result<()>, JoinError>) -> StartError {
    StartError::Start(match ended {
        Ok(Ok(())) => io::Error::other("the listener ended by itself"),
        Ok(Err(err)) => err,
        Err(panic) => io::Error::other(panic),
    })
}

pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|err| StartError::Listen(address, err))
}

/// Connections beyond which the next ones wait: half of the descriptors, so that there are always some
/// for the admin side and for the pipes of children. No more than anybody needs, without a limit.
fn connections_max() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current;
    let descriptors = descriptors.and_then(|limit| usize::try_from(limit).ok());
    descriptors.map_or(CONNECTIONS_MAX, |limit| CONNECTIONS_MAX.min(limit / 2))
}

/// The public listener. One worker is enough: it never computes.
fn public(listener: TcpListener, front: web::Data<Front>, drain: Duration) -> io::Result<Server> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(front.clone())
            .wrap(from_fn(http::observe))
            .configure(|app| http::routes(app, front.service))
    })
    .workers(1)
    .max_connections(connections_max())
    .disable_signals()
    .keep_alive(KEEP_ALIVE)
    // A client that closes its end has left: its request is dropped, and its slot freed.
    .h1_allow_half_closed(false)
    .shutdown_timeout(drain.as_secs())
    .listen(listener)?;
    Ok(server.run())
}

/// Ends a server that is no longer ready, after `shutdown_timeout` at the latest.
///
/// The listener stays open until the last computation is done, and turns requests away meanwhile: a
/// balancer takes them elsewhere at once, while a closed accept loop would let them wait in the
/// kernel's queue only to be reset in the end.
async fn drain(settings: &Settings, gate: &Gate, handle: &ServerHandle) -> End {
    sleep(settings.drain_delay).await;
    gate.close(Refusal::Closed);
    let finish = async {
        gate.idle().await;
        // What is on its way is still turned away, instead of cut off with its connection.
        sleep(SETTLE).await;
        // Lets every answer reach its client; idle connections are closed.
        handle.stop(true).await;
    };
    let finished = timeout(settings.shutdown_timeout, finish).await;
    End::cut_if(finished.is_err())
}
