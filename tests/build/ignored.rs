//! What `make test` leaves out: `make prove` runs every ignored test of two folders, so nothing else may be ignored there.

use std::fs;

use onelane_tree::root;

#[test]
fn what_is_ignored_in_the_tests_that_prove_runs_is_meant_for_it() {
    let mut folders = vec![root().join("tests/build"), root().join("tests/deploy")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let ignored = text
                .lines()
                .filter(|line| line.trim_start().starts_with("#[ignore"));
            for line in ignored {
                let reason = line.trim().strip_prefix("#[ignore = \"make prove: ");
                assert!(reason.is_some(), "{}: {line}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 0);
}
