//! What reaches the compiler: what this service computes with is built for speed, however deep among its
//! dependencies it is, and the engine for size, without what only tests need.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use onelane_tree::Copy;
use serde_json::Value;

const SERVICE: &str = env!("CARGO_PKG_NAME");
const ENGINE: &str = "onelane";

/// What cargo would do for a release build of the service, step by step. It tells only to those who take
/// part in the development of the compiler: <https://doc.rust-lang.org/cargo/reference/unstable.html#unit-graph>.
struct Plan(Value);

impl Plan {
    fn of(copy: &Copy) -> Self {
        let told = copy
            .cargo()
            .args([
                "build",
                "--release",
                "-Z",
                "unstable-options",
                "--unit-graph",
            ])
            .env("RUSTC_BOOTSTRAP", "1")
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(told.status.success(), "cargo tells its plan");
        Self(serde_json::from_slice(&told.stdout).unwrap())
    }

    fn units(&self) -> &[Value] {
        self.0["units"].as_array().unwrap()
    }

    /// Those that are compiled for the machine that serves, and not for the compilation alone.
    fn is_served(&self, at: usize) -> bool {
        let unit = &self.units()[at];
        let kind = unit["target"]["kind"][0].as_str().unwrap();
        unit["mode"] == "build" && !["custom-build", "proc-macro"].contains(&kind)
    }

    /// The package of a unit.
    fn package(&self, at: usize) -> &str {
        // path+file:///…/crates/sim#onelane-sim@0.1.0, …#0.1.0 where the folder has the name
        let id = self.units()[at]["pkg_id"].as_str().unwrap();
        let (place, rest) = id.split_once('#').unwrap();
        match rest.split_once('@') {
            Some((name, _)) => name,
            None => place.rsplit('/').next().unwrap(),
        }
    }

    /// What is switched on in a package that is part of the program.
    fn features(&self, package: &str) -> &Value {
        let mut all = 0..self.units().len();
        let at = all.find(|at| self.is_served(*at) && self.package(*at) == package);
        &self.units()[at.expect("a part of the program")]["features"]
    }

    /// The optimisation of each package that is part of the program, and is not needed by `except` alone.
    fn optimisation(&self, except: Option<&str>) -> BTreeMap<&str, &str> {
        let roots = self.0["roots"].as_array().unwrap().iter();
        let mut next: Vec<usize> = roots.map(index).collect();
        let mut seen = BTreeSet::new();
        let mut packages = BTreeMap::new();
        while let Some(at) = next.pop() {
            let package = self.package(at);
            if Some(package) == except || !self.is_served(at) || !seen.insert(at) {
                continue;
            }
            let unit = &self.units()[at];
            packages.insert(package, unit["profile"]["opt_level"].as_str().unwrap());
            let needed = unit["dependencies"].as_array().unwrap();
            next.extend(needed.iter().map(|unit| index(&unit["index"])));
        }
        packages
    }
}

fn index(value: &Value) -> usize {
    value.as_u64().unwrap().try_into().unwrap()
}

/// Fails where something that the service computes with is built for size.
#[track_caller]
pub fn computes_fast(copy: &Copy) {
    let plan = Plan::of(copy);
    let packages = plan.optimisation(Some(ENGINE));
    assert!(packages.contains_key(SERVICE) && packages.contains_key("serde"));
    for (package, optimisation) in packages {
        assert_eq!(
            optimisation, "3",
            "this service computes with {package}: remove it from the list in Cargo.toml of what is built for size"
        );
    }
}

#[test]
fn what_the_service_depends_on_is_built_for_speed() {
    computes_fast(&Copy::of_tree());
}

#[test]
fn the_engine_is_built_for_size() {
    let plan = Plan::of(&Copy::of_tree());
    let packages = plan.optimisation(None);
    for package in [ENGINE, "actix-http", "clap_builder", "tokio"] {
        assert_eq!(packages[package], "z", "{package}");
    }
}

#[test]
fn the_program_has_nothing_that_is_for_tests() {
    let plan = Plan::of(&Copy::of_tree());
    let features = plan.features(ENGINE).as_array().unwrap();
    let has = |name: &str| features.iter().any(|feature| feature == name);
    assert!(!has("testing"), "the program has the feature `testing`");
    // What it sends requests with; `otlp` exports with the same.
    let sends = plan.optimisation(None).contains_key("minreq");
    assert!(!sends || has("otlp"), "the program has minreq");
}

#[test]
fn a_new_dependency_is_built_for_speed_and_so_is_what_it_needs() {
    let copy = Copy::of_tree();
    let manifest = |name: &str, dependencies: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}"
        )
    };
    copy.write(
        "vendor/shallow/Cargo.toml",
        &manifest("shallow", "deep = { path = \"../deep\" }\n"),
    );
    copy.write("vendor/shallow/src/lib.rs", "");
    copy.write("vendor/deep/Cargo.toml", &manifest("deep", ""));
    copy.write("vendor/deep/src/lib.rs", "");
    copy.replace(
        "Cargo.toml",
        "\n[dependencies]\n",
        "\n[dependencies]\nshallow = { path = \"vendor/shallow\" }\n",
    );
    let plan = Plan::of(&copy);
    let packages = plan.optimisation(None);
    assert_eq!((packages["shallow"], packages["deep"]), ("3", "3"));
}
