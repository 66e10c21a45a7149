//! A request under way.

use std::time::Duration;

use super::HOLDS_MS;
use super::agenda::Try;
use super::arrivals::Arrival;
use super::outcome::{Fate, Outcome};

#[derive(Debug)]
pub(super) struct Request {
    pub(super) outcome: Outcome,
    pub(super) place: Place,
    pub(super) nginx: usize,
    pub(super) lane: usize,
    pub(super) round: usize,
    /// Whether each lane of this round has been tried once, and is tried again.
    pub(super) again: bool,
    pub(super) tried: Vec<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
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
    pub(super) fn new(arrival: &Arrival, nginx: usize, ahead: usize) -> Self {
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
    pub(super) fn current_try(&self, request: usize) -> Try {
        Try {
            request,
            number: self.outcome.tries,
        }
    }

    /// How long the lane may hold it.
    pub(super) fn hold(&self) -> Duration {
        Duration::from_millis(HOLDS_MS[self.round.min(HOLDS_MS.len() - 1)])
    }
}
