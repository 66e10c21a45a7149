//! Services with routes that take files: one to copy from, and the drills of the engine. Both are workspaces or packages
//! of their own, so they are compiled here.

use std::path::{Path, PathBuf};
use std::process;

use onelane_rig::Lane;
use onelane_stack::{output, say, skip};
use tempfile::TempDir;
use tokio::process::Command;

use crate::page::PATIENT;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The service that makes small pictures of large ones, and its pictures.
pub(crate) struct Thumbnailer {
    pub(crate) lane: Lane,
    pub(crate) pictures: Pictures,
}

/// Draws pictures, into a folder that is gone afterwards.
pub(crate) struct Pictures {
    program: PathBuf,
    folder: TempDir,
}

impl Thumbnailer {
    /// Nothing where it cannot be had: a clone may delete its folder.
    pub(crate) async fn start() -> Option<Self> {
        let manifest = format!("{ROOT}/examples/services/thumbnail/Cargo.toml");
        if !Path::new(&manifest).exists() {
            say("SKIPPED a test: there is no examples/services/thumbnail in this clone");
            return None;
        }
        let folder = compiled(&[
            "--manifest-path",
            &manifest,
            "--bins",
            "--example",
            "picture",
        ])
        .await?;
        Some(Self {
            lane: start(&folder.join("thumbnail")),
            pictures: Pictures {
                program: folder.join("examples/picture"),
                folder: TempDir::new().expect("there is room for temporary files"),
            },
        })
    }
}

impl Pictures {
    /// The path of a picture of this size.
    pub(crate) async fn draw(&self, width: u32, height: u32, name: &str) -> String {
        let path = self.path(name);
        let mut draw = Command::new(&self.program);
        output(draw.args([&width.to_string(), &height.to_string(), &path])).await;
        path
    }

    /// Where a file of this name is.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder
            .path()
            .join(name)
            .to_str()
            .expect("it is UTF-8")
            .to_owned()
    }
}

/// The drills: a service that answers with whatever it gets.
pub(crate) async fn drills() -> Option<Lane> {
    let folder = compiled(&["--package", "onelane", "--bin", "drills"]).await?;
    Some(start(&folder.join("drills")))
}

/// The folder of what cargo has compiled, which is the one of this test.
async fn compiled(what: &[&str]) -> Option<PathBuf> {
    let this = std::env::current_exe().expect("a test has a path");
    let folder = this
        .ancestors()
        .nth(2)
        .expect("target/debug/deps")
        .to_owned();
    let target = folder.parent().expect("target");
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--locked"])
        .args(what)
        .current_dir(ROOT);
    build.env("CARGO_TARGET_DIR", target);
    match build.status().await {
        Ok(status) if status.success() => Some(folder),
        _ => {
            skip("cargo cannot compile the service");
            None
        }
    }
}

fn start(program: &Path) -> Lane {
    let mut command = process::Command::new(program);
    command.args(PATIENT);
    Lane::run(command)
}
