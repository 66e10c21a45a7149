//! Whatever may come, and what must not come of it. Each test takes `FUZZ_SECONDS`, 2 unless told, and tells how to
//! repeat what has failed.

// Where the requests of a connection begin and end, by the rules alone.
mod reader;
// What is said on one connection.
mod talk;
// What the answer to a request has to be.
mod expected;
// Heads and bodies.
mod requests;
// Fields in paths, queries, forms and JSON.
mod inputs;
// What children say to their server.
mod children;
// Files and variables of an operator.
mod settings;
// Forms with files.
#[cfg(feature = "multipart")]
mod parts;
