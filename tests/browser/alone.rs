//! This service, by itself.

use onelane_rig::Lane;

const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// Starts it with more flags than the two addresses.
pub(crate) fn start(flags: &[&str]) -> Lane {
    let mut command = onelane_rig::command(BINARY);
    command.args(flags);
    Lane::run(command)
}
