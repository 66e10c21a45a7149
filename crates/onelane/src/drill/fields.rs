//! What drills take and answer.

use serde::{Deserialize, Serialize};

use crate::workload::at_most;

/// How long a caller may ask for: an hour, far beyond any sensible `request_timeout`.
const MAX_MS: u64 = 3_600_000;

/// How long something takes.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Milliseconds {
    /// At most an hour.
    #[cfg_attr(feature = "openapi", schemars(range(max = MAX_MS)))]
    #[serde(deserialize_with = "at_most::<_, MAX_MS>")]
    pub(super) ms: u64,
}

/// How long it took, and where.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Done {
    ms: u64,
    /// The process that computed it.
    pid: u32,
}

impl From<Milliseconds> for Done {
    fn from(Milliseconds { ms }: Milliseconds) -> Self {
        let pid = std::process::id();
        Self { ms, pid }
    }
}

/// No input.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Nothing {}
