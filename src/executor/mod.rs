//! Executors: how one job is computed. They know nothing of HTTP, queues, metrics or settings.

mod threads;

pub use threads::Threads;

/// Why a job has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It took longer than it may, and was told to stop.
    #[error("the computation exceeded its time limit")]
    DeadlineExceeded,
    /// The workload panicked.
    #[error("the computation failed unexpectedly")]
    Panicked,
}
