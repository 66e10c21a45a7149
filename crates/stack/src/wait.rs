//! Waiting: for one's turn, and for what can be seen.

use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

/// Held by the one test that runs: two at once would measure each other.
static TURN: Mutex<()> = Mutex::const_new(());

/// Waits until no other test of this program has a stack.
pub async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// Looks until there is something to see. The limit is no expectation: it is only there for the
/// test to fail instead of hanging.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "waited in vain for {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
