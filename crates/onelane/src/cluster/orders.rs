//! The signals that the parent of a cluster understands.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::lifecycle::{Signals, Stop};

/// What a signal tells the parent to do.
pub(super) enum Order {
    Stop(Stop),
    Roll,
    Grow,
    Shrink,
}

/// Whoever listens to them. As long as this lives, they do nothing else.
pub(super) struct Orders {
    stop: Signals,
    roll: Signal,
    grow: Signal,
    shrink: Signal,
}

impl Orders {
    /// Starts listening, inside a tokio runtime.
    pub(super) fn listen() -> io::Result<Self> {
        const TTIN: i32 = rustix::process::Signal::TTIN.as_raw();
        const TTOU: i32 = rustix::process::Signal::TTOU.as_raw();
        Ok(Self {
            stop: Signals::listen()?,
            roll: signal(SignalKind::hangup())?,
            grow: signal(SignalKind::from_raw(TTIN))?,
            shrink: signal(SignalKind::from_raw(TTOU))?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Order {
        tokio::select! {
            stop = self.stop.next() => Order::Stop(stop),
            _ = self.roll.recv() => Order::Roll,
            _ = self.grow.recv() => Order::Grow,
            _ = self.shrink.recv() => Order::Shrink,
        }
    }

    /// Waits for one that stops the server.
    pub(super) async fn stop(&mut self) {
        self.stop.next().await;
    }
}
