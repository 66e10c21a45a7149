//! The contract of the real binary, checked from outside. One test binary links once.
#![allow(
    clippy::float_cmp,
    clippy::similar_names,
    reason = "series count in whole numbers; a lane logs lines"
)]

/// The service of drills (`tests/service/`).
const BINARY: &str = env!("CARGO_BIN_EXE_drills");

// What can be asked of a started server: the fixture of all tests here.
mod lane;
// Other processes, as the kernel shows them.
mod processes;

// When a body is read.
mod admission;
// Probes and status, and that they answer while the lane is busy.
mod admin;
// Bytes, streams, statuses, headers of a workload's own, and clients that take them slowly.
mod answers;
// A balancer that asks before it sends a body.
mod ask;
// What a caller does to take a server down.
mod caller;
// A client that leaves, and a computation that takes too long.
mod cancel;
// Workers: their lives, their sum, the signals about them.
mod cluster;
// Pages of other sites.
mod cors;
// Flags, environment, file: precedence and errors, `onelane config`.
mod config;
// What the engine must not bring along.
mod dependencies;
// `onelane examples`.
mod curl;
// Signals, draining, exit codes.
mod drain;
// Everything a caller can get wrong.
mod errors;
// What panics, exits, does not stop, is killed, hangs, floods or runs out, in every mode where it can.
mod faults;
// Connections of a lane that leaves, and those that come in its last moment.
mod farewell;
// A process for each request.
mod fork;
// The programs in `examples/`.
mod examples;
// What a host lacks, limits, stops or sets to another time.
mod host;
// What a lane says to nginx, which may take a request elsewhere.
mod hops;
// Whatever may come, at random.
mod fuzz;
// Programs for a request, and what becomes of all that they start.
mod programs;
// Programs that stay: warm, and replaced when they are spent.
mod coprocesses;
// From path, query and body to one input.
mod inputs;
// What a lane tells caches.
mod kept;
// Which source file may import which.
mod layers;
// One line per request.
mod log;
// HEAD and OPTIONS, on every port.
mod methods;
// Every series, and what it counts.
mod metrics;
// The OpenAPI document.
#[cfg(feature = "openapi")]
mod openapi;
// What an operator does, and what may not take a lane down.
mod operator;
// What is on the page, as far as it can be seen without a browser.
mod page;
// Children that stay: who is used, and who is replaced.
mod pool;
// `onelane status`.
mod status;
// `onelane probe`.
mod probe;
// A balancer that speaks another version of the protocol.
mod protocol;
// What a workload says instead of an answer.
mod problems;
// One at a time, oldest first, bounded.
mod queue;
// What each route answers.
mod routes;
// `onelane::testing`.
#[cfg(feature = "testing")]
mod testing;
// The traces that requests belong to, and the spans that are exported.
mod traces;
// What a workload counts of its own.
mod series;
// Settings of a service's own.
mod settings;
// Workloads with state: loaded once, before anything is served.
mod state;
// All at once for a while, in every mode.
mod soak;
// Forms with files.
#[cfg(feature = "multipart")]
mod uploads;
