//! nginx in front of `FastCGI`: PHP-FPM, whose workers stay, and fcgiwrap, which starts a program for each
//! request.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use onelane_lab::server::{Server, free_address};
use onelane_stack::nginx;
use tempfile::TempDir;

use super::tools::{CONTENDERS, Tools};
use super::{Running, Terms};

pub(super) fn php_fpm(tools: &Tools, terms: Terms) -> Result<Running, String> {
    let program = tools.php_fpm.as_ref()?;
    let dir = directory()?;
    let config = format!(
        "[global]\ndaemonize = no\nerror_log = /dev/null\n[www]\nlisten = {}\npm = static\n\
         pm.max_children = {}\nrequest_terminate_timeout = {}s\n",
        socket(&dir),
        terms.slots,
        terms.deadline_seconds
    );
    let path = dir.path().join("php-fpm.conf");
    write(&path, &config)?;
    let mut command = Command::new(program);
    // Allowed to be root: on a machine where the bench is.
    command.args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"]);
    command.arg(path);
    let script = terms.work.script();
    let script = format!("fastcgi_param SCRIPT_FILENAME {CONTENDERS}/{script}.php;\n");
    behind_nginx(tools, command, dir, &script)
}

pub(super) fn fcgiwrap(tools: &Tools, terms: Terms) -> Result<Running, String> {
    let program = tools.fcgiwrap.as_ref()?;
    let dir = directory()?;
    let mut command = Command::new(program);
    command
        .args(["-c", &terms.slots.to_string()])
        .args(["-s", &format!("unix:{}", socket(&dir))]);
    let script = format!(
        "fastcgi_param SCRIPT_FILENAME {};\n",
        tools.cgi.as_ref()?.path().join("app").display()
    );
    behind_nginx(tools, command, dir, &script)
}

/// `gateway` is to listen on the socket in `dir`.
fn behind_nginx(
    tools: &Tools,
    mut gateway: Command,
    dir: TempDir,
    script: &str,
) -> Result<Running, String> {
    let address = free_address();
    let program = format!("fastcgi_pass unix:{};\n{script}", socket(&dir));
    write(&dir.path().join("gateway.inc"), &program)?;
    write(
        &dir.path().join("listen.inc"),
        &format!("listen {address};\n"),
    )?;
    write(&dir.path().join("nginx.conf"), include_str!("gateway.conf"))?;
    gateway.stdout(Stdio::null()).stderr(Stdio::null());
    let gateway = Server::spawn(gateway, address)?;
    let mut nginx = nginx::command(tools.nginx.as_ref()?, dir.path());
    nginx.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::of(Server::start(nginx, address)?);
    running.servers.push(gateway);
    running.dirs.push(dir);
    Ok(running)
}

fn directory() -> Result<TempDir, String> {
    tempfile::tempdir().map_err(|err| format!("no temporary directory: {err}"))
}

fn socket(dir: &TempDir) -> String {
    format!("{}/socket", dir.path().display())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|err| format!("cannot write {}: {err}", path.display()))
}
