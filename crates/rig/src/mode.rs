//! The modes, by the names that flags, settings and metrics have for them.

use std::fmt::{self, Display, Formatter};

/// Children that [`Mode::Fork`] keeps ready, if nothing else is wished.
pub const SPARE_CHILDREN: usize = 2;

/// Who computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A thread of the server, one request at a time.
    Blocking,
    /// Several threads of the server.
    Threads,
    /// A child for each request.
    Fork,
    /// Children that stay.
    Pool,
    /// Several servers that share a port.
    Cluster,
}

impl Mode {
    /// How many children, or workers, there are when nothing is computed.
    pub fn children_at_rest(self, slots: usize) -> usize {
        match self {
            Self::Blocking | Self::Threads => 0,
            Self::Fork => SPARE_CHILDREN,
            Self::Pool | Self::Cluster => slots,
        }
    }
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
