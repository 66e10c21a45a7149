//! The role of a server: both listeners, from their start to the end of a drain.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_server::{Server, ServerHandle};
use actix_web::{HttpServer, web};
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpStream;
use tokio::task::{JoinError, yield_now};
use tokio::time::{sleep, timeout};

use crate::admin;
use crate::assembly;
use crate::child::{NotReady, guard};
use crate::config::Settings;
use crate::gate::{Gate, Refusal};
use crate::http::{self, Front, Witness};
use crate::lifecycle::{Lifecycle, Phase, Signals, Stop};
use crate::metrics::Metrics;
use crate::service::Service;

/// How long idle connections are kept. nginx closes them after 30 s, so that it is always nginx that
/// closes: if the server did, nginx might be sending a request at that moment.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The default of actix.
const CONNECTIONS_MAX: usize = 25_600;

/// How long a request may take to arrive that was sent before its client could know of the drain.
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
    /// The workloads cannot be loaded, or the children do not work.
    #[error(transparent)]
    Compute(#[from] NotReady),
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

    tracing::info!(%listen, %admin_listen, mode = %settings.mode, "listening");
    let lane = assembly::lane(service, settings)?;
    lane.gate.close(Refusal::Starting);
    // Before anything is loaded, which may take long or fail: probes and callers need an answer meanwhile.
    let lifecycle = admin::start(
        admin_listener,
        service,
        settings,
        listen.port(),
        lane.clone(),
    )?;
    let front = assembly::front(service, settings, &lane);
    let server = public(listener, front, settings.shutdown_timeout)?;
    let handle = server.handle();
    let mut server = actix_rt::spawn(server);
    tokio::select! {
        // First: if there is nothing to wait for, nobody is refused.
        biased;
        started = lane.executor.start() => started?,
        // Nobody was let in yet, so there is nothing to finish.
        _ = signals.next() => return Ok(stopped(End::Clean)),
        ended = &mut server => return Err(ended_early(ended)),
    }
    lane.gate.open();
    // The first poll of the server starts its threads. Only then does it serve.
    yield_now().await;
    lifecycle.enter(Phase::Serving);
    tracing::info!("ready");

    let stop = tokio::select! {
        stop = signals.next() => stop,
        ended = server => return Err(ended_early(ended)),
        failed = lane.executor.failure() => return Err(failed.into()),
    };
    let drain = drain(settings, &lane.gate, &handle);
    let end = wind_down(stop, &lifecycle, drain, signals.next()).await;
    // Requests in flight end with the process, and so do children.
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

/// The error of a listener that ended before it was told to: there was no thread for it, for example.
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

/// The most connections at once; further ones wait in the kernel's queue. Half of the descriptors that
/// this process may have, so that some are left for the admin side and for the pipes of children, and at
/// most as many as actix would take.
fn connections_max() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current;
    let descriptors = descriptors.and_then(|limit| usize::try_from(limit).ok());
    descriptors.map_or(CONNECTIONS_MAX, |limit| CONNECTIONS_MAX.min(limit / 2))
}

/// The public listener. One worker thread is enough: it never computes.
fn public(listener: TcpListener, front: web::Data<Front>, drain: Duration) -> io::Result<Server> {
    let watched = front.clone();
    let server = HttpServer::new(move || http::app(front.clone(), Witness::none()))
        .workers(1)
        .max_connections(connections_max())
        .disable_signals()
        .on_connect(move |connection, _| {
            if let Some(stream) = connection.downcast_ref::<TcpStream>() {
                watched.give_up_in_the_end(stream);
            }
        })
        .keep_alive(KEEP_ALIVE)
        // A client that closes its end has left. Its request is dropped, which frees its slot.
        .h1_allow_half_closed(false)
        .shutdown_timeout(drain.as_secs())
        .listen(listener)?;
    Ok(server.run())
}

/// Finishes the requests of a server that is no longer ready, within `shutdown_timeout`.
///
/// The listener stays open until the last computation is done and refuses new requests meanwhile, so that
/// the balancer can take them elsewhere at once. If it did not accept, they would wait in the kernel's
/// queue and be reset in the end.
async fn drain(settings: &Settings, gate: &Gate, handle: &ServerHandle) -> End {
    sleep(settings.drain_delay).await;
    gate.close(Refusal::Closed);
    let finish = async {
        gate.idle().await;
        // Requests that are on their way now are refused, too, rather than cut off.
        sleep(SETTLE).await;
        // Waits until every answer has been sent; idle connections are closed at once.
        handle.stop(true).await;
    };
    let finished = timeout(settings.shutdown_timeout, finish).await;
    End::cut_if(finished.is_err())
}
