//! The files of this project, as tests read them: the manifests, the rules and the dashboard as they are on
//! disk, and a copy of the whole tree, to change something in.

pub mod manifests;
pub mod monitoring;

mod copy;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

pub use copy::Copy;

/// The name of the service: of its package and program, its images, its namespace, its job and its dashboard.
pub const SERVICE: &str = "primes";

/// The folder of the project.
pub fn root() -> &'static Path {
    static ROOT: LazyLock<&Path> = LazyLock::new(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors()
            .nth(2)
            .expect("this is a folder of `crates`")
    });
    &ROOT
}

/// Every file of the project that git knows or would take, from its top. One that was removed is among them until
/// git is told.
pub fn files() -> Vec<String> {
    let mut list = Command::new("git");
    list.args(["ls-files", "-z", "--cached", "--others"]);
    list.arg("--exclude-standard").current_dir(root());
    let listed = list.stderr(Stdio::inherit()).output().unwrap();
    assert!(listed.status.success(), "git lists the files of this tree");
    let names = String::from_utf8(listed.stdout).unwrap();
    names.split_terminator('\0').map(str::to_owned).collect()
}
