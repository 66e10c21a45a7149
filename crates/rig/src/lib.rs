//! One server by itself, started for real on ports that the system chose, and what can be asked of it.

mod answer;
mod lane;
mod log;
mod mode;

use std::time::Duration;

pub use answer::{Answer, send, try_send};
pub use lane::{Lane, command, signal};
pub use log::Unread;
pub use mode::{Mode, SPARE_CHILDREN};

/// Longer than anything that is waited for can take on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
