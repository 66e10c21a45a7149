//! The modes, by the names that flags, settings and metrics have for them.

use std::fmt::{self, Display, Formatter};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Blocking,
    Threads,
    Fork,
    Pool,
    Cluster,
}

impl Display for Mode {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Blocking => "blocking",
            Self::Threads => "threads",
            Self::Fork => "fork",
            Self::Pool => "pool",
            Self::Cluster => "cluster",
        })
    }
}
