//! What this project takes from others, and what it gives: crates, base images, workflows that publish.
//!
//! The tools come from their registries; where one cannot be had, its test says that it is skipped and passes. With
//! CI=true it fails.

// Licences, sources and advisories of every crate.
mod crates;
// What images begin with.
mod images;
// What runs with rights to publish.
mod workflows;

use std::process::{Command, Output};

use onelane_tree::root;

fn run(command: &mut Command) -> Output {
    let output = command.current_dir(root()).output();
    output.unwrap_or_else(|err| panic!("{command:?}: {err}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
