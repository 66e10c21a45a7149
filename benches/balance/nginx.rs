//! A real nginx in front of the lanes, with one of the configurations that are compared.

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::lane::Lane;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Setup {
    Shipped,
    LeastConn,
    RoundRobin,
}

impl Setup {
    pub(crate) const ALL: [Self; 3] = [Self::Shipped, Self::LeastConn, Self::RoundRobin];
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shipped => "shipped",
            Self::LeastConn => "least_conn",
            Self::RoundRobin => "round robin",
        })
    }
}

pub(crate) struct Nginx {
    program: String,
    process: Child,
    base: String,
    dir: TempDir,
}

/// The path of a suitable nginx. Where there is none, the script fetches one or says why not.
pub(crate) fn program() -> Result<String, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/local/install-nginx");
    let output = Command::new(script)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|err| format!("cannot run {script}: {err}"))?;
    if !output.status.success() {
        return Err(format!("there is no nginx to measure; {script} says why"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Nginx {
    /// Returns once a request gets through to a lane.
    pub(crate) async fn start(program: &str, setup: Setup, lanes: &[Lane]) -> Result<Self, String> {
        let port = free_port()?;
        let dir = configure(setup, lanes, port)
            .map_err(|err| format!("cannot write the configuration of nginx: {err}"))?;
        let process = command(program, &dir)
            // The access log.
            .stdout(Stdio::null())
            .spawn()
            .map_err(|err| format!("cannot start nginx: {err}"))?;
        let mut nginx = Self {
            program: program.to_owned(),
            process,
            base: format!("http://127.0.0.1:{port}"),
            dir,
        };
        nginx.answers().await?;
        Ok(nginx)
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Of the master; the workers are its children.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    async fn answers(&mut self) -> Result<(), String> {
        loop {
            if let Ok(response) = reqwest::get(format!("{}/fast", self.base)).await
                && response.status() == 200
            {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("nginx stopped with {status}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // By its own signal: a killed master leaves its workers behind. Both fail only when
        // nginx has gone already.
        let _ = command(&self.program, &self.dir)
            .args(["-s", "stop"])
            .stderr(Stdio::null())
            .status();
        let _ = self.process.wait();
    }
}

fn command(program: &str, dir: &TempDir) -> Command {
    let mut nginx = Command::new(program);
    nginx.arg("-p").arg(dir.path());
    nginx.args(["-e", "stderr", "-c", "nginx.conf"]);
    nginx
}

fn configure(setup: Setup, lanes: &[Lane], port: u16) -> io::Result<TempDir> {
    let dir = tempfile::tempdir()?;
    match setup {
        Setup::Shipped => shipped(dir.path(), lanes, port)?,
        Setup::LeastConn => plain(dir.path(), lanes, port, "least_conn;")?,
        Setup::RoundRobin => plain(dir.path(), lanes, port, "")?,
    }
    Ok(dir)
}

/// The files of `nginx/` as they are, but for the lanes' addresses, the ports and the limits:
/// refusing the surplus would improve the times of the rest, and the ideal refuses nothing.
fn shipped(dir: &Path, lanes: &[Lane], port: u16) -> io::Result<()> {
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/nginx"))? {
        let file = entry?.path();
        let name = file
            .file_name()
            .expect("an entry of a directory has a name");
        let text = match name.to_str() {
            Some("upstream.conf") => by_address(&fs::read_to_string(&file)?, lanes),
            Some("limits.conf") => String::new(),
            _ => fs::read_to_string(&file)?
                .replace("listen 8080;", &format!("listen 127.0.0.1:{port};"))
                .replace(
                    "listen 8081;",
                    &format!("listen unix:{}/health;", dir.display()),
                ),
        };
        fs::write(dir.join(name), text)?;
    }
    Ok(())
}

fn plain(dir: &Path, lanes: &[Lane], port: u16, method: &str) -> io::Result<()> {
    fs::write(dir.join("nginx.conf"), include_str!("plain.conf"))?;
    fs::write(
        dir.join("listen.conf"),
        format!("listen 127.0.0.1:{port};\n"),
    )?;
    fs::write(
        dir.join("upstream.conf"),
        format!("{method}\n{}", servers(lanes, ";")),
    )
}

/// Each `server` line, which stands for all lanes by their common name, once for each lane.
fn by_address(upstream: &str, lanes: &[Lane]) -> String {
    upstream
        .lines()
        .filter_map(|line| line.strip_prefix("server app:5000 resolve"))
        .map(|parameters| servers(lanes, parameters))
        .collect()
}

fn servers(lanes: &[Lane], parameters: &str) -> String {
    let line = |lane: &Lane| format!("server {}{parameters}\n", lane.address);
    lanes.iter().map(line).collect()
}

/// Free a moment ago; nothing else on loopback takes ports at this rate.
fn free_port() -> Result<u16, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|err| format!("no free port: {err}"))
}
