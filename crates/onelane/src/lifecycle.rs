//! The life of a server process: which signals it hears, and whether it is ready.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Where a server stands. It only ever moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Phase {
    /// Not yet listening.
    Starting,
    /// Taking requests.
    Serving,
    /// Finishing what runs, and taking nothing new.
    Draining,
}

/// A phase that all threads can see.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle(Arc<AtomicU8>);

impl Lifecycle {
    /// The phase right now.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            _ => Phase::Draining,
        }
    }

    /// Moves on to `phase`.
    pub fn enter(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Ordering::Relaxed);
    }
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM, sent by an orchestrator: finish, then exit.
    Gracefully,
    /// SIGINT, sent from a terminal: exit.
    Now,
}

/// The signals that stop a server. As long as this lives, they have no other effect.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Starts listening, inside a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.terminate.recv() => StopSignal::Gracefully,
            _ = self.interrupt.recv() => StopSignal::Now,
        }
    }
}
