//! What is computed, and what the rest of the program has to know about it. The package that
//! `src/workload/Cargo.toml` describes, so that this alone is compiled for speed, and everything
//! around it for size.

pub mod job;
pub mod workload;
