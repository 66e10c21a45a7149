//! Which tests of a program have a stack at once. Most of the time they wait, so several do; one that measures is
//! disturbed by others, and has the machine alone.

use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

/// So many tests with stacks run at once.
const AT_ONCE: u32 = 4;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE as usize);
static ALONE: Mutex<()> = Mutex::const_new(());

/// Held by a test for as long as it has a stack.
pub type Turn = SemaphorePermit<'static>;

/// Waits until one more test may have a stack.
pub async fn turn() -> Turn {
    PLACES.acquire().await.expect("it is never closed")
}

/// Waits until no other test has a stack, and keeps it so. To be called before a stack is made, which takes the last
/// turn.
pub async fn alone() -> (MutexGuard<'static, ()>, Turn) {
    // Two tests that each hold a part of the turns would wait for each other.
    let only = ALONE.lock().await;
    let others = PLACES.acquire_many(AT_ONCE - 1).await;
    (only, others.expect("it is never closed"))
}
