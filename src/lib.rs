//! onelane: one container, one process, one request at a time.
//!
//! The library behind the `onelane` binary, so that benches and tests can use its parts. Layers,
//! highest first; a file imports only from layers below its own (`tests/integration/layers.rs`
//! checks that):
//!
//! | layer | modules | what it decides |
//! |---|---|---|
//! | 4 | `main.rs` | which role this process plays |
//! | 3 | [`cluster`] on [`server`]; [`compute`], [`probe`] | how a role starts and ends |
//! | 2 | [`http`], [`admin`] | what the outside sees |
//! | 1 | [`gate`]; [`executor`] on [`child`] | who computes next, and where |
//! | 0 | [`workload`] on [`job`]; [`config`], [`ipc`], [`lifecycle`], [`logging`], [`metrics`] on [`roster`] | what is computed, and the ground it stands on |

pub mod admin;
pub mod child;
pub mod cluster;
pub mod compute;
pub mod config;
pub mod executor;
pub mod gate;
pub mod http;
pub mod ipc;
pub mod lifecycle;
pub mod logging;
pub mod metrics;
pub mod page;
pub mod probe;
pub mod roster;
pub mod server;

// A crate of their own, whose modules have the same names there.
pub use onelane_workload::{job, workload};
