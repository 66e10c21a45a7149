//! Why a job has no answer.

use serde::{Deserialize, Serialize};

use crate::workload::Problem;

/// Why a job has no answer, or why its answer ends too early.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Failure {
    /// The workload does not take what the caller sent.
    #[error("{0}")]
    Invalid(String),
    /// It took longer than it may, and was stopped or killed.
    #[error("the computation exceeded its time limit")]
    DeadlineExceeded,
    /// The workload has told the caller why not.
    #[error("{}", .0.title)]
    Problem(Box<Problem>),
    /// The workload failed, and this is why.
    #[error("the computation failed unexpectedly")]
    Failed(String),
    /// The workload panicked.
    #[error("the computation failed unexpectedly")]
    Panicked,
    /// The process that computed it ended, or sent something that is no valid message.
    #[error("the process that computed this failed: {0}")]
    Crashed(String),
    /// No process could be had to compute it.
    #[error("no process could be started for this: {0}")]
    NotStarted(String),
}

impl Failure {
    /// A workload that begins a stream and then answers with something else, or the other way round.
    pub(super) fn confused() -> Self {
        Self::Failed("it answered with a stream and with something else".to_owned())
    }
}
