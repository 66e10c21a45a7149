//! A connection as actix gets it: one well-formed request after the other.
//!
//! actix answers what it cannot read with an empty 400 or 431 of its own, below everything that counts,
//! logs and labels. So a head that it would not take never reaches it. Another one takes its place, which asks
//! for nothing but the refusal, and goes the way of every request. After it, nothing that this client sends
//! is read as a request any more.

mod chunks;
mod head;
mod inbox;
mod refused;
mod stream;
mod talk;

use std::time::Duration;

pub use head::Fault;
pub use refused::{RefusedHead, X_REQUEST_ID, is_sane_id};
pub use stream::Heads;
pub use talk::ConnectionTalk;

/// How much of answers is kept beside what the kernel takes, in bytes, until the client takes it.
pub const WRITE_BYTES: usize = 4 * 1024;

/// How long a client may go on sending after its last answer, so that no reset overtakes the last answer.
pub const LINGER: Duration = Duration::from_secs(1);
