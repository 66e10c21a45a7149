//! The measurements can go: without their folder the commands are the same, and everything else is built as before.

use std::fs;
use std::process::{Command, Output};

use onelane_tree::Copy;

use crate::succeeds;

const LAB: &str = "lab";

/// A copy of the tree without it. In a clone it may be gone already.
fn copy() -> Copy {
    let copy = Copy::of_tree();
    fs::remove_dir_all(copy.path(LAB)).ok();
    copy
}

/// What `make` would do, or prints.
fn make(copy: &Copy, arguments: &[&str]) -> String {
    let mut make = Command::new("make");
    make.args(arguments).current_dir(copy.path(""));
    let Output { status, stdout, .. } = make.output().unwrap();
    assert!(status.success(), "{make:?}");
    String::from_utf8(stdout).unwrap()
}

#[test]
fn nothing_is_asked_of_a_lab_that_is_gone() {
    let copy = copy();
    for target in ["help", "fmt", "check", "test"] {
        let told = make(&copy, &["--dry-run", target]);
        let words = told.split(|c: char| !c.is_ascii_alphanumeric());
        assert_eq!(words.filter(|word| *word == LAB).count(), 0, "{told}");
    }
    let help = make(&copy, &["help"]);
    assert!(!help.contains("make compare"), "{help}");
    // Every package and every target is found, and the lock file is right.
    let metadata = ["metadata", "--locked", "--format-version=1"];
    succeeds(
        copy.cargo()
            .args(metadata)
            .stdout(std::process::Stdio::null()),
    );
}

#[test]
#[ignore = "make prove: it compiles a copy of the tree"]
fn everything_is_built_without_the_lab() {
    let copy = copy();
    let build = ["build", "--locked", "--workspace", "--all-targets"];
    succeeds(copy.cargo().args(build).arg("--all-features"));
}
