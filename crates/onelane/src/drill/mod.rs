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
mod fields;
mod panic;
mod sleep;
mod stubborn;
mod wait;

use crate::workload::Definition;

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
