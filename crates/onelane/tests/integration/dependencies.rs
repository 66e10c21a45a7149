//! What the engine must not bring along: crates that would make every service larger, slower to build, or
//! impossible to link statically. None of its features brings one either; `rand` alone comes with
//! `otlp`, whose crates make ids of their own with it.

use std::process::{Command, Stdio};

/// A crate, and what is wrong with it here.
const FORBIDDEN: &[(&str, &str)] = &[
    (
        "openssl-sys",
        "a library in C that the static image would need; TLS ends in front of nginx",
    ),
    (
        "aws-lc-sys",
        "a library in C and assembler that takes a minute to build; TLS ends in front of nginx",
    ),
    ("ring", "the same, for the same purpose"),
    ("rustls", "TLS ends in front of nginx"),
    ("native-tls", "TLS ends in front of nginx"),
    ("hyper", "a second HTTP library beside actix-http"),
    ("h2", "nginx speaks HTTP/1.1 to lanes; 300 kB"),
    ("reqwest", "an HTTP client: a lane calls no other server"),
    ("zstd-sys", "compression is nginx's; a library in C"),
    ("brotli", "compression is nginx's; 700 kB"),
    ("flate2", "compression is nginx's"),
    (
        "regex",
        "routes are plain paths; the engine of regex is 1 MB",
    ),
    ("chrono", "times are humantime's and std's"),
    ("rand", "fastrand is enough for ids and jitter"),
    ("async-std", "a second runtime beside tokio"),
    ("serde_yaml", "settings are TOML"),
    ("bindgen", "it needs a C compiler's library"),
    (
        "cc",
        "nothing is written in C, so that a compiler for Rust is all that a build needs",
    ),
];

/// The names of all crates that come with these features, versions apart.
fn names(features: &str) -> Vec<String> {
    let told = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--locked", "--package", "onelane"])
        .args(["--features", features, "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}"])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(told.status.success(), "cargo tells the dependencies");
    let told = String::from_utf8(told.stdout).unwrap();
    let names = told.lines().filter_map(|line| line.split_once(' '));
    let names: Vec<_> = names.map(|(name, _)| name.to_owned()).collect();
    let count = names.len();
    assert!(count > 50, "only {count} dependencies were seen");
    names
}

#[test]
fn the_engine_brings_no_heavy_dependencies() {
    for features in [
        "multipart,openapi,testing",
        "multipart,otlp,openapi,testing",
    ] {
        let names = names(features);
        let of_otlp = features.contains("otlp");
        for (name, why) in FORBIDDEN {
            let is_there = names.iter().any(|there| there == name);
            assert!(
                !is_there || (of_otlp && *name == "rand"),
                "{name} is there: {why}"
            );
        }
    }
}
