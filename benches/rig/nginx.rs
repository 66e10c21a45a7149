//! The configurations of nginx in front of lanes that are compared, written to where nginx reads them.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Setup {
    Shipped,
    LeastConn,
    RoundRobin,
    /// The shipped one, where it keeps answers that may be given again.
    Cached,
}

impl Setup {
    /// The ways to choose a lane.
    pub(crate) const ALL: [Self; 3] = [Self::Shipped, Self::LeastConn, Self::RoundRobin];
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
pub(crate) enum Limits {
    Kept,
    /// Refusing the surplus would improve the times of the rest, and the ideal refuses nothing.
    Lifted,
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

/// An nginx that reads what is in `dir`.
pub(crate) fn command(program: &str, dir: &Path) -> Command {
    let mut nginx = Command::new(program);
    nginx.arg("-p").arg(dir);
    nginx.args(["-e", "stderr", "-c", "nginx.conf"]);
    nginx
}

/// A directory for nginx on `port` of loopback in front of `lanes`.
pub(crate) fn configure(
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

/// The files of `nginx/` as they are, but for the lanes' addresses, the ports and the limits.
fn shipped(dir: &Path, limits: Limits, lanes: &[SocketAddr], port: u16) -> io::Result<()> {
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/nginx"))? {
        let file = entry?.path();
        let name = file
            .file_name()
            .expect("an entry of a directory has a name");
        let text = match name.to_str() {
            Some("upstream.conf") => by_address(&fs::read_to_string(&file)?, lanes),
            Some("limits.conf") if limits == Limits::Lifted => String::new(),
            _ => fs::read_to_string(&file)?
                .replace("include /tmp/upstream.conf", "include upstream.conf")
                .replace("listen 8080", &format!("listen 127.0.0.1:{port}"))
                .replace(
                    "listen 8081;",
                    &format!("listen unix:{}/health;", dir.display()),
                ),
        };
        fs::write(dir.join(name), text)?;
    }
    Ok(())
}

/// As local/up has it: a folder has no size of its own.
fn store(dir: &Path) -> io::Result<()> {
    let store = include_str!("../../docker/store.conf");
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
        format!("{method}\n{}", servers(lanes, ";")),
    )
}

/// Each `server` line, which stands for all lanes by their common name, once for each lane.
fn by_address(upstream: &str, lanes: &[SocketAddr]) -> String {
    upstream
        .lines()
        .filter_map(|line| line.strip_prefix("server app:5000 resolve"))
        .map(|parameters| servers(lanes, parameters))
        .collect()
}

fn servers(lanes: &[SocketAddr], parameters: &str) -> String {
    let line = |lane: &SocketAddr| format!("server {lane}{parameters}\n");
    lanes.iter().map(line).collect()
}
