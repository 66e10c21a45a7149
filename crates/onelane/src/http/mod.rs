//! The public side: a request becomes a job, passes the gate, is computed and answered.
//!
//! Serves the routes of every workload and, at `/` without a query, the page. How a job is computed is not
//! visible from here. Probes of nginx, at any path, are answered before any of these (`protocol.rs`).

mod ahead;
mod answer;
mod app;
mod clocks;
mod computation;
mod connection;
mod cors;
mod front;
mod h1;
mod handing;
mod headers;
mod input;
mod kept;
mod observation;
mod observe;
mod observed;
mod own;
#[cfg(feature = "multipart")]
mod parts;
mod portion;
mod problem;
mod progress;
mod protocol;
mod reason;
mod room;
mod routes;
#[cfg(test)]
mod sample;
mod serve;
#[cfg(feature = "otlp")]
mod spans;
mod wishes;

pub use app::Witness;
pub use clocks::Clocks;
pub use front::{Admission, Estimate, Front};
pub use h1::{Serve, service};
pub use kept::KeptSlots;
pub use problem::REASONS;
pub use room::Room;
