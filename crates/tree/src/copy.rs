//! A copy of this tree, to change something in.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{fs, io};

use tempfile::TempDir;

use crate::{files, root};

/// The text with this in the place of the first version in it.
fn with_version(text: &str) -> String {
    let (before, rest) = text.split_once("\nversion = \"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    format!("{before}\nversion = \"0.0.0-copy\"{after}")
}

/// Every file that git knows or would take, in a folder that is gone when this is dropped.
pub struct Copy(TempDir);

impl Copy {
    /// Copies the tree as it is now.
    pub fn of_tree() -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        for file in files() {
            let to = copy.path(&file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            match fs::copy(root().join(&file), to) {
                // It was removed, and git was not told yet.
                Err(err) if err.kind() == io::ErrorKind::NotFound => {}
                copied => drop(copied.unwrap()),
            }
        }
        copy.set_apart();
        copy
    }

    /// Gives the packages here another version. cargo names what it compiles after package and version,
    /// wherever the workspace is: otherwise this would take the place of what the tree itself was built to.
    fn set_apart(&self) {
        let lock = self.path("Cargo.lock");
        let blocks = fs::read_to_string(&lock).unwrap();
        let mut apart = Vec::new();
        for block in blocks.split("\n\n") {
            // What comes from a registry says so.
            let is_ours = block.starts_with("[[package]]") && !block.contains("\nsource = ");
            apart.push(if is_ours {
                with_version(block)
            } else {
                block.to_owned()
            });
        }
        fs::write(lock, apart.join("\n\n")).unwrap();
        let crates = fs::read_dir(self.path("crates")).unwrap();
        let manifests = crates.map(|folder| folder.unwrap().path().join("Cargo.toml"));
        for manifest in manifests.chain([self.path("Cargo.toml")]) {
            let text = fs::read_to_string(&manifest).unwrap();
            fs::write(manifest, with_version(&text)).unwrap();
        }
    }

    /// Where a file of the copy is.
    pub fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// Puts a file into the copy, or another text into one that is there.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces what is there exactly once.
    pub fn replace(&self, file: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {file}");
        self.write(file, &text.replace(old, new));
    }

    /// cargo, here. Compiled dependencies are taken from this tree's build: that part of a build does not
    /// depend on where the workspace is. Programs go elsewhere, because they would have the same names.
    pub fn cargo(&self) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root().join("target"), PathBuf::from);
        cargo
            .current_dir(self.0.path())
            .env("CARGO_BUILD_BUILD_DIR", target)
            .env("CARGO_TARGET_DIR", self.path("target"))
            .stdin(Stdio::null());
        cargo
    }
}
