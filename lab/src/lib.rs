//! What the benches have in common: the program as it is shipped, servers that are started for
//! real, what balances requests among them, what their processes use, a client in a closed loop, and figures
//! over repeated runs.

pub mod client;
pub mod figures;
pub mod front;
pub mod mix;
pub mod nginx;
pub mod node;
pub mod onelane;
pub mod programs;
pub mod release;
pub mod server;
pub mod stack;
pub mod usage;
