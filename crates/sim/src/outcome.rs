//! What became of requests.

use std::time::Duration;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// By a lane: `queue_max`.
    QueueFull,
    /// By a lane: `queue_timeout`.
    QueueTimeout,
    /// By nginx, after all of its rounds.
    NoLane,
    /// Its client did not wait.
    ClientLeft,
}

/// One request of a run.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// At nginx, from the beginning of the run.
    pub arrived: Duration,
    pub(crate) service: Duration,
    pub(crate) fate: Fate,
    /// From the arrival to a slot; to the end, where there was none.
    pub queued: Duration,
    /// From the arrival to the end, whatever it was.
    pub response: Duration,
    /// How many lanes were asked.
    pub tries: u32,
}

impl Outcome {
    /// Whether a lane computed it.
    pub fn is_answered(&self) -> bool {
        self.fate == Fate::Answered
    }

    /// Whether it was turned away, by nginx or by a lane, while its client still waited.
    pub fn is_refused(&self) -> bool {
        !matches!(self.fate, Fate::Answered | Fate::ClientLeft)
    }
}

/// A simulated run.
#[derive(Debug)]
pub struct Run {
    /// In the order of arrival.
    pub outcomes: Vec<Outcome>,
    /// How long all lanes have computed, together.
    pub busy: Duration,
    /// When the last request had ended.
    pub end: Duration,
    /// How many lanes nginx knew from when on.
    pub lanes: Vec<(Duration, usize)>,
    /// How many the autoscaler wanted from when on: `replicas`.
    pub replicas: Vec<(Duration, usize)>,
}

impl Run {
    /// Those that were computed.
    pub fn answered(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.is_answered())
    }
}
