//! Where the workloads of an executor on threads come from.

use std::thread;

use tokio::sync::oneshot;

use crate::workload::{LoadError, Workloads};

/// Workloads that have to be loaded first.
pub struct Supply {
    load: Box<dyn FnOnce() -> Result<Workloads, LoadError> + Send>,
    is_quick: bool,
}

impl Supply {
    /// What `load` gives. It `is_quick` if nothing is to be loaded.
    pub fn new(
        load: impl FnOnce() -> Result<Workloads, LoadError> + Send + 'static,
        is_quick: bool,
    ) -> Self {
        let load = Box::new(load);
        Self { load, is_quick }
    }

    /// The workloads. They are loaded on a thread of its own, because the thread that waits for them has more to do.
    pub(super) async fn get(self) -> Result<Workloads, LoadError> {
        if self.is_quick {
            return (self.load)();
        }
        let (tell, loaded) = oneshot::channel();
        let thread = thread::Builder::new().name("load".to_owned());
        // Without a receiver the process is ending.
        let started = thread.spawn(move || tell.send((self.load)()).ok());
        started.map_err(|err| LoadError(format!("no thread to load the workloads: {err}")))?;
        loaded.await.expect("a load that panics is an error")
    }
}
