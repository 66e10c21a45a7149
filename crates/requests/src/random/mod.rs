//! Random cases for as long as `FUZZ_SECONDS` says, each of which has to pass. The first one that does not is made
//! as small as it can be. `FUZZ_SEED` repeats what was random.

mod body;
mod head;
mod mutation;
mod sent;

use std::fmt::Debug;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use tokio::runtime::Runtime;

pub use mutation::mutated;
pub use sent::{Sent, connection, cut, named};

/// So many cases at once: most of the time each waits for the server.
const AT_ONCE: u64 = 8;

/// How long the search for a smaller case may take.
const SHRINK_MS: u32 = 20_000;

/// Checks cases until the time is over. Returns how many these were.
pub fn check<S: Strategy>(
    cases: impl Fn() -> S + Sync,
    check: impl AsyncFn(S::Value) -> Result<(), String> + Sync,
) -> u64 {
    let seed = number("FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(2));
    let count = AtomicU64::new(0);
    let failures: Vec<String> = thread::scope(|scope| {
        let work = |worker| {
            let (cases, check, count) = (&cases, &check, &count);
            move || check_until(end, seed + worker, cases(), check, count)
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|it| scope.spawn(work(it))).collect();
        let failures = workers.into_iter().filter_map(|it| it.join().unwrap());
        failures.collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    count.into_inner()
}

/// What all of them run on: connections that a client keeps outlive a case.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// For what comes before or after.
pub fn block_on<T>(what: impl Future<Output = T>) -> T {
    RUNTIME.block_on(what)
}

/// The first failure.
fn check_until<S: Strategy>(
    end: Instant,
    seed: u64,
    cases: S,
    check: &impl AsyncFn(S::Value) -> Result<(), String>,
    count: &AtomicU64,
) -> Option<String> {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        max_shrink_time: SHRINK_MS,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    });
    while Instant::now() < end {
        let case = cases.new_tree(&mut runner).unwrap();
        let passes = |case| {
            let checked = block_on(check(case));
            checked.map_err(TestCaseError::fail)
        };
        match runner.run_one(case, passes) {
            Ok(_) => count.fetch_add(1, Ordering::Relaxed),
            Err(err) => return Some(told(seed, &err)),
        };
    }
    None
}

fn told(seed: u64, err: &TestError<impl Debug>) -> String {
    match err {
        TestError::Fail(why, case) => format!("FUZZ_SEED={seed}: {why}\n{case:?}"),
        TestError::Abort(why) => format!("FUZZ_SEED={seed}: {why}"),
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}
