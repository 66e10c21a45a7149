//! The ready pods of a Service, as DNS or a proxy knows them: changes arrive there a little later.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How long it takes until a new pod is known to be ready.
pub(super) const NEWS: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(super) struct Known {
    pods: Arc<Mutex<BTreeSet<Ipv4Addr>>>,
    /// How long a pod that leaves is still taken for ready.
    memory: Duration,
}

impl Known {
    pub(super) fn with_memory(memory: Duration) -> Self {
        Self {
            pods: Arc::default(),
            memory,
        }
    }

    /// One address that never changes.
    pub(super) fn always(address: Ipv4Addr) -> Self {
        let known = Self::with_memory(Duration::ZERO);
        known.pods().insert(address);
        known
    }

    pub(super) fn now(&self) -> Vec<Ipv4Addr> {
        self.pods().iter().copied().collect()
    }

    pub(super) fn learn(&self, pod: Ipv4Addr) {
        let known = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(NEWS).await;
            known.pods().insert(pod);
        });
    }

    pub(super) fn forget(&self, pod: Ipv4Addr) {
        let known = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(known.memory).await;
            known.pods().remove(&pod);
        });
    }

    fn pods(&self) -> MutexGuard<'_, BTreeSet<Ipv4Addr>> {
        self.pods
            .lock()
            .expect("no thread panics while it holds the lock")
    }
}
