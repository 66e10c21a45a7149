//! The classic Node.js designs, in their plainest form (`lab/benches/compare/contenders/*.js`).

use std::process::{Command, Stdio};

use crate::server::{Server, free_address};

/// Starts one by its name; an error if there is no Node.js.
pub fn start(design: &str, more: &[&str]) -> Result<Server, String> {
    let address = free_address();
    let mut command = Command::new("node");
    command
        .arg(format!(
            "{}/benches/compare/contenders/{design}.js",
            env!("CARGO_MANIFEST_DIR")
        ))
        .arg(address.port().to_string())
        .args(more)
        .stdout(Stdio::null());
    Server::start(command, address)
}
