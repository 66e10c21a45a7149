//! Licences, sources and advisories of every crate that is compiled here, as deny.toml wants them.

use std::path::Path;
use std::process::{Command, Output};

use onelane_stack::{say, skip};
use onelane_tree::root;
use rstest::rstest;

use crate::{run, text};

/// cargo-deny's findings in a workspace; nothing where it, or the workspace, is not there.
fn deny(workspace: &str, checks: &[&str]) -> Option<Output> {
    let manifest = Path::new(workspace).join("Cargo.toml");
    if !root().join(&manifest).exists() {
        return None;
    }
    let installed = run(&mut Command::new("tools/cargo-deny"));
    if !installed.status.success() {
        skip(&text(&installed.stderr));
        return None;
    }
    let mut deny = Command::new(text(&installed.stdout));
    deny.arg("--manifest-path").arg(manifest);
    deny.args(["--locked", "--config", "deny.toml", "check"]);
    Some(run(deny.args(checks)))
}

#[rstest]
fn licences_and_sources_of_all_crates_are_those_that_are_allowed(
    #[values(".", "examples/services", "lab")] workspace: &str,
) {
    if let Some(output) = deny(workspace, &["bans", "licenses", "sources"]) {
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

/// The database is a git repository, which not every machine reaches.
#[rstest]
fn no_crate_has_an_advisory(#[values(".", "examples/services", "lab")] workspace: &str) {
    if let Some(output) = deny(workspace, &["advisories"]) {
        let said = text(&output.stderr);
        if said.contains("failed to fetch advisory database") {
            return say("SKIPPED a part of a test: the database of advisories cannot be reached");
        }
        assert!(output.status.success(), "{said}");
    }
}
