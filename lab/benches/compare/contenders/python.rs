//! Python's prefork servers.

use std::process::{Command, Stdio};

use onelane_lab::server::{Server, free_address};

use super::Terms;
use super::tools::{CONTENDERS, Tools};

pub(super) fn gunicorn(tools: &Tools, terms: Terms) -> Result<Server, String> {
    let address = free_address();
    let mut command = Command::new(tools.gunicorn.as_ref()?);
    command
        .args(["--worker-class", "sync", "--log-level", "critical"])
        .args(["--workers", &terms.slots.to_string()])
        .args(["--timeout", &terms.deadline_seconds.to_string()])
        .args(["--bind", &address.to_string()])
        .args(["--chdir", CONTENDERS])
        .arg(format!("{}:application", terms.work.script()));
    quietly(command, address)
}

pub(super) fn uwsgi(tools: &Tools, terms: Terms) -> Result<Server, String> {
    let address = free_address();
    let mut command = Command::new(tools.uwsgi.as_ref()?);
    command
        .args(["--plugin", "python3", "--master", "--die-on-term"])
        .args(["--disable-logging", "--need-app"])
        // It closes every connection, and would not say so.
        .args(["--add-header", "Connection: close"])
        .args(["--processes", &terms.slots.to_string()])
        .args(["--harakiri", &terms.deadline_seconds.to_string()])
        .args(["--http-socket", &address.to_string()])
        .args(["--wsgi-file", &format!("{CONTENDERS}/app.py")]);
    quietly(command, address)
}

fn quietly(mut command: Command, address: std::net::SocketAddr) -> Result<Server, String> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Server::start(command, address)
}
