//! The role of a server: both listeners, from their start to the end of a drain.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;
#[cfg(feature = "otlp")]
use std::time::Instant;

use actix_web::web;
use tokio::net;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::admin;
use crate::assembly;
use crate::child::{NotReady, orphans};
use crate::config::Settings;
use crate::descriptors::connections_max;
use crate::entrance;
use crate::folder::{Folders, ServerFolder};
use crate::gate::{Gate, Refusal};
use crate::guard;
use crate::http::{self, Front, Room, Serve, Witness};
use crate::lifecycle::{Lifecycle, Phase, Signals, StopSignal};
use crate::metrics::Metrics;
use crate::needs::{self, Needs};
use crate::service::Service;

/// How long idle connections are kept. nginx closes them after 30 s, so that it is always nginx that
/// closes: if the server did, nginx might be sending a request at that moment.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client may take to send the head of its first request: the default of actix.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerEnd {
    /// Every request had its answer.
    Clean,
    /// Requests were cut off.
    Cut,
}

impl ServerEnd {
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
pub fn run(service: &'static Service, settings: &Settings) -> Result<ServerEnd, StartError> {
    guard::inherit_nothing();
    needs::runtime()?.block_on(serve(service, settings))
}

/// Tells where a server listens, in the first line of its log, and what its owner should know before the first request.
pub fn announce(listen: SocketAddr, admin_listen: SocketAddr, settings: &Settings) {
    tracing::info!(%listen, %admin_listen, mode = %settings.mode, "listening");
    #[cfg(not(feature = "otlp"))]
    if crate::config::names_collector() {
        tracing::warn!("no traces are exported: this program is without the feature otlp");
    }
}

async fn serve(service: &'static Service, settings: &Settings) -> Result<ServerEnd, StartError> {
    let mut signals = Signals::listen()?;
    actix_rt::spawn(orphans::reap_adopted());
    let listener = bind(settings.listen, 0)?;
    let admin_listener = bind(settings.admin_listen, 0)?;
    let listen = listener.local_addr().needs("getsockname")?;
    let admin_listen = admin_listener.local_addr().needs("getsockname")?;

    announce(listen, admin_listen, settings);
    let room = connections_max(settings.slots.saturating_add(settings.queue_max));
    let settings = &fit(settings, room);
    let lane = assembly::lane(service, settings)?;
    lane.gate.close(Refusal::Starting);
    // Before anything is loaded, which may take long or fail: probes and callers need an answer meanwhile.
    let admin = admin::start(
        admin_listener,
        service,
        settings,
        listen.port(),
        lane.clone(),
    )?;
    // A lane that writes no files needs none.
    let made = ServerFolder::make();
    let folders = Folders::below(made.as_ref());
    let front = assembly::front(service, settings, &lane, folders);
    let public = Public::open(listener, front, Room::new(room)).await?;
    tokio::select! {
        // First: if there is nothing to wait for, no request is refused.
        biased;
        started = lane.executor.start() => started?,
        // No request was let in yet, so there is nothing to finish.
        _ = signals.next() => return Ok(stopped(ServerEnd::Clean)),
    }
    admin.until_up()?;
    let lifecycle = admin.lifecycle;
    lane.gate.open();
    lifecycle.enter(Phase::Serving);
    tracing::info!("ready");

    let stop = tokio::select! {
        stop = signals.next() => stop,
        failed = lane.executor.failure() => return Err(failed.into()),
    };
    let drain = drain(settings, &lane.gate, public);
    let end = wind_down(stop, &lifecycle, drain, signals.next()).await;
    // Requests in flight end with the process, and so do children.
    Ok(stopped(
        end.unwrap_or_else(|| ServerEnd::at_once(&lane.metrics)),
    ))
}

/// Drains a server if `stop` asks for that. None if it has to stop at once instead: because of `stop`, or
/// because a `second_signal` came before the drain was over.
pub(crate) async fn wind_down<T>(
    stop: StopSignal,
    lifecycle: &Lifecycle,
    drain: impl Future<Output = ServerEnd>,
    second_signal: impl Future<Output = T>,
) -> Option<ServerEnd> {
    if stop == StopSignal::Now {
        return None;
    }
    lifecycle.enter(Phase::Draining);
    tracing::info!("draining");
    tokio::select! {
        end = drain => Some(end),
        _ = second_signal => None,
    }
}

/// How long it is until `deadline`; for ever where that is too far away to have a date.
#[cfg(feature = "otlp")]
pub(crate) fn left_until(deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::MAX, |deadline| {
        deadline.saturating_duration_since(Instant::now())
    })
}

fn stopped(end: ServerEnd) -> ServerEnd {
    tracing::info!(?end, "stopped");
    end
}

/// Binds a socket in whose queue up to `queue_max` connections are to wait.
pub(crate) fn bind(address: SocketAddr, queue_max: u32) -> Result<TcpListener, StartError> {
    entrance::bind(address, queue_max).map_err(|err| StartError::Listen(address, err))
}

/// With no more requests in the queue than there can be connections: a client beyond that is told so.
fn fit(settings: &Settings, connections_max: usize) -> Settings {
    let mut settings = settings.clone();
    let places = u32::try_from(connections_max).unwrap_or(u32::MAX);
    let queue_max = places.saturating_sub(settings.slots);
    if queue_max < settings.queue_max {
        tracing::warn!(queue_max, "the limit of descriptors allows no longer queue");
        settings.queue_max = queue_max;
    }
    settings
}

/// The public side. It is served by the thread that made it, which never computes.
struct Public {
    front: web::Data<Front>,
    serve: Serve,
    room: Rc<Room>,
    listener: Rc<net::TcpListener>,
    /// Takes connections.
    taking: JoinHandle<()>,
}

impl Public {
    async fn open(
        listener: TcpListener,
        front: web::Data<Front>,
        room: Rc<Room>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true).needs("ioctl")?;
        let listener = Rc::new(net::TcpListener::from_std(listener)?);
        let keep_alive = KEEP_ALIVE.into();
        let (front_of_all, witness) = (front.clone(), Witness::none());
        let serve = http::service(
            front_of_all,
            witness,
            keep_alive,
            HEAD_TIMEOUT,
            room.clone(),
        )
        .await;
        let taking = actix_rt::spawn(take(listener.clone(), serve.clone(), room.clone()));
        Ok(Self {
            front,
            serve,
            room,
            listener,
            taking,
        })
    }

    /// Takes no more connections. Returns when those that are here have ended.
    async fn close(self) -> io::Result<()> {
        entrance::close(&self.listener).await;
        self.taking.abort();
        self.taking.await.ok();
        let listener =
            Rc::into_inner(self.listener).expect("the task that takes connections has ended");
        let listener = listener.into_std()?;
        loop {
            self.room.vacancy().await;
            let Some(stream) = entrance::queued(&listener) else {
                break;
            };
            actix_rt::spawn((self.serve)(stream));
        }
        drop(listener);
        self.front.leaving.closed().await;
        Ok(())
    }
}

/// Has one connection after the other served, and no more at once than there is room for.
async fn take(listener: Rc<net::TcpListener>, serve: Serve, room: Rc<Room>) {
    loop {
        room.vacancy().await;
        let stream = entrance::next(&listener, || room.make_way()).await;
        actix_rt::spawn(serve(stream));
    }
}

/// Finishes the requests of a server that is no longer ready, within `shutdown_timeout`.
///
/// The listener stays open until the last computation is done and refuses new requests meanwhile, so that
/// the balancer can take them elsewhere at once. If it did not accept, they would wait in the kernel's
/// queue and be reset in the end.
async fn drain(settings: &Settings, gate: &Gate, public: Public) -> ServerEnd {
    sleep(settings.drain_delay).await;
    gate.close(Refusal::Closed);
    public.front.leave();
    #[cfg(feature = "otlp")]
    let deadline = Instant::now().checked_add(settings.shutdown_timeout);
    #[cfg(feature = "otlp")]
    let tracer = public.front.tracer.clone();
    let finish = async {
        gate.idle().await;
        public.close().await
    };
    let finished = timeout(settings.shutdown_timeout, finish).await;
    // A collector that does not answer cuts no request off.
    #[cfg(feature = "otlp")]
    tracer.finish(left_until(deadline)).await;
    ServerEnd::cut_if(!matches!(finished, Ok(Ok(()))))
}
