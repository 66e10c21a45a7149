//! The topology of several processes on one port. A parent binds the socket and keeps the workers alive,
//! each of which is a blocking lane. The parent computes nothing. It only refuses requests, when too many
//! wait or when they wait for too long.
//!
//! | signal | meaning |
//! |---|---|
//! | TERM | finish what runs, refuse the rest, exit |
//! | INT, or a second TERM | exit now |
//! | HUP | replace every worker, the new one before the old one |
//! | TTIN, TTOU | one worker more, one fewer |
//!
//! The parent in turn sends a worker TERM to have it finish, perhaps several times, and INT to have it
//! exit now.

mod accept_queue;
mod awake;
mod board;
mod connection;
mod door;
mod fleet;
mod instructions;
mod member;
mod process;
mod refuse;
mod report;
mod step;
pub mod worker;

use std::time::Duration;
#[cfg(feature = "otlp")]
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::admin::{self, Admin};
use crate::assembly;
use crate::config::Settings;
use crate::folder;
use crate::guard;
use crate::lifecycle::{Phase, StopSignal};
use crate::needs::{self, Needs};
use crate::reexec;
#[cfg(feature = "otlp")]
use crate::server::left_until;
use crate::server::{self, ServerEnd, StartError};
use crate::service::Service;
use board::Board;
use door::Door;
use fleet::Fleet;
use instructions::{Instruction, Instructions};
use process::WorkerEvent;

/// How often the parent looks at the queue and at its workers. A refusal may come late by this much.
const TICK: Duration = Duration::from_millis(20);

/// How long a worker may take to exit after INT.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves until a signal ends it.
pub fn run(service: &'static Service, settings: &Settings) -> Result<ServerEnd, StartError> {
    guard::inherit_nothing();
    needs::runtime()?.block_on(serve(service, settings))
}

async fn serve(service: &'static Service, settings: &Settings) -> Result<ServerEnd, StartError> {
    let mut instructions = Instructions::listen()?;
    reexec::rehearse()?;
    let listener = server::bind(settings.listen, settings.queue_max)?;
    let admin_listener = server::bind(settings.admin_listen, 0)?;
    let listen = listener.local_addr().needs("getsockname")?;
    let admin_listen = admin_listener.local_addr().needs("getsockname")?;

    let metrics = assembly::metrics(service, settings);
    let roster = assembly::roster(&metrics);
    let board = Board::new(metrics.clone(), roster, settings.queue_max);
    server::announce(listen, admin_listen, settings);
    if !service.tables().is_empty() {
        tracing::info!("each worker loads its workloads for itself");
    }
    let admin = admin::start(
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
        admin,
    };
    let lifecycle = cluster.admin.lifecycle.clone();
    let stop = match cluster.serve(&mut instructions).await {
        Ok(stop) => stop,
        Err(err) => {
            // Here, and not by the end of this process, which some of them would complain about.
            cluster.kill().await;
            return Err(err);
        }
    };
    let drain = cluster.drain(settings);
    let end = match server::wind_down(stop, &lifecycle, drain, instructions.stop()).await {
        Some(end) => end,
        None => cluster.stop().await,
    };
    cluster.kill().await;
    tracing::info!(?end, "stopped");
    Ok(end)
}

/// The parent's loop and its two duties: the fleet of workers, and the queue at the door.
struct Cluster {
    fleet: Fleet,
    door: Door,
    events: mpsc::UnboundedReceiver<WorkerEvent>,
    admin: Admin,
}

impl Cluster {
    /// Keeps the fleet complete and the queue short until a signal says to stop.
    async fn serve(&mut self, instructions: &mut Instructions) -> Result<StopSignal, StartError> {
        let mut ticks = ticks();
        loop {
            self.fleet.maintain()?;
            let lifecycle = &self.admin.lifecycle;
            if lifecycle.phase() == Phase::Starting && self.fleet.is_listening() {
                self.admin.until_up()?;
                lifecycle.enter(Phase::Serving);
                tracing::info!("ready");
            }
            tokio::select! {
                event = self.events.recv() => self.note(event)?,
                _ = ticks.tick() => match self.admin.lifecycle.phase() {
                    Phase::Starting => self.door.not_yet(),
                    Phase::Serving | Phase::Draining => self.door.control(),
                },
                instruction = instructions.next() => match instruction {
                    Instruction::Stop(stop) => return Ok(stop),
                    Instruction::Roll => self.fleet.roll(),
                    Instruction::Grow => self.fleet.grow(),
                    Instruction::Shrink => self.fleet.shrink(),
                }
            }
        }
    }

    fn note(&mut self, event: Option<WorkerEvent>) -> Result<(), StartError> {
        let event = event.expect("the fleet keeps a sender of its own");
        Ok(self.fleet.note(event)?)
    }

    /// Lets the workers finish within `shutdown_timeout`, and refuses new requests meanwhile.
    async fn drain(&mut self, settings: &Settings) -> ServerEnd {
        timeout(settings.drain_delay, self.idle_along()).await.ok();
        self.fleet.drain();
        let finish = async {
            self.outlive().await;
            self.door.empty().await;
        };
        #[cfg(feature = "otlp")]
        let deadline = Instant::now().checked_add(settings.shutdown_timeout);
        let finished = timeout(settings.shutdown_timeout, finish).await;
        #[cfg(feature = "otlp")]
        self.door.export(left_until(deadline)).await;
        ServerEnd::cut_if(finished.is_err() || self.fleet.was_cut())
    }

    /// Stops the workers by INT and not by KILL, because their exit codes tell whether a request was
    /// cut off.
    async fn stop(&mut self) -> ServerEnd {
        self.fleet.interrupt();
        let stopped = timeout(STOP_TIMEOUT, self.outlive()).await;
        ServerEnd::cut_if(stopped.is_err() || self.fleet.was_cut())
    }

    /// Serves as before, until dropped.
    async fn idle_along(&mut self) {
        let mut ticks = ticks();
        loop {
            // The cluster is about to stop: that workers fail makes no difference.
            self.fleet.maintain().ok();
            tokio::select! {
                event = self.events.recv() => {
                    self.note(event).ok();
                }
                _ = ticks.tick() => self.door.control(),
            }
        }
    }

    /// Waits until the last worker is gone, and refuses new requests meanwhile.
    async fn outlive(&mut self) {
        let mut ticks = ticks();
        while !self.fleet.is_empty() {
            tokio::select! {
                event = self.events.recv() => {
                    // A worker that fails is one worker fewer, as wanted.
                    self.note(event).ok();
                }
                _ = ticks.tick() => {
                    self.door.turn_away();
                }
            }
        }
    }

    /// Kills the workers that are left, and removes what they have left.
    async fn kill(&mut self) {
        self.fleet.kill();
        while !self.fleet.is_empty() {
            let event = self.events.recv().await;
            self.note(event).ok();
        }
        folder::sweep();
    }
}

/// Ticks for one loop. After a long gap there is one tick and not all that were missed.
fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
