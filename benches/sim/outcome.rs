//! What became of requests.

use std::time::Duration;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// By `limit_conn` of nginx.
    TooMany,
    /// By a lane: `queue_max`.
    QueueFull,
    /// By a lane: `queue_timeout`.
    QueueTimeout,
    /// By nginx, after all of its rounds.
    NoLane,
    /// Its client did not wait.
    ClientLeft,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) arrived: Duration,
    pub(crate) service: Duration,
    pub(crate) fate: Fate,
    /// From the arrival to a slot; to the end, where there was none.
    pub(crate) queued: Duration,
    /// From the arrival to the end, whatever it was.
    pub(crate) response: Duration,
    /// How many lanes were asked.
    pub(crate) tries: u32,
    /// Requests that were in its nginx when it came.
    pub(crate) ahead: usize,
}

impl Outcome {
    pub(crate) fn is_answered(&self) -> bool {
        self.fate == Fate::Answered
    }

    pub(crate) fn is_refused(&self) -> bool {
        !matches!(self.fate, Fate::Answered | Fate::ClientLeft)
    }
}

/// A simulated run.
#[derive(Debug)]
pub(crate) struct Run {
    /// In the order of arrival.
    pub(crate) outcomes: Vec<Outcome>,
    /// How long all lanes have computed, together.
    pub(crate) busy: Duration,
    /// When the last request had ended.
    pub(crate) end: Duration,
    /// How many lanes nginx knew from when on.
    pub(crate) lanes: Vec<(Duration, usize)>,
}

impl Run {
    /// Those that were computed.
    pub(crate) fn answered(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.is_answered())
    }
}
