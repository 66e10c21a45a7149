//! Folders for what requests write to disk. A server has one folder below the temporary one, and each of its
//! requests a place in there, which the process that computes it may make. It is the server that removes it, because it
//! outlives the processes that compute.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::getuid;
use serde::{Deserialize, Serialize};

/// What the folders of servers are called, before a number of their own.
const PREFIX: &str = "onelane-";

/// Only for the user that the server runs as.
const MODE: u32 = 0o700;

/// The folder of a server, locked as long as the server lives. When this is dropped, it is removed with all that
/// is in it.
#[derive(Debug)]
pub struct ServerFolder {
    path: PathBuf,
    _lock: File,
}

impl ServerFolder {
    /// Makes one in `TMPDIR`, or `/tmp`, and removes those that servers have left there which were killed.
    pub fn make() -> io::Result<Self> {
        sweep();
        let parent = env::temp_dir();
        loop {
            let path = parent.join(format!("{PREFIX}{:016x}", fastrand::u64(..)));
            match make(&path) {
                // Another server has drawn the same number.
                Err(err) if err.kind() == ErrorKind::AlreadyExists => continue,
                made => made.map_err(|err| {
                    io::Error::new(err.kind(), format!("{}: {err}", parent.display()))
                })?,
            }
            // Another server may have swept it away before it was locked.
            if let Ok(Some(lock)) = lock(&path) {
                return Ok(Self { path, _lock: lock });
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ServerFolder {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes in `TMPDIR`, or `/tmp`, what servers have left there which were killed.
pub fn sweep() {
    sweep_in(&env::temp_dir());
}

fn sweep_in(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_folder = entry
            .metadata()
            .is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == getuid().as_raw());
        let is_named_so = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes());
        if is_folder
            && is_named_so
            && let Ok(Some(_lock)) = lock(&entry.path())
        {
            remove(&entry.path());
        }
    }
}

/// The lock on a folder. None if another server has it, or the folder is not there any more.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let folder = File::open(path)?;
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return Ok(None),
        locked => locked?,
    }
    Ok(path.try_exists()?.then_some(folder))
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(MODE).create(path)
}

/// How often a folder is emptied at most, into which a process that is being killed may still write.
const ATTEMPTS: u32 = 10;

fn remove(path: &Path) {
    let removed = (0..ATTEMPTS)
        .map(|_| fs::remove_dir_all(path))
        .find(|removed| {
            let kind = removed.as_ref().map_err(io::Error::kind);
            kind != Err(ErrorKind::DirectoryNotEmpty)
        });
    match removed {
        Some(Err(err)) if err.kind() != ErrorKind::NotFound => {
            tracing::warn!(%err, path = %path.display(), "a folder could not be removed");
        }
        // What is left goes with the folder of the server.
        Some(_) | None => {}
    }
}

/// Gives each request its folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Folders(Arc<SharedFolders>);

#[derive(Debug)]
struct SharedFolders {
    /// Of the server; or why there is none.
    root: Result<PathBuf, String>,
    next: AtomicU64,
}

impl Folders {
    /// For the requests of a server that has this root, or has none for this reason.
    pub fn below(root: Result<&ServerFolder, &io::Error>) -> Self {
        let root = root.map(|root| root.path.clone());
        Self::of(root.map_err(ToString::to_string))
    }

    /// For requests that are not computed.
    pub fn none() -> Self {
        Self::of(Err("nothing is computed here".to_owned()))
    }

    fn of(root: Result<PathBuf, String>) -> Self {
        let next = AtomicU64::default();
        Self(Arc::new(SharedFolders { root, next }))
    }

    /// The folder of the next request. It does not exist yet.
    pub fn next(&self) -> Folder {
        let SharedFolders { root, next } = &*self.0;
        let number = next.fetch_add(1, Ordering::Relaxed).to_string();
        let path = root.as_ref().map(|root| root.join(number));
        Folder(FolderPlace {
            path: path.map_err(Clone::clone),
            is_made: Arc::default(),
        })
    }
}

/// Where the folder of a request is to be, in any process; or why there can be none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FolderPlace {
    path: Result<PathBuf, String>,
    /// Whether it may be there. Clones share this, as long as they stay in one process.
    #[serde(skip)]
    is_made: Arc<AtomicBool>,
}

impl FolderPlace {
    /// The folder, which is made if it is not there yet.
    pub fn make(&self) -> io::Result<&Path> {
        let path = self.path.as_ref();
        let path =
            path.map_err(|why| io::Error::other(format!("no folder for requests: {why}")))?;
        self.set_made(true);
        match make(path) {
            Err(err) if err.kind() != ErrorKind::AlreadyExists => Err(err),
            Ok(()) | Err(_) => Ok(path),
        }
    }

    /// Whether it may be there.
    pub fn is_made(&self) -> bool {
        self.is_made.load(Ordering::Relaxed)
    }

    /// Says whether another process may have made it.
    pub fn set_made(&self, is_made: bool) {
        self.is_made.store(is_made, Ordering::Relaxed);
    }
}

/// The folder of a request. When this is dropped, it is removed with all that is in it.
#[derive(Debug)]
pub struct Folder(FolderPlace);

impl Folder {
    /// Where it is, or would be.
    pub fn place(&self) -> &FolderPlace {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Few requests write to disk, and to look for what was never there is dear.
        if let Ok(path) = &self.0.path
            && self.0.is_made()
        {
            remove(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> (ServerFolder, Folders) {
        let root = ServerFolder::make().unwrap();
        let folders = Folders::below(Ok(&root));
        (root, folders)
    }

    #[test]
    fn a_folder_goes_with_its_request() {
        let (_root, folders) = folders();
        let (one, other) = (folders.next(), folders.next());
        let place = one.place().clone();
        let path = place.make().unwrap();
        fs::write(path.join("file"), "1").unwrap();
        assert_eq!(place.make().unwrap(), path, "it is there already");
        assert_ne!(other.place().make().unwrap(), path);
        drop(one);
        assert!(!path.exists());
    }

    #[test]
    fn a_root_goes_with_its_server_and_no_sooner() {
        let (root, folders) = folders();
        let folder = folders.next();
        let path = folder.place().make().unwrap();
        sweep_in(root.path.parent().unwrap());
        assert!(path.exists());
        drop(root);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_server_has_left_is_swept() {
        let parent = tempfile::tempdir().unwrap();
        let left = parent.path().join(format!("{PREFIX}1"));
        fs::create_dir_all(left.join("2")).unwrap();
        let other = parent.path().join("else");
        fs::create_dir(&other).unwrap();
        sweep_in(parent.path());
        assert!(!left.exists());
        assert!(other.exists());
    }
}
