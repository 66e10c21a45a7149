//! This service, by itself.

use onelane_rig::Lane;

/// Starts it with more flags than the two addresses.
pub(crate) fn start(flags: &[&str]) -> Lane {
    let mut command = onelane_rig::command(env!("CARGO_BIN_EXE_primes"));
    command.args(flags);
    Lane::run(command)
}
