//! The whole stack, nginx in front of lanes, started as `make up` starts it: in containers or as plain
//! processes, beside any other on this machine, and torn down when its value is dropped. What its lanes, nginx
//! and Prometheus answer, and what a test needs on the way.

pub mod nginx;

mod ask;
mod command;
mod compose;
mod container;
mod local;
mod port;
mod prometheus;
mod python;
mod schemathesis;
mod skip;
mod turn;
mod wait;

pub use ask::{Reply, ask, client, get, in_background};
pub use command::{complaint, output};
pub use compose::{Compose, FollowedLog, Nginx, docker};
pub use container::Lane;
pub use local::Local;
pub use port::free_port;
pub use prometheus::{Labels, Prometheus};
pub use python::python_packages;
pub use schemathesis::conforms;
pub use skip::{docker_is_there, say, skip};
pub use turn::{Turn, alone, turn};
pub use wait::eventually;
