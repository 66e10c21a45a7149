//! The services to copy from: each takes the place of the samples as its README says.

use std::fs;

use onelane_tree::Copy;
use rstest::rstest;

use crate::flags::computes_fast;
use crate::succeeds;

/// What a service computes with, besides what the template has: lines of its manifest.
fn dependencies(manifest: &str) -> String {
    let (_, rest) = manifest.split_once("\n[dependencies]\n").unwrap();
    let lines = rest.split("\n[").next().unwrap().lines();
    let is_there = |line: &&str| {
        let name = line.split(' ').next();
        ["onelane", "schemars", "serde"].map(Some).contains(&name)
    };
    let new = lines.filter(|line| !is_there(line));
    new.collect::<Vec<_>>().join("\n") + "\n"
}

#[rstest]
#[ignore = "make prove: it compiles copies of the tree"]
fn a_service_to_copy_from_takes_the_place_of_the_samples(
    #[values("thumbnail", "model")] service: &str,
) {
    let Some(copy) = taking_the_place(service) else {
        return;
    };
    let tests = ["test", "--locked", "--bins", "--test", service];
    succeeds(copy.cargo().args(tests));
}

/// What it computes with, so far as cargo tells without compiling.
#[rstest]
fn a_service_in_the_place_of_the_samples_is_built_for_speed(
    #[values("thumbnail", "model")] service: &str,
) {
    if let Some(copy) = taking_the_place(service) {
        computes_fast(&copy);
    }
}

/// A copy of the tree in which it does. None in a clone that has no such service.
fn taking_the_place(service: &str) -> Option<Copy> {
    let copy = Copy::of_tree();
    let folder = format!("examples/services/{service}");
    let Ok(manifest) = fs::read_to_string(copy.path(&format!("{folder}/Cargo.toml"))) else {
        eprintln!("skipped: there is no {folder} in this clone");
        return None;
    };
    fs::remove_dir_all(copy.path("src")).unwrap();
    let take = |from: &str, to: &str| {
        fs::rename(copy.path(&format!("{folder}/{from}")), copy.path(to)).unwrap();
    };
    let test = format!("tests/{service}.rs");
    take("src", "src");
    take(&test, &test);
    let dependencies = format!("\n[dependencies]\n{}", dependencies(&manifest));
    copy.replace("Cargo.toml", "\n[dependencies]\n", &dependencies);
    // A machine that has tested the services has fetched what they need.
    let update = |more: &[&str]| {
        let mut cargo = copy.cargo();
        cargo.args(["update", "--workspace"]).args(more);
        cargo.status().unwrap().success()
    };
    assert!(update(&["--offline"]) || update(&[]));
    Some(copy)
}
