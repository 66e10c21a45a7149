//! The role of a server: both listeners, from their start to the end of a drain.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use rustix::process::{Resource, getrlimit};
use tokio::net;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::admin;
use crate::assembly;
use crate::child::{NotReady, guard, orphans};
use crate::config::Settings;
use crate::entrance;
use crate::gate::{Gate, Refusal};
use crate::http::{self, Front, Serve, Witness};
use crate::lifecycle::{Lifecycle, Phase, Signals, Stop};
use crate::metrics::Metrics;
use crate::needs::{self, Needs};
use crate::service::Service;

/// How long idle connections are kept. nginx closes them after 30 s, so that it is always nginx that
/// closes: if the server did, nginx might be sending a request at that moment.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client may take to send the head of its first request: the default of actix.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// The default of actix.
const CONNECTIONS_MAX: usize = 25_600;

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
    needs::runtime()?.block_on(serve(service, settings))
}

async fn serve(service: &'static Service, settings: &Settings) -> Result<End, StartError> {
    let mut signals = Signals::listen()?;
    actix_rt::spawn(orphans::reap_adopted());
    let listener = bind(settings.listen)?;
    let admin_listener = bind(settings.admin_listen)?;
    let listen = listener.local_addr().needs("getsockname")?;
    let admin_listen = admin_listener.local_addr().needs("getsockname")?;

    tracing::info!(%listen, %admin_listen, mode = %settings.mode, "listening");
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
    let front = assembly::front(service, settings, &lane);
    let public = Public::open(listener, front).await?;
    tokio::select! {
        // First: if there is nothing to wait for, nobody is refused.
        biased;
        started = lane.executor.start() => started?,
        // Nobody was let in yet, so there is nothing to finish.
        _ = signals.next() => return Ok(stopped(End::Clean)),
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

/// The public side. It is served by the thread that made it, which never computes.
struct Public {
    front: web::Data<Front>,
    serve: Serve,
    listener: Rc<net::TcpListener>,
    /// Takes connections.
    taking: JoinHandle<()>,
}

impl Public {
    async fn open(listener: TcpListener, front: web::Data<Front>) -> io::Result<Self> {
        listener.set_nonblocking(true).needs("ioctl")?;
        let listener = Rc::new(net::TcpListener::from_std(listener)?);
        let keep_alive = KEEP_ALIVE.into();
        let serve = http::service(front.clone(), Witness::none(), keep_alive, HEAD_TIMEOUT).await;
        let taking = actix_rt::spawn(take(listener.clone(), serve.clone()));
        Ok(Self {
            front,
            serve,
            listener,
            taking,
        })
    }

    /// Lets nobody in any more. Returns when everybody who is here has left.
    async fn close(self) -> io::Result<()> {
        entrance::close(&self.listener).await;
        self.taking.abort();
        self.taking.await.ok();
        let listener = Rc::into_inner(self.listener).expect("nobody takes connections any more");
        let listener = listener.into_std()?;
        while let Some(stream) = entrance::queued(&listener) {
            actix_rt::spawn((self.serve)(stream));
        }
        drop(listener);
        self.front.leaving.closed().await;
        Ok(())
    }
}

/// Has one connection after the other served, and no more at once than there is room for.
async fn take(listener: Rc<net::TcpListener>, serve: Serve) {
    let room = Arc::new(Semaphore::new(connections_max()));
    loop {
        let place = room.clone().acquire_owned().await;
        let served = serve(entrance::next(&listener).await);
        actix_rt::spawn(async move {
            served.await;
            drop(place);
        });
    }
}

/// Finishes the requests of a server that is no longer ready, within `shutdown_timeout`.
///
/// The listener stays open until the last computation is done and refuses new requests meanwhile, so that
/// the balancer can take them elsewhere at once. If it did not accept, they would wait in the kernel's
/// queue and be reset in the end.
async fn drain(settings: &Settings, gate: &Gate, public: Public) -> End {
    sleep(settings.drain_delay).await;
    gate.close(Refusal::Closed);
    public.front.leave();
    let finish = async {
        gate.idle().await;
        public.close().await
    };
    let finished = timeout(settings.shutdown_timeout, finish).await;
    End::cut_if(!matches!(finished, Ok(Ok(()))))
}
