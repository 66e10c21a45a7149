//! What the parent of a cluster can be told to do, by signals.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::lifecycle::{Signals, StopSignal};

/// What a signal tells the parent to do.
pub(super) enum Instruction {
    Stop(StopSignal),
    /// Replace every worker.
    Roll,
    /// Run one worker more.
    Grow,
    /// Run one worker fewer.
    Shrink,
}

/// Listens to the signals. As long as this lives, they have no other effect.
pub(super) struct Instructions {
    stop: Signals,
    roll: Signal,
    grow: Signal,
    shrink: Signal,
}

impl Instructions {
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
    pub(super) async fn next(&mut self) -> Instruction {
        tokio::select! {
            stop = self.stop.next() => Instruction::Stop(stop),
            _ = self.roll.recv() => Instruction::Roll,
            _ = self.grow.recv() => Instruction::Grow,
            _ = self.shrink.recv() => Instruction::Shrink,
        }
    }

    /// Waits for a signal that stops the server.
    pub(super) async fn stop(&mut self) {
        self.stop.next().await;
    }
}
