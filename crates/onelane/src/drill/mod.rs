//! Drills: workloads of the engine's own, to show what lanes do, and to break them on purpose. A
//! service opts in: `.workloads(onelane::drill::DEMO)`.
//!
//! | list | routes | for |
//! |---|---|---|
//! | [`DEMO`] | `/sleep`, `/wait`, `/block-server`, `/fast`, `/fast-one` | demonstrations and load tests |
//! | [`FAULTS`] | `/panic`, `/stubborn`, `/exit`, `/allocate` | tests alone: each of them harms its lane |

mod allocate;
mod exit;
mod fast;
mod panic;
mod sleep;
mod stubborn;
mod wait;

use serde::{Deserialize, Serialize};

use crate::workload::{Definition, at_most};

/// Harmless work of any length: `sleep`, `wait` and `fast`.
pub const DEMO: &[Definition] = &[
    Definition::of(&wait::Wait),
    Definition::of(&sleep::Sleep),
    Definition::of(&fast::Fast),
];

/// What a workload should never do: `panic`, `stubborn`, `exit` and `allocate`. Any caller can take a
/// lane down with them, so a service that strangers reach leaves them out.
pub const FAULTS: &[Definition] = &[
    Definition::of(&panic::Panic),
    Definition::of(&stubborn::Stubborn),
    Definition::of(&exit::Exit),
    Definition::of(&allocate::Allocate),
];

/// How long a caller may ask for: an hour, far beyond any sensible `request_timeout`.
const MAX_MS: u64 = 3_600_000;

/// How long something takes.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Milliseconds {
    /// At most an hour.
    #[cfg_attr(feature = "schema", schemars(range(max = MAX_MS)))]
    #[serde(deserialize_with = "at_most::<_, MAX_MS>")]
    ms: u64,
}

/// How long it took, and where.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Nothing {}
