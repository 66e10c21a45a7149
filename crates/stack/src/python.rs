//! Python packages that tests use.

use std::process::Command;

use onelane_tree::root;

use crate::skip::skip;

/// The folder, for `PYTHONPATH`, with the packages that this file of the project lists. Where they cannot be had, the test
/// is skipped.
pub fn python_packages(requirements: &str) -> Option<String> {
    let mut script = Command::new(root().join("tools/python-packages"));
    let output = script.arg(root().join(requirements)).output();
    let output = output.expect("the script is there");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Some(said(&output.stdout));
    }
    skip(&said(&output.stderr));
    None
}
