//! Links, and names of files.

use std::path::{Component, Path, PathBuf};

use crate::pages::{self, Page};
use crate::{is_there, none};

/// Where names of files may begin, beside the folders that the page is in. Any service to copy has what one of them has.
const BEGINNINGS: [&str; 3] = [
    "crates/onelane",
    "crates/onelane/src",
    "examples/services/thumbnail",
];

/// Files that a reader makes by the page.
const OF_THE_READER: [&str; 2] = ["src/workload/collatz.rs", "tests/service/settings.toml"];

/// What files of this tree end with.
pub const ENDINGS: [&str; 9] = [
    ".rs",
    ".md",
    ".conf",
    ".yaml",
    ".yml",
    ".toml",
    ".json",
    ".html",
    ".Dockerfile",
];

#[test]
fn every_link_leads_somewhere() {
    let pages = pages::all();
    let mut faults = Vec::new();
    for page in &pages {
        for link in page.links.iter().filter(|link| !link.contains("://")) {
            if let Err(why) = follow(&pages, page, link) {
                faults.push(format!("{}: {link}: {why}", page.path.display()));
            }
        }
    }
    none("links that lead nowhere", &faults);
}

fn follow(pages: &[Page], from: &Page, link: &str) -> Result<(), &'static str> {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = match file {
        "" => from.path.clone(),
        _ => plain(
            &from
                .path
                .parent()
                .expect("a page is in a folder")
                .join(file),
        ),
    };
    if !is_there(&path) {
        return Err("there is no such file");
    }
    let page = pages.iter().find(|page| page.path == path);
    match page {
        Some(page) if !anchor.is_empty() && !page.anchors.iter().any(|known| known == anchor) => {
            Err("there is no such heading")
        }
        _ => Ok(()),
    }
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn every_file_that_is_named_exists() {
    let mut faults = Vec::new();
    for page in pages::all() {
        for name in page.spans.iter().filter(|span| is_name_of_a_file(span)) {
            let mut places = page
                .path
                .ancestors()
                .chain(BEGINNINGS.iter().map(Path::new));
            let is_made = OF_THE_READER.contains(&&**name);
            if !is_made && !places.any(|place| is_there(&plain(&place.join(name)))) {
                faults.push(format!("{}: {name}", page.path.display()));
            }
        }
    }
    none("files that are named and not there", &faults);
}

/// A path with folders, of a kind that this tree has.
fn is_name_of_a_file(span: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    span.contains('/')
        && !span.starts_with(['/', '.'])
        && span.chars().all(is_plain)
        && ENDINGS.iter().any(|ending| span.ends_with(ending))
}
