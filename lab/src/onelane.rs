//! onelane itself, in any mode.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::server::{Server, free_address};

/// The modes, as `--mode` takes them.
pub const MODES: [&str; 5] = ["blocking", "fork", "pool", "threads", "cluster"];

/// Starts `binary` with these further arguments, and does not wait for it. One line of log per
/// request is part of what is shipped, but no other server here writes any unless asked: so
/// neither does this.
pub fn spawn(
    binary: &Path,
    mode: &str,
    admin: SocketAddr,
    args: &[&str],
) -> Result<Server, String> {
    let address = free_address();
    let mut command = Command::new(binary);
    command
        .args(["--mode", mode, "--log-level", "error"])
        .args(["--listen", &address.to_string()])
        .args(["--admin-listen", &admin.to_string()])
        .args(args)
        // As in the image: large bodies are given back at once, and their pages are new each time.
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .stderr(Stdio::null());
    Server::spawn(command, address)
}

/// Starts it, and returns once it answers.
pub fn start(binary: &Path, mode: &str, args: &[&str]) -> Result<Server, String> {
    let mut server = spawn(binary, mode, free_address(), args)?;
    server.ready()?;
    Ok(server)
}
