//! `make rename`: the service gets a name of its own wherever its name stands, and nothing else changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::{fs, str};

use onelane_tree::{Copy, root};
use rstest::rstest;

use crate::succeeds;

/// The name of the engine.
const ENGINE: &str = "onelane";

/// The name of the service.
pub const OWN: &str = env!("CARGO_PKG_NAME");

/// Whether this tree was not renamed yet: it cannot be once more.
pub fn is_possible() -> bool {
    let script = fs::read_to_string(root().join("tools/rename")).unwrap();
    let is_possible = script.contains(&format!("\ntemplate={OWN}\n"));
    if !is_possible {
        eprintln!("skipped: this clone has a name of its own");
    }
    is_possible
}

fn copy() -> Option<Copy> {
    is_possible().then(Copy::of_tree)
}

fn rename(copy: &Copy, name: &str) -> Output {
    let mut rename = Command::new(copy.path("tools/rename"));
    rename.arg(name).output().unwrap()
}

/// Every file, by its path. What is compiled is in no copy of ours that is compared.
fn contents(folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contents(&path, files);
        } else {
            files.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
}

fn tree(copy: &Copy) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    contents(&copy.path(""), &mut files);
    let root = copy.path("").display().to_string();
    let relative = |(path, bytes): (String, _)| (path.replacen(&root, "", 1), bytes);
    files.into_iter().map(relative).collect()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_'))
        .any(|part| part == word)
}

/// The name in a block of Cargo.lock.
fn package(block: &str) -> Option<&str> {
    let (_, rest) = block.split_once("\nname = \"")?;
    Some(rest.split('"').next().unwrap())
}

#[rstest]
#[case::first_of_all("a")]
#[case::usual("thumbs")]
#[case::long("a-very-long-name-of-a-service")]
#[case::last_of_all("zz-9")]
fn a_new_name_stands_wherever_the_old_one_stood(#[case] name: &str) {
    let Some(copy) = copy() else { return };
    let before = tree(&copy);
    let renamed = rename(&copy, name);
    assert!(renamed.status.success(), "{renamed:?}");

    let after = tree(&copy);
    assert!(
        after.keys().eq(before.keys()),
        "no file comes, goes or moves"
    );
    for (path, bytes) in &after {
        let stays = path == "CHANGELOG.md" || path == "tools/rename" || path.starts_with("lab/");
        let Ok(text) = str::from_utf8(bytes) else {
            assert_eq!(bytes, &before[path], "{path} is no text");
            continue;
        };
        assert!(stays || !has_word(text, OWN), "{path} has the old name");
        assert!(!stays || bytes == &before[path], "{path} is left as it is");
    }
    // Lines are as long as their formatter wants them, and the lock file is what cargo wants.
    succeeds(copy.cargo().args(["fmt", "--all", "--check"]));
    let tree = ["tree", "--locked", "--offline", "--quiet", "--depth", "0"];
    succeeds(copy.cargo().args(tree));
    let lock = fs::read_to_string(copy.path("Cargo.lock")).unwrap();
    assert!(lock.split("\n\n").filter_map(package).is_sorted());
    let manifest = fs::read_to_string(copy.path("Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("\nname = \"{name}\"\n")));
}

#[test]
fn a_revision_that_is_renamed_twice_is_the_same_to_the_byte() {
    let (Some(one), Some(other)) = (copy(), copy()) else {
        return;
    };
    // One of them is a repository.
    let git = "git init --quiet && git add --all && git -c user.name=a -c user.email=a commit --quiet --message a";
    let mut sh = Command::new("sh");
    succeeds(sh.args(["-c", git]).current_dir(other.path("")));
    for copy in [&one, &other] {
        assert!(rename(copy, "thumbs").status.success());
    }
    fs::remove_dir_all(other.path(".git")).unwrap();
    assert!(tree(&one) == tree(&other));
}

/// Bad names, and a word of what is said to them.
const BAD: [(&str, &str); 17] = [
    ("", "which name?"),
    ("Thumbs", "a to z"),
    ("my_thumbs", "a to z"),
    ("2thumbs", "a to z"),
    ("thumbs-", "a to z"),
    ("my--thumbs", "a to z"),
    ("thumbs/&", "a to z"),
    ("a2345678901234567890123456789012345678901", "too long"),
    ("thumbs-live-node", "namespace"),
    ("match", "means something else"),
    ("test", "means something else"),
    ("kube-system", "means something else"),
    ("no", "means something else"),
    ("nginx", "means something else"),
    (ENGINE, "means something else"),
    ("serde", "Cargo.lock"),
    ("serde-json", "Cargo.lock"),
];

#[test]
fn a_bad_name_changes_nothing() {
    let Some(copy) = copy() else { return };
    for (name, why) in BAD {
        refuses(&copy, name, why);
    }
}

#[test]
fn a_name_of_an_example_changes_nothing() {
    let Some(copy) = copy() else { return };
    copy.write("examples/services/shop/Cargo.toml", "");
    refuses(&copy, "shop", "examples/services");
}

#[test]
fn lanes_that_run_keep_their_name() {
    let Some(copy) = copy() else { return };
    copy.write(".run/settings", "LANES=2\n");
    refuses(&copy, "thumbs", "local/down");
}

#[test]
fn changes_that_are_not_committed_are_not_mixed_with_a_rename() {
    let Some(copy) = copy() else { return };
    let git = |commands: &str| {
        let author = "export GIT_{AUTHOR,COMMITTER}_{NAME,EMAIL}=a";
        let commands = format!("{author}; {commands}");
        let mut bash = Command::new("bash");
        succeeds(bash.args(["-ec", &commands]).current_dir(copy.path("")));
    };
    git("git init --quiet");
    refuses(&copy, "thumbs", "not committed");
    git("git add --all; git commit --quiet --message a; echo >>README.md");
    refuses(&copy, "thumbs", "not committed");

    git(&format!(
        "git checkout --quiet README.md; echo {OWN} >keys-of-callers"
    ));
    assert!(rename(&copy, "thumbs").status.success());
    let unknown_to_git = fs::read_to_string(copy.path("keys-of-callers")).unwrap();
    assert_eq!(unknown_to_git, format!("{OWN}\n"));
}

#[test]
fn a_second_rename_says_how() {
    let Some(copy) = copy() else { return };
    assert!(rename(&copy, "thumbs").status.success());
    let once = tree(&copy);

    let again = rename(&copy, "thumbs");
    assert!(again.status.success(), "{again:?}");
    assert!(String::from_utf8_lossy(&again.stdout).contains("already"));
    assert!(tree(&copy) == once);

    refuses(&copy, "shop", "git revert");
}

/// One line, and nothing is changed.
#[track_caller]
fn refuses(copy: &Copy, name: &str, why: &str) {
    let before = tree(copy);
    let refused = rename(copy, name);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success(), "{name:?} is taken");
    assert!(said.contains(why) && said.lines().count() == 1, "{said}");
    assert!(tree(copy) == before, "something has changed");
}

/// Where the engine's name would be the deployment's: its settings and series are other words.
const DEPLOYMENT: [&str; 7] = [
    "compose.yaml",
    "docker",
    "k8s",
    "local",
    "monitoring",
    "nginx",
    "overlays",
];

/// What docs and tests would say of a deployment.
const OF_DEPLOYMENTS: [&str; 4] = ["-app", "-nginx", "-prometheus", ".example.com"];

#[test]
fn nothing_that_is_deployed_bears_the_name_of_the_engine() {
    let stays = |path: &str| path == "CHANGELOG.md" || path.starts_with("lab/");
    let mut looked = 0;
    for (path, bytes) in tree(&Copy::of_tree()) {
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        let is_deployed = DEPLOYMENT.iter().any(|place| path.starts_with(place));
        assert!(!is_deployed || !has_word(&text, ENGINE), "{path}");
        let mut names = OF_DEPLOYMENTS.map(|end| format!("{ENGINE}{end}")).to_vec();
        names.push(format!("--namespace {ENGINE}"));
        let found = names.iter().find(|name| text.contains(*name));
        assert!(stays(&path) || found.is_none(), "{found:?} in {path}");
        looked += 1;
    }
    assert!(looked > 500, "{looked} files");
}

#[rstest]
#[ignore = "make prove: compiles renamed copies of the tree"]
fn a_renamed_service_keeps_its_promises(
    #[values("thumbs", "a-very-long-name-of-a-service")] name: &str,
) {
    let Some(copy) = copy() else { return };
    assert!(rename(&copy, name).status.success());
    let tests = ["test", "--locked", "--bins", "--test", "service"];
    let files = ["--test", "k8s", "--test", "monitoring"];
    let mut cargo = copy.cargo();
    cargo.args(tests).args(files).arg("--");
    // It would build images.
    cargo.args(["--skip", "promtool"]);
    // A copy has another version than the manifests.
    succeeds(cargo.args(["--skip", "tagged_with_the_version"]));
}
