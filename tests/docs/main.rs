//! What the documentation points at: pages, places in them, files and commands. Whether what it says of them is true,
//! the other tests tell.
//!
//! A link into a folder that a clone may delete counts only while that folder is there.

// Commands that a reader is told to run.
mod commands;
// Links, and names of files.
mod links;

// The pages, taken apart.
mod pages;

use std::path::Path;

use onelane_tree::root;

/// What a clone may delete: folders, and the samples.
const OPTIONAL: [&str; 4] = [
    "lab",
    "examples",
    "src/workload/prime.rs",
    "src/workload/count.rs",
];

/// Whether this path, from the top of the tree, leads somewhere, or to something that was deleted.
fn is_there(path: &Path) -> bool {
    let mut optional = OPTIONAL.iter();
    let was_deleted = optional.any(|it| path.starts_with(it) && !root().join(it).exists());
    was_deleted || root().join(path).exists()
}

#[track_caller]
fn none(what: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{what}:\n  {}", faults.join("\n  "));
}
