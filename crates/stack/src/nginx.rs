//! nginx alone, with the shipped configuration, in front of servers on loopback.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// The path of a suitable nginx. Where there is none, the script fetches one or says why not.
pub fn program() -> Result<String, String> {
    let script = onelane_tree::root().join("local/install-nginx");
    let output = Command::new(&script)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|err| format!("cannot run {}: {err}", script.display()))?;
    if !output.status.success() {
        return Err(format!("there is no nginx; {} says why", script.display()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// An nginx that reads what is in `dir`.
pub fn command(program: &str, dir: &Path) -> Command {
    let mut nginx = Command::new(program);
    nginx.arg("-p").arg(dir);
    nginx.args(["-e", "stderr", "-c", "nginx.conf"]);
    nginx
}

/// Writes the files of `nginx/` to `dir` as they are, but for the lanes' addresses and the ports: for nginx on
/// `port` of loopback.
pub fn configure(dir: &Path, lanes: &[SocketAddr], port: u16) -> io::Result<()> {
    for entry in fs::read_dir(onelane_tree::root().join("nginx"))? {
        let file = entry?.path();
        let name = file
            .file_name()
            .expect("an entry of a directory has a name");
        let text = fs::read_to_string(&file)?;
        let text = if name == "upstream.conf" {
            by_address(&text, lanes)
        } else {
            text.replace("include /tmp/upstream.conf", "include upstream.conf")
                .replace("listen 8080", &format!("listen 127.0.0.1:{port}"))
                .replace(
                    "listen 8081;",
                    &format!("listen unix:{}/health;", dir.display()),
                )
        };
        fs::write(dir.join(name), text)?;
    }
    Ok(())
}

/// Each `server` line, which stands for all lanes by their common name, once for each lane.
fn by_address(upstream: &str, lanes: &[SocketAddr]) -> String {
    upstream
        .lines()
        .filter_map(|line| line.strip_prefix("server app:5000 resolve"))
        .map(|parameters| servers(lanes, parameters))
        .collect()
}

/// A `server` line for each lane.
pub fn servers(lanes: &[SocketAddr], parameters: &str) -> String {
    let line = |lane: &SocketAddr| format!("server {lane}{parameters}\n");
    lanes.iter().map(line).collect()
}
