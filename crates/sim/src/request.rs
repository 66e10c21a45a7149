//! A request under way.

use std::time::Duration;

use crate::agenda::Try;
use crate::arrivals::Arrival;
use crate::outcome::{Fate, Outcome};

/// How long a lane may hold a request, by round: `nginx/hops.conf`, held against it by a test.
pub(crate) const HOLDS_MS: [u64; 6] = [5, 20, 80, 320, 1280, 2500];
/// Rounds until nginx gives up: the redirects that it follows.
pub(crate) const ROUNDS: usize = 9;

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) outcome: Outcome,
    pub(crate) place: Place,
    pub(crate) nginx: usize,
    pub(crate) lane: usize,
    pub(crate) round: usize,
    /// Whether each lane of this round has been tried once, and is tried again.
    pub(crate) again: bool,
    pub(crate) tried: Vec<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Between nginx and a lane, in either direction.
    Moving,
    /// In the queue of a lane; when it must go, this is whether nginx tries another.
    Held {
        moves_on: bool,
    },
    Computing,
    Over,
}

impl Request {
    pub(crate) fn new(arrival: &Arrival, nginx: usize, ahead: usize) -> Self {
        Self {
            outcome: Outcome {
                arrived: arrival.at,
                service: arrival.service,
                fate: Fate::Answered,
                queued: Duration::ZERO,
                response: Duration::ZERO,
                tries: 0,
                ahead,
            },
            place: Place::Moving,
            nginx,
            lane: 0,
            round: 0,
            again: false,
            tried: Vec::new(),
        }
    }

    /// For the events of the try that is under way.
    pub(crate) fn current_try(&self, request: usize) -> Try {
        Try {
            request,
            number: self.outcome.tries,
        }
    }

    /// How long the lane may hold it.
    pub(crate) fn hold(&self) -> Duration {
        Duration::from_millis(HOLDS_MS[self.round.min(HOLDS_MS.len() - 1)])
    }
}
