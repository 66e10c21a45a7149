//! Commands that a reader is told to run.

use std::path::Path;
use std::process::Command;

use onelane_tree::root;
use serde_json::Value;

use crate::links::ENDINGS;
use crate::pages::{self, Page};
use crate::{is_there, none};

/// Every command of every page, a list of its words.
fn commands() -> Vec<(String, Vec<String>)> {
    let of_page = |page: Page| {
        let name = page.path.display().to_string();
        let lines = page.shell.into_iter().chain(page.spans);
        lines
            .flat_map(|line| words(&line))
            .map(|words| (name.clone(), words))
            .collect::<Vec<_>>()
    };
    pages::all().into_iter().flat_map(of_page).collect()
}

/// The commands of a line: without a prompt, a comment and variables in front.
fn words(line: &str) -> Vec<Vec<String>> {
    let line = line.trim_start_matches("$ ");
    let line = line
        .split(" #")
        .next()
        .expect("split yields one part at least");
    line.split(['|', ';', '&', '('])
        .map(|command| {
            let words = command.split_whitespace().map(str::to_owned);
            words.skip_while(|word| word.contains('=')).collect()
        })
        .collect()
}

#[test]
fn every_target_of_make_is_there() {
    let help = Command::new("make")
        .arg("help")
        .current_dir(root())
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let targets: Vec<_> = help
        .lines()
        .filter_map(|line| line.trim().strip_prefix("make ")?.split_whitespace().next())
        .collect();
    let is_optional =
        |target: &str| ["compare", "bench"].contains(&target) && !root().join("lab").exists();
    let faults: Vec<_> = commands()
        .into_iter()
        .filter(|(_, words)| words.first().is_some_and(|word| word == "make"))
        .flat_map(|(page, words)| {
            let targets = words
                .into_iter()
                .skip(1)
                .take_while(|word| !word.starts_with('-'));
            let targets = targets.filter(|word| word.chars().all(|c| c.is_ascii_lowercase()));
            targets
                .map(|target| (page.clone(), target))
                .take(1)
                .collect::<Vec<_>>()
        })
        .filter(|(_, target)| !targets.contains(&&**target) && !is_optional(target))
        .map(|(page, target)| format!("{page}: make {target}"))
        .collect();
    none("targets that the Makefile does not have", &faults);
}

/// The names that `cargo` knows here: packages, and their binaries, tests, benches and examples.
fn known_to_cargo(manifest: &Path) -> Vec<(String, String)> {
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--locked",
            "--format-version=1",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let mut known = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = |of: &Value| of["name"].as_str().unwrap().to_owned();
        known.push(("package".to_owned(), name(package)));
        for target in package["targets"].as_array().unwrap() {
            for kind in target["kind"].as_array().unwrap() {
                known.push((kind.as_str().unwrap().to_owned(), name(target)));
            }
        }
    }
    known
}

#[test]
fn everything_that_cargo_is_asked_for_is_there() {
    let manifests = [
        "Cargo.toml",
        "lab/Cargo.toml",
        "examples/services/Cargo.toml",
    ]
    .map(|manifest| root().join(manifest));
    let known: Vec<_> = manifests
        .iter()
        .filter(|manifest| manifest.exists())
        .flat_map(|manifest| known_to_cargo(manifest))
        .collect();
    let has_lab = manifests[1].exists();
    let mut faults = Vec::new();
    for (page, words) in commands() {
        if words.first().is_none_or(|word| word != "cargo") {
            continue;
        }
        for pair in words.windows(2) {
            let kind = match &*pair[0] {
                "-p" | "--package" => "package",
                "--test" | "--example" | "--bin" => &pair[0][2..],
                "--bench" if has_lab => "bench",
                _ => continue,
            };
            let is_placeholder = pair[1].chars().all(|c| c.is_ascii_uppercase());
            if !is_placeholder && !known.contains(&(kind.to_owned(), pair[1].clone())) {
                faults.push(format!("{page}: cargo … {} {}", pair[0], pair[1]));
            }
        }
    }
    none("what cargo does not know", &faults);
}

#[test]
fn every_script_and_every_folder_of_manifests_is_there() {
    let scripts = ["docker/", "local/", "tests/", "examples/"];
    let mut faults = Vec::new();
    for (page, words) in commands() {
        let Some(first) = words.first() else { continue };
        let is_file = ENDINGS.iter().any(|ending| first.ends_with(ending)) || first.ends_with('/');
        let is_script = !is_file
            && scripts.iter().any(|folder| first.starts_with(folder))
            && first
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c));
        if is_script && !is_there(Path::new(first)) {
            faults.push(format!("{page}: {first}"));
        }
        if first == "kubectl" {
            let applied = words
                .windows(2)
                .filter(|pair| ["-f", "-k"].contains(&&*pair[0]));
            let own = applied.filter(|pair| {
                ["k8s", "overlays"]
                    .iter()
                    .any(|top| pair[1].starts_with(top))
            });
            let missing = own.filter(|pair| !is_there(Path::new(&pair[1])));
            faults.extend(missing.map(|pair| format!("{page}: kubectl … {}", pair[1])));
        }
    }
    none("scripts and folders that are told and not there", &faults);
}

#[test]
fn every_role_of_the_program_is_one_that_it_has() {
    let help = Command::new(env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let faults: Vec<_> = commands()
        .into_iter()
        .filter(|(_, words)| {
            words
                .first()
                .is_some_and(|word| word == env!("CARGO_PKG_NAME"))
        })
        .filter_map(|(page, words)| {
            let role = words.into_iter().nth(1)?;
            let is_known = help
                .split_whitespace()
                .any(|word| word.trim_end_matches(',') == role);
            (!is_known).then(|| format!("{page}: {} {role}", env!("CARGO_PKG_NAME")))
        })
        .collect();
    none("roles that the program does not have", &faults);
}

#[test]
fn commands_are_found_among_what_stands_around_them() {
    assert_eq!(
        words("$ A=1 make nothing X=2 # all"),
        [["make", "nothing", "X=2"]]
    );
    assert_eq!(
        words("(cd k8s; make up) | tee"),
        [vec![], vec!["cd", "k8s"], vec!["make", "up)"], vec!["tee"]]
    );
}
