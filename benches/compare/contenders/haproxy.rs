//! `HAProxy` in front of blocking lanes: its own queue, and one request at a time for each lane.

use std::fmt::Write;
use std::fs;
use std::process::{Command, Stdio};

use super::tools::Tools;
use super::{Running, Terms, lanes};
use crate::rig::server::{Server, free_address};

pub(super) fn start(tools: &Tools, terms: Terms) -> Result<Running, String> {
    let program = tools.haproxy.as_ref()?;
    let mut running = lanes::start(tools, terms)?;
    let address = free_address()?;
    let mut config = include_str!("haproxy.cfg").to_owned();
    // Writing to a string cannot fail.
    let _ = write!(
        config,
        "\nfrontend public\n  bind {address}\n  default_backend lanes\n\n\
         backend lanes\n  balance leastconn\n"
    );
    for (i, lane) in running.servers.iter().enumerate() {
        let _ = writeln!(config, "  server lane{i} {} maxconn 1", lane.address());
    }
    let dir = tempfile::tempdir().map_err(|err| format!("no temporary directory: {err}"))?;
    let path = dir.path().join("haproxy.cfg");
    fs::write(&path, config).map_err(|err| format!("cannot write haproxy.cfg: {err}"))?;
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(path);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    running.servers.insert(0, Server::start(command, address)?);
    running.address = address;
    running.dirs.push(dir);
    Ok(running)
}
