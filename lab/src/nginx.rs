//! The configurations of nginx in front of lanes that are compared, written to where nginx reads them.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use onelane_stack::nginx;
use onelane_tree::root;
use tempfile::TempDir;

/// A configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setup {
    /// The one of this project.
    Shipped,
    /// Each request goes to the lane with the fewest.
    LeastConn,
    /// Each request goes to the next lane.
    RoundRobin,
    /// The shipped one, where it keeps answers that may be given again.
    Cached,
}

impl Setup {
    /// The ways to choose a lane.
    pub const ALL: [Self; 3] = [Self::Shipped, Self::LeastConn, Self::RoundRobin];
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shipped => "shipped",
            Self::LeastConn => "least_conn",
            Self::RoundRobin => "round robin",
            Self::Cached => "with its cache",
        })
    }
}

/// What becomes of the limits of the shipped configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limits {
    /// As shipped.
    Kept,
    /// Refusing the surplus would improve the times of the rest, and the ideal refuses nothing.
    Lifted,
}

/// A directory for nginx on `port` of loopback in front of `lanes`.
pub fn configure(
    setup: Setup,
    limits: Limits,
    lanes: &[SocketAddr],
    port: u16,
) -> io::Result<TempDir> {
    let dir = tempfile::tempdir()?;
    match setup {
        Setup::Shipped => shipped(dir.path(), limits, lanes, port)?,
        Setup::Cached => {
            shipped(dir.path(), limits, lanes, port)?;
            store(dir.path())?;
        }
        Setup::LeastConn => plain(dir.path(), lanes, port, "least_conn;")?,
        Setup::RoundRobin => plain(dir.path(), lanes, port, "")?,
    }
    Ok(dir)
}

fn shipped(dir: &Path, limits: Limits, lanes: &[SocketAddr], port: u16) -> io::Result<()> {
    nginx::configure(dir, lanes, port)?;
    match limits {
        Limits::Kept => Ok(()),
        // But for the zone that ask.conf and kept.conf count in.
        Limits::Lifted => fs::write(
            dir.join("limits.conf"),
            "limit_conn_zone $caller zone=callers:1m;\n",
        ),
    }
}

/// As local/up has it: a folder has no size of its own.
fn store(dir: &Path) -> io::Result<()> {
    let store = fs::read_to_string(root().join("docker/store.conf"))?;
    let store = store
        .replace(" /var/cache/nginx ", " cache ")
        .replace(" min_free=8m ", " max_size=256m ");
    fs::write(dir.join("store.conf"), store)
}

fn plain(dir: &Path, lanes: &[SocketAddr], port: u16, method: &str) -> io::Result<()> {
    fs::write(dir.join("nginx.conf"), include_str!("plain.conf"))?;
    fs::write(
        dir.join("listen.conf"),
        format!("listen 127.0.0.1:{port};\n"),
    )?;
    fs::write(
        dir.join("upstream.conf"),
        format!("{method}\n{}", nginx::servers(lanes, ";")),
    )
}
