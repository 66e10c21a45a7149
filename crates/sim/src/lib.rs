//! A model of what is deployed: requests arrive, nginx takes them to lanes, and every lane has a gate.
//! Simulated event by event, so that thousands of lanes fit into a second, and so that lanes need
//! not be there yet to be planned.
//!
//! It knows what decides who waits: nginx's choice of a lane, its rounds and holds, several nginx
//! that do not know of each other, the lane's oldest-first queue with its bounds, and what each step
//! costs. It does not know what a busy machine adds: as many CPUs as it takes are
//! assumed, for lanes and nginx alike. `make bench BENCH=balance` tells how far it is off.
//!
//! The same seed gives the same run.

mod agenda;
mod arrivals;
mod autoscaler;
mod engine;
mod hops;
mod lane;
mod outcome;
mod peers;
mod readings;
mod request;
mod scaling;
mod service;
mod signal;
mod summary;
mod system;
#[cfg(test)]
mod tests;

pub use self::arrivals::{Arrival, poisson, step};
pub use self::autoscaler::Autoscaler;
pub use self::engine::simulate;
pub use self::outcome::{Outcome, Run};
pub use self::service::Service;
pub use self::signal::Signal;
pub use self::summary::{mean, median, quantile};
pub use self::system::{Balancing, Cost, Limits, System};
