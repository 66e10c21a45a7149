//! What the benches have in common: the program as it is shipped, servers that are started for
//! real, what balances requests among them, what their processes use and the whole machine, a client in a closed loop,
//! others who compute meanwhile, and figures over repeated runs.

pub mod client;
pub mod figures;
pub mod front;
pub mod machine;
pub mod mix;
pub mod neighbours;
pub mod nginx;
pub mod node;
pub mod onelane;
pub mod programs;
pub mod release;
pub mod server;
pub mod stack;
pub mod usage;
