//! Why a server that computes in children is not ready.

use std::io;

use crate::backoff::HOPELESS;
use crate::workload::LoadError;

/// Why nothing can be computed, now or later.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotReady {
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The kernel, or the container, does not have what the mode needs.
    #[error("cannot start: {0}")]
    Lacks(String),
    #[error("cannot start: {0}")]
    Children(#[from] NeverReady),
}

impl From<io::Error> for NotReady {
    fn from(err: io::Error) -> Self {
        Self::Lacks(err.to_string())
    }
}

/// Not one child could be started; the last one failed like this.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{HOPELESS} children in a row failed before they were ready; the last one: {0}")]
pub struct NeverReady(pub String);
