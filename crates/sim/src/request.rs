//! A request under way.

use std::time::Duration;

use crate::agenda::Try;
use crate::arrivals::Arrival;
use crate::outcome::{Fate, Outcome};

/// What nginx does with a request in one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Round {
    /// How long a lane may hold it.
    pub(crate) hold_ms: u64,
    /// How many lanes are asked at most. Each is asked twice, if it comes to that.
    pub(crate) tries: u32,
}

/// Until nginx gives up. From the files in `nginx/`, held against them by a test.
pub(crate) const ROUNDS: [Round; 9] = [
    // A look: the first lane with a free slot takes the request.
    round(0, 4),
    // One lane, which refuses if its queue is full.
    round(0, 1),
    // A wider look, by a request that has been let in.
    round(0, 20),
    round(5, 12),
    round(15, 12),
    round(40, 12),
    round(120, 12),
    round(800, 12),
    round(5000, 12),
];

/// The round in which a request asks to be let in.
const QUEUE: usize = 1;

const fn round(hold_ms: u64, tries: u32) -> Round {
    Round { hold_ms, tries }
}

/// What a request asks a lane for, if no slot is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing.
    Look,
    /// To be let in: to have a place somewhere, if not here.
    Ask,
    /// A place in the queue, the first that it ever has.
    Enter,
    /// A place in exchange for the one that it had with another lane.
    Move,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) outcome: Outcome,
    pub(crate) place: Place,
    pub(crate) nginx: usize,
    pub(crate) lane: usize,
    pub(crate) round: usize,
    /// Whether each lane has been tried once in this round, and is tried again.
    pub(crate) again: bool,
    /// By lane.
    pub(crate) tried: Vec<bool>,
    /// Lanes asked in this round.
    pub(crate) asked: u32,
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
    pub(crate) fn new(arrival: &Arrival, nginx: usize) -> Self {
        Self {
            outcome: Outcome {
                arrived: arrival.at,
                service: arrival.service,
                fate: Fate::Answered,
                queued: Duration::ZERO,
                response: Duration::ZERO,
                tries: 0,
            },
            place: Place::Moving,
            nginx,
            lane: 0,
            round: 0,
            again: false,
            tried: Vec::new(),
            asked: 0,
        }
    }

    /// For the events of the try that is under way.
    pub(crate) fn current_try(&self, request: usize) -> Try {
        Try {
            request,
            number: self.outcome.tries,
        }
    }

    pub(crate) fn begin_next_round(&mut self) {
        self.round += 1;
        self.again = false;
        self.tried.fill(false);
        self.asked = 0;
    }

    /// How long the lane may hold it.
    pub(crate) fn hold(&self) -> Duration {
        Duration::from_millis(ROUNDS[self.round].hold_ms)
    }

    pub(crate) fn wish(&self) -> Wish {
        if self.round == QUEUE {
            Wish::Ask
        } else if self.hold().is_zero() {
            Wish::Look
        } else {
            Wish::Move
        }
    }
}
