//! The topology of several processes on one port: a parent that binds the socket and keeps the
//! workers alive, each of them a blocking lane. The parent does no request's work; it only says no
//! where too many wait, or for too long.
//!
//! | signal | meaning |
//! |---|---|
//! | TERM | finish what runs, refuse the rest, exit |
//! | INT, or a second TERM | exit now |
//! | HUP | replace every worker, the new one before the old one |
//! | TTIN, TTOU | one worker more, one fewer |
//!
//! It tells a worker to finish by TERM, however often, and to stop now by INT.

mod accept_queue;
mod board;
mod connection;
mod door;
mod fleet;
mod instructions;
mod member;
mod process;
mod refuse;
mod report;
pub mod worker;

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::admin;
use crate::assembly;
use crate::child::guard;
use crate::config::Settings;
use crate::lifecycle::{Lifecycle, Phase, Stop};
use crate::server::{self, End, StartError};
use crate::service::Service;
use board::Board;
use door::Door;
use fleet::Fleet;
use instructions::{Instruction, Instructions};
use process::Event;

/// How often the parent looks at the queue and at its workers: no refusal comes later than that.
const TICK: Duration = Duration::from_millis(20);

/// How long a worker may take to stop when it is to do so at once.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Connections that the kernel keeps beyond those that may wait, until the parent refuses them.
const BACKLOG_SPARE: u32 = 1024;

/// Serves until a signal ends it.
pub fn run(service: &'static Service, settings: &Settings) -> Result<End, StartError> {
    guard::inherit_nothing();
    actix_rt::System::new().block_on(serve(service, settings))
}

async fn serve(service: &'static Service, settings: &Settings) -> Result<End, StartError> {
    let mut instructions = Instructions::listen()?;
    let listener = bind(settings).map_err(|err| StartError::Listen(settings.listen, err))?;
    let admin_listener = server::bind(settings.admin_listen)?;
    let listen = listener.local_addr()?;
    let admin_listen = admin_listener.local_addr()?;

    let metrics = assembly::metrics(service, settings);
    let roster = assembly::roster(&metrics);
    let board = Board::new(metrics.clone(), roster, settings.queue_max);
    tracing::info!(%listen, %admin_listen, mode = %settings.mode, "listening");
    let lifecycle = admin::start(
        admin_listener,
        service,
        settings,
        listen.port(),
        board.clone(),
    )?;

    let (tell, events) = mpsc::unbounded_channel();
    let mut cluster = Cluster {
        fleet: Fleet::new(listener.try_clone()?, settings, tell, board.clone()),
        door: Door::new(service, settings, &metrics, listener, &board).await?,
        events,
        lifecycle: lifecycle.clone(),
    };
    let stop = cluster.serve(&mut instructions).await?;
    let drain = cluster.drain(settings);
    let end = match server::wind_down(stop, &lifecycle, drain, instructions.stop()).await {
        Some(end) => end,
        None => cluster.stop().await,
    };
    cluster.kill().await;
    tracing::info!(?end, "stopped");
    Ok(end)
}

/// The socket that all workers share, with room in the kernel for all that may wait.
fn bind(settings: &Settings) -> io::Result<TcpListener> {
    let socket = if settings.listen.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(settings.listen)?;
    let backlog = settings.queue_max.saturating_add(BACKLOG_SPARE);
    socket.listen(backlog)?.into_std()
}

/// The parent's loop, and what it looks after.
struct Cluster {
    fleet: Fleet,
    door: Door,
    events: mpsc::UnboundedReceiver<Event>,
    lifecycle: Lifecycle,
}

impl Cluster {
    /// Keeps the cluster as it should be until a signal says to stop.
    async fn serve(&mut self, instructions: &mut Instructions) -> Result<Stop, StartError> {
        let mut ticks = ticks();
        loop {
            self.fleet.maintain()?;
            if self.fleet.is_listening() {
                self.lifecycle.enter(Phase::Serving);
            }
            tokio::select! {
                event = self.events.recv() => self.note(event)?,
                _ = ticks.tick() => self.door.control(),
                instruction = instructions.next() => match instruction {
                    Instruction::Stop(stop) => return Ok(stop),
                    Instruction::Roll => self.fleet.roll(),
                    Instruction::Grow => self.fleet.grow(),
                    Instruction::Shrink => self.fleet.shrink(),
                }
            }
        }
    }

    fn note(&mut self, event: Option<Event>) -> Result<(), StartError> {
        let event = event.expect("the fleet keeps a sender of its own");
        Ok(self.fleet.note(event)?)
    }

    /// Lets the workers finish while whoever still comes is refused, for `shutdown_timeout` at most.
    async fn drain(&mut self, settings: &Settings) -> End {
        timeout(settings.drain_delay, self.idle_along()).await.ok();
        self.fleet.drain();
        let finished = timeout(settings.shutdown_timeout, self.empty()).await;
        End::cut_if(finished.is_err() || self.fleet.was_cut())
    }

    /// Stops the workers at once: only they know for sure whether they had anything to do.
    async fn stop(&mut self) -> End {
        self.fleet.interrupt();
        let stopped = timeout(STOP_TIMEOUT, self.empty()).await;
        End::cut_if(stopped.is_err() || self.fleet.was_cut())
    }

    /// Serves on as before, until dropped.
    async fn idle_along(&mut self) {
        let mut ticks = ticks();
        loop {
            // It stops anyway.
            self.fleet.maintain().ok();
            tokio::select! {
                event = self.events.recv() => {
                    // It stops anyway.
                    self.note(event).ok();
                }
                _ = ticks.tick() => self.door.control(),
            }
        }
    }

    /// Until the last worker is gone, and everybody who was refused has heard so.
    async fn empty(&mut self) {
        let mut ticks = ticks();
        while !self.fleet.is_empty() {
            tokio::select! {
                event = self.events.recv() => {
                    // Fewer workers are what is wanted.
                    self.note(event).ok();
                }
                _ = ticks.tick() => self.door.close(),
            }
        }
        loop {
            self.door.close();
            if !self.door.is_answering() {
                return;
            }
            ticks.tick().await;
        }
    }

    /// Ends whoever is left.
    async fn kill(&mut self) {
        self.fleet.kill();
        while !self.fleet.is_empty() {
            let event = self.events.recv().await;
            self.note(event).ok();
        }
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
