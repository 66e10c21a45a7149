//! The samples can go: what the guide shows is put in their place, and everything is as green as before.

use std::fs;

use onelane_tree::{Copy, root};

use crate::succeeds;

const LIST: &str = "src/workload/mod.rs";
const TESTS: &str = "tests/service/main.rs";

/// The block of code in the guide that contains `hint`.
fn shown(hint: &str) -> String {
    let guide = fs::read_to_string(root().join("docs/guide.md")).unwrap();
    let blocks = guide.split("```rust").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let mut blocks = blocks.map(|block| block.split_once('\n').unwrap().1);
    let block = blocks.find(|block| block.contains(hint));
    block
        .unwrap_or_else(|| panic!("the guide shows {hint:?}"))
        .to_owned()
}

#[test]
#[ignore = "make prove: it compiles a copy of the tree"]
fn a_service_of_ones_own_takes_the_place_of_the_samples() {
    let copy = Copy::of_tree();
    for sample in ["prime", "count"] {
        // In your clone they may be gone already.
        fs::remove_file(copy.path(&format!("src/workload/{sample}.rs"))).ok();
    }
    copy.write(
        "src/workload/collatz.rs",
        &shown("impl Workload for Collatz"),
    );
    copy.write(LIST, &shown("mod collatz;"));
    let tests = fs::read_to_string(copy.path(TESTS)).unwrap();
    copy.write(TESTS, &format!("{tests}\n{}", shown("testing::start")));

    succeeds(copy.cargo().args(["fmt", "--all", "--check"]));
    // Of the workspace, like that of `make check`: so it finds dependencies checked already. Unlike there,
    // the engine has no features but those that the tests of a service need.
    let clippy = ["clippy", "--locked", "--workspace", "--all-targets"];
    succeeds(copy.cargo().args(clippy).args(["--", "-D", "warnings"]));
    let tests = ["test", "--locked", "--bins", "--test", "service"];
    succeeds(copy.cargo().args(tests));
    succeeds(copy.cargo().args(["test", "--locked", "--test", "docs"]));
}
