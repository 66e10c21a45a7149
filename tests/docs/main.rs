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

/// The folders that a clone may delete.
const OPTIONAL: [&str; 2] = ["lab", "examples"];

/// Whether this path, from the top of the tree, leads somewhere, or into a folder that was deleted.
fn is_there(path: &Path) -> bool {
    let top = path.components().next();
    let was_deleted = OPTIONAL.iter().any(|folder| {
        top.is_some_and(|top| top.as_os_str() == *folder) && !root().join(folder).exists()
    });
    was_deleted || root().join(path).exists()
}

#[track_caller]
fn none(what: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{what}:\n  {}", faults.join("\n  "));
}
