//! A later revision of the template comes into a clone as UPGRADING.md tells, and meets no conflict in a file that the
//! clone had no reason to change.

use std::fs;
use std::path::Path;
use std::process::Command;

use onelane_tree::{Copy, root};
use tempfile::TempDir;

use crate::rename::{self, OWN};
use crate::succeeds;

/// What a clone has deleted that needs no samples, no services to copy and no lab.
const PRUNED: [&str; 4] = [
    "src/workload/prime.rs",
    "src/workload/count.rs",
    "examples/services",
    "lab",
];

/// The template as a repository: its revision of today, and a later one that changes both ends of every file that
/// is not the service's.
struct Template(Copy);

impl Template {
    fn new() -> Self {
        let copy = Copy::of_tree();
        git(
            &copy.path(""),
            &["init", "--quiet", "--initial-branch=main"],
        );
        commit(&copy.path(""), "The template");
        Self(copy)
    }

    fn advance(&self) {
        let root = self.0.path("");
        let files = output(Command::new("git").args(["ls-files"]).current_dir(&root));
        for file in files.lines().filter(|file| !file.starts_with("src/")) {
            let Ok(text) = fs::read_to_string(root.join(file)) else {
                continue;
            };
            let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
            fs::write(
                root.join(file),
                format!("{first}\n# a fix\n{rest}# another\n"),
            )
            .unwrap();
        }
        self.0.write("docker/added", &format!("new, of {OWN}\n"));
        // It comes back without a conflict where its folder was deleted.
        self.0.write("lab/src/added.rs", "//! New.\n");
        commit(&root, "A later revision");
    }

    /// A clone of it, with a workload of its own.
    fn cloned(&self) -> TempDir {
        let clone = tempfile::tempdir().unwrap();
        let from = self.0.path("");
        git(
            clone.path(),
            &[
                "clone",
                "--quiet",
                "--origin=template",
                from.to_str().unwrap(),
                ".",
            ],
        );
        clone
    }
}

fn git(at: &Path, arguments: &[&str]) {
    succeeds(Command::new("git").args(arguments).current_dir(at));
}

fn commit(at: &Path, message: &str) {
    git(at, &["add", "--all"]);
    git(
        at,
        &[
            "-c",
            "user.name=onelane",
            "-c",
            "user.email=onelane@example.com",
            "commit",
            "--quiet",
            "--message",
            message,
        ],
    );
}

fn output(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// The block of commands under this heading of UPGRADING.md that contains `hint`.
fn told(hint: &str) -> String {
    let page = fs::read_to_string(root().join("UPGRADING.md")).unwrap();
    let blocks = page
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let mut blocks = blocks.filter(|block| block.contains(hint));
    blocks
        .next()
        .unwrap_or_else(|| panic!("UPGRADING.md tells {hint:?}"))
        .to_owned()
}

fn run(at: &Path, commands: &str) {
    let mut shell = Command::new("bash");
    for (name, value) in [("NAME", "onelane"), ("EMAIL", "onelane@example.com")] {
        shell
            .env(format!("GIT_AUTHOR_{name}"), value)
            .env(format!("GIT_COMMITTER_{name}"), value);
    }
    succeeds(
        shell
            .args(["-euo", "pipefail", "-c", commands])
            .current_dir(at),
    );
}

fn add_a_workload(at: &Path) {
    fs::write(
        at.join("src/workload/own.rs"),
        "//! What only this service does.\n",
    )
    .unwrap();
    let list = at.join("src/workload/mod.rs");
    let text = fs::read_to_string(&list).unwrap();
    fs::write(list, format!("{text}mod own;\n")).unwrap();
    let manifest = at.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        manifest,
        text.replace("\n[dependencies]\n", "\n[dependencies]\nown = \"1\"\n"),
    )
    .unwrap();
    commit(at, "A workload of our own");
}

#[track_caller]
fn has_both(at: &Path, name: &str) {
    assert!(
        fs::read_to_string(at.join("src/workload/mod.rs"))
            .unwrap()
            .ends_with("mod own;\n")
    );
    let manifest = fs::read_to_string(at.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("own = \"1\"") && manifest.contains("# a fix"));
    let added = fs::read_to_string(at.join("docker/added")).unwrap();
    assert_eq!(added, format!("new, of {name}\n"));
}

#[test]
fn a_clone_with_a_workload_of_its_own_merges() {
    let template = Template::new();
    let clone = template.cloned();
    add_a_workload(clone.path());
    template.advance();
    run(clone.path(), &told("git merge template/main"));
    has_both(clone.path(), OWN);
}

#[test]
fn a_renamed_clone_merges_from_a_renamed_branch() {
    if !rename::is_possible() {
        return;
    }
    let template = Template::new();
    let clone = template.cloned();
    run(
        clone.path(),
        "make rename NAME=thumbs && git commit --quiet --all --message Renamed && git branch vendor",
    );
    add_a_workload(clone.path());
    template.advance();
    run(clone.path(), &told("git switch vendor &&"));
    has_both(clone.path(), "thumbs");
}

#[test]
fn a_clone_without_history_merges_as_well() {
    let template = Template::new();
    let clone = template.cloned();
    fs::remove_dir_all(clone.path().join(".git")).unwrap();
    git(clone.path(), &["init", "--quiet", "--initial-branch=main"]);
    commit(clone.path(), "Initial commit");
    run(clone.path(), &told("git branch vendor \"$(git rev-list"));
    add_a_workload(clone.path());
    template.advance();
    let from = template.0.path("");
    run(
        clone.path(),
        &format!("git remote add template {}", from.display()),
    );
    let commands = told("git switch vendor &&");
    let unrenamed = commands
        .lines()
        .filter(|line| !line.starts_with("make rename"));
    run(clone.path(), &unrenamed.collect::<Vec<_>>().join("\n"));
    has_both(clone.path(), OWN);
}

#[test]
fn a_pruned_clone_has_conflicts_in_what_it_has_deleted_alone() {
    let template = Template::new();
    let clone = template.cloned();
    for path in PRUNED
        .iter()
        .filter(|path| clone.path().join(path).exists())
    {
        git(clone.path(), &["rm", "-r", "--quiet", path]);
    }
    add_a_workload(clone.path());
    template.advance();
    let merge = "git fetch --quiet template && git merge template/main || true";
    run(clone.path(), merge);
    let conflicts = output(
        Command::new("git")
            .args(["diff", "--name-only", "--diff-filter=U"])
            .current_dir(&clone),
    );
    for file in conflicts.lines() {
        assert!(
            PRUNED.iter().any(|path| file.starts_with(path)),
            "a conflict in {file}"
        );
    }
    run(clone.path(), &told("--ignore-unmatch"));
    commit(clone.path(), "Merged");
    has_both(clone.path(), OWN);
    assert!(PRUNED.iter().all(|path| !clone.path().join(path).exists()));
}
