//! Waiting for what can be seen.

use std::time::{Duration, Instant};

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
