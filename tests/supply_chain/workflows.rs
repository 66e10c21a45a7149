//! Workflows, and the bot's configuration, as an auditor sees them.

use std::process::Command;

use onelane_stack::python_packages;

use crate::{run, text};

#[test]
fn an_auditor_finds_nothing_in_the_workflows() {
    let Some(packages) = python_packages("tests/supply_chain/requirements.txt") else {
        return;
    };
    let mut zizmor = Command::new(format!("{packages}/bin/zizmor"));
    // Its questions to GitHub need the network, and an account.
    let output = run(zizmor.args(["--offline", "--no-progress", ".github"]));
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{said}");
    // It has looked at all of them, and not at none.
    for file in ["ci.yml", "release.yml", "prove.yml", "dependabot.yml"] {
        assert!(said.contains(file), "{file}: {said}");
    }
}
