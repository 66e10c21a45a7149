//! What the benches have in common: the program as it is shipped, servers that are started for
//! real, what their processes use, a client in a closed loop, and figures over repeated runs.

#![allow(dead_code, reason = "each bench uses its own part")]

pub(crate) mod client;
pub(crate) mod figures;
pub(crate) mod front;
pub(crate) mod nginx;
pub(crate) mod node;
pub(crate) mod onelane;
pub(crate) mod programs;
pub(crate) mod release;
pub(crate) mod server;
pub(crate) mod usage;
