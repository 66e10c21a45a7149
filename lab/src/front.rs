//! What balances requests among lanes: nginx with one of its configurations, or `HAProxy`.

use std::fmt::{self, Write};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use onelane_stack::nginx;
use tempfile::TempDir;

use crate::nginx::{Limits, Setup, configure};
use crate::programs::find;
use crate::server::{Server, free_address};

/// A balancer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Front {
    /// With this configuration.
    Nginx(Setup),
    /// Its own queue, and one request at a time for each lane.
    Haproxy,
}

impl Front {
    /// The path of the program, or why there is none.
    pub fn program(self) -> Result<String, String> {
        match self {
            Self::Nginx(_) => nginx::program(),
            Self::Haproxy => find(&["haproxy"]),
        }
    }

    /// Returns once a request gets through to a lane, with the directory of its configuration.
    pub fn start(
        self,
        program: &str,
        limits: Limits,
        lanes: &[SocketAddr],
    ) -> Result<(Server, TempDir), String> {
        let address = free_address();
        let dir = match self {
            Self::Nginx(setup) => configure(setup, limits, lanes, address.port()),
            Self::Haproxy => configure_haproxy(lanes, address),
        };
        let dir = dir.map_err(|err| format!("cannot write the configuration of {self}: {err}"))?;
        let mut command = match self {
            Self::Nginx(_) => nginx::command(program, dir.path()),
            Self::Haproxy => haproxy(program, dir.path()),
        };
        // The access log.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok((Server::start(command, address)?, dir))
    }
}

impl fmt::Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nginx(setup) => write!(f, "nginx {setup}"),
            Self::Haproxy => f.write_str("HAProxy maxconn 1"),
        }
    }
}

fn configure_haproxy(lanes: &[SocketAddr], address: SocketAddr) -> io::Result<TempDir> {
    let mut config = include_str!("haproxy.cfg").to_owned();
    // Writing to a string cannot fail.
    let _ = write!(
        config,
        "\nfrontend public\n  bind {address}\n  default_backend lanes\n\n\
         backend lanes\n  balance leastconn\n"
    );
    for (i, lane) in lanes.iter().enumerate() {
        let _ = writeln!(config, "  server lane{i} {lane} maxconn 1");
    }
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("haproxy.cfg"), config)?;
    Ok(dir)
}

fn haproxy(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(dir.join("haproxy.cfg"));
    command
}
