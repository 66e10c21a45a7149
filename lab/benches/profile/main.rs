//! What it is worth that a service's dependencies are built for speed: `make bench BENCH=profile`.
//!
//! In a copy of this tree the service gets a dependency that computes, and a `main` that times it. Both are
//! built twice: with the profile of this tree, and with that dependency for size, as the engine is.

use std::process::Stdio;

use onelane_tree::Copy;

/// Mixes two pictures, pixel by pixel, as code that handles pictures does all day.
const DEPENDENCY: &str = "\
#[inline(never)]
pub fn mix(left: &[u8], right: &[u8], into: &mut [u8]) {
    for ((into, left), right) in into.iter_mut().zip(left).zip(right) {
        *into = ((u16::from(*left) * 3 + u16::from(*right)) / 4) as u8;
    }
}
";

/// Prints the fastest of many runs, in nanoseconds: noise only ever adds.
const MAIN: &str = "\
use std::hint::black_box;
use std::time::{Duration, Instant};

fn main() {
    let (left, right, mut into) = (vec![1; 1 << 20], vec![2; 1 << 20], vec![0; 1 << 20]);
    let mut fastest = Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        pictures::mix(black_box(&left), black_box(&right), black_box(&mut into));
        fastest = fastest.min(start.elapsed());
    }
    println!(\"{}\", fastest.as_nanos());
}
";

fn main() {
    let copy = Copy::of_tree();
    copy.write(
        "vendor/pictures/Cargo.toml",
        "[package]\nname = \"pictures\"\nversion = \"1.0.0\"\nedition = \"2024\"\n",
    );
    copy.write("vendor/pictures/src/lib.rs", DEPENDENCY);
    copy.write("src/main.rs", MAIN);
    copy.replace(
        "Cargo.toml",
        "\n[dependencies]\n",
        "\n[dependencies]\npictures = { path = \"vendor/pictures\" }\n",
    );
    let speed = fastest(&copy, &[]);
    let size = fastest(
        &copy,
        &[
            "--config",
            "profile.release.package.pictures.opt-level=\"s\"",
        ],
    );
    println!(
        "a megapixel in a dependency of the service: {:.0} µs, built for size {:.0} µs: {:.1} times as fast",
        speed / 1e3,
        size / 1e3,
        size / speed
    );
}

fn fastest(copy: &Copy, config: &[&str]) -> f64 {
    let run = copy
        .cargo()
        .args(["run", "--release", "--quiet"])
        .args(config)
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be run");
    assert!(run.status.success(), "the copy runs");
    let printed = String::from_utf8(run.stdout).expect("it prints a number");
    printed.trim().parse().expect("it prints a number")
}
