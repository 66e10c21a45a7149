//! onelane: one container, one process, one request at a time.
//!
//! The engine of a service whose requests need a whole CPU each. A service implements [`Workload`] for
//! what it computes and hands a list of them to [`Service::run`], which is all of its `main`. The engine
//! brings HTTP, a bounded queue, cancellation, overload, draining, probes, metrics and logs, and five
//! modes of computing, from one blocking thread to a cluster of processes.
//!
//! ```no_run
//! use onelane::{Call, Route, Stop, Workload, service, workloads};
//! use serde::{Deserialize, Serialize};
//!
//! /// `/collatz?start=27`: how many steps until it reaches 1?
//! struct Collatz;
//!
//! #[derive(Deserialize)]
//! struct Input {
//!     start: u64,
//! }
//!
//! #[derive(Serialize)]
//! struct Output {
//!     steps: u64,
//! }
//!
//! impl Workload for Collatz {
//!     const NAME: &'static str = "collatz";
//!     const ROUTES: &'static [Route] = &[Route::new("/collatz")];
//!     type Input = Input;
//!     type Output = Output;
//!
//!     fn run(&self, Input { start }: Input, call: &Call) -> Result<Output, Stop> {
//!         let (mut number, mut steps) = (u128::from(start.max(1)), 0);
//!         while number != 1 {
//!             call.check()?; // the client left, or the time is over
//!             number = if number % 2 == 0 { number / 2 } else { 3 * number + 1 };
//!             steps += 1;
//!         }
//!         Ok(Output { steps })
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     service!().workloads(workloads![Collatz]).run()
//! }
//! ```
//!
//! With the feature `testing`, under `[dev-dependencies]`, `onelane::testing` starts such a service for its tests.
//!
//! With the feature `openapi`, a workload can tell what it takes and answers (`Workload::schemas`), and the program
//! makes an OpenAPI document of it: for `/openapi.json` on the admin port, and for its role `openapi`.
//!
//! With the feature `multipart`, a route can take forms with files (`Body::multipart`, `Call::file`).
//!
//! With the feature `otlp`, spans of requests are exported, and a workload can add some of its own (`Call::span`).
//!
//! # Inside
//!
//! Layers, highest first; a file imports only from layers below its own, and in no circle (`tests/integration/layers/`
//! checks that):
//!
//! | layer | modules | what it decides |
//! |---|---|---|
//! | 4 | `cli` | which role this process plays |
//! | 3 | `server` on `assembly`; `cluster` on both; `compute`, `probe`, `curl`, `routes`; `status` on `probe` | how a role starts and ends |
//! | 2 | `http`, `admin` on `openapi`, `page` | what the outside sees |
//! | 1 | `gate`; `executor` on `child`; `tracer` | who computes next, and where; what is told of it |
//! | 0 | [`drill`] on `workload`, `service`, all on `config`; `keeper` on `reexec` on `guard`; `descriptors`, `entrance`, `folder`, `heads`, `ipc`, `lifecycle`, `needs`, `logging`, `metrics` on `roster`; `testing`, `trace` | what is computed, and the ground it stands on |

mod admin;
mod assembly;
mod backoff;
mod child;
mod cli;
mod cluster;
mod compute;
mod config;
mod curl;
mod descriptors;
pub mod drill;
mod entrance;
mod executor;
mod folder;
mod gate;
mod guard;
mod heads;
mod http;
mod ipc;
mod jitter;
mod keeper;
mod lane;
mod lifecycle;
mod logging;
mod metrics;
mod needs;
mod openapi;
mod page;
mod probe;
mod reexec;
mod roster;
mod routes;
mod server;
mod service;
mod status;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;
mod tracer;
mod workload;

/// The code of the guide, for doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide.md")]
struct Guide;

/// That of the page with all its details.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/workloads.md")]
struct Details;

pub use config::Secret;
pub use service::Service;
pub use trace::{AttributeValue, Span, TraceContext};
#[cfg(feature = "openapi")]
pub use workload::Schemas;
#[cfg(feature = "multipart")]
pub use workload::Upload;
pub use workload::{
    Answer, Body, Call, Coprocess, Definition, Example, Interrupted, IntoReply, Load, Method,
    Output, Point, Problem, Program, Reason, Reply, Route, Series, Stop, Stream, Workload, at_most,
};
