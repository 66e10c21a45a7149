//! The folder of a request, as its computation sees it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::folder::{FolderPlace, ServerFolder};

/// What a computation writes to disk is in there.
#[derive(Debug, Clone)]
pub(super) enum RequestFolder {
    /// The server removes it when the request is over.
    OfRequest(FolderPlace),
    /// For unit tests: it goes with the last clone of the call.
    Own(Arc<Mutex<Option<ServerFolder>>>),
}

impl RequestFolder {
    pub(super) fn path(&self) -> io::Result<PathBuf> {
        match self {
            Self::OfRequest(place) => Ok(place.make()?.to_owned()),
            Self::Own(root) => {
                let mut root = root.lock();
                let root = match root.take() {
                    Some(made) => root.insert(made),
                    None => root.insert(ServerFolder::make()?),
                };
                Ok(root.path().to_owned())
            }
        }
    }
}

impl Default for RequestFolder {
    fn default() -> Self {
        Self::Own(Arc::default())
    }
}
