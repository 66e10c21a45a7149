//! Why a computation ends without an output.

use std::error::Error;
use std::iter::successors;

use super::interrupt::Interrupted;
use super::invalid::InvalidInput;
use super::problem::{Problem, Reason};

/// Why a computation ends without an output. `?` makes one of an [`Interrupted`], a [`Problem`] or any
/// other error.
#[derive(Debug)]
pub enum Stop {
    /// It was told to.
    Interrupted,
    /// The caller asked for something that cannot be answered, and is told so. The lane did well.
    Problem(Box<Problem>),
    /// A program that it needs ended in the middle of it: 502 `worker_crashed`, and why in the log.
    Crashed(String),
    /// Something failed that the caller cannot know about: 500 `internal`, and the cause in the log.
    Failed(Box<dyn Error + Send + Sync>),
}

impl From<Interrupted> for Stop {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Problem::from(&reason).into()
    }
}

// None of the above is an `Error`, so that this does not mean them.
impl<E: Error + Send + Sync + 'static> From<E> for Stop {
    fn from(err: E) -> Self {
        Self::Failed(Box::new(err))
    }
}

/// Why a job has no reply.
#[derive(Debug)]
pub enum Outcome {
    /// The workload does not take what the caller sent.
    Invalid(InvalidInput),
    /// The workload ended without a reply.
    Stopped(Stop),
}

impl From<InvalidInput> for Outcome {
    fn from(invalid: InvalidInput) -> Self {
        Self::Invalid(invalid)
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(err: &dyn Error) -> String {
    let causes = successors(err.source(), |&cause| cause.source());
    let causes = causes.map(|cause| format!(": {cause}"));
    format!("{err}{}", causes.collect::<String>())
}
