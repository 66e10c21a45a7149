//! The files of this project, as tests read them: the manifests, the rules and the dashboard as they are on
//! disk, and a copy of the whole tree, to change something in.

pub mod manifests;
pub mod monitoring;

mod copy;

use std::path::Path;
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
