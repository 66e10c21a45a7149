//! What it costs a loop that it can be stopped: `make bench BENCH=interrupt`.
//!
//! Two loops run with their checks and without: one that divides, and looks at every step, and one that
//! does next to nothing, and looks every 4096 steps. Criterion shows the distributions; the last lines
//! give the ratio of the fastest samples, which noise cannot make smaller. More than 2 % is too much.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion};
use onelane::{Call, Interrupted};

/// Nothing divides it: 3 × 10⁵ divisions up to its root, each of 64 bits.
const NUMBER: u64 = 1_000_000_000_039;
const STEPS: u64 = 1_000_000;

/// Steps between two looks: a microsecond or so, against a fraction of a nanosecond for each look saved.
const STRIDE: u64 = 4096;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let call = Call::default();

    let divide = Comparison::run(
        &mut criterion,
        "divide",
        || divide(black_box(NUMBER), || Ok(())).is_ok_and(|divides| !divides),
        || divide(black_box(NUMBER), || call.check()).is_ok_and(|divides| !divides),
    );
    let count = Comparison::run(
        &mut criterion,
        "count",
        || bare_count(black_box(STEPS)) == STEPS,
        || count(black_box(STEPS), || call.check()).is_ok_and(|count| count == STEPS),
    );

    criterion.final_summary();
    println!("divide: {divide}\ncount: {count}");
}

/// Whether anything from 5 up to its root divides `number`, a multiple of neither 2 nor 3.
#[inline]
fn divide(number: u64, check: impl Fn() -> Result<(), Interrupted>) -> Result<bool, Interrupted> {
    let limit = number.isqrt();
    let mut candidate = 5;
    while candidate <= limit {
        check()?;
        if number.is_multiple_of(candidate) || number.is_multiple_of(candidate + 2) {
            return Ok(true);
        }
        candidate += 6;
    }
    Ok(false)
}

/// Counts to `steps`, one by one.
#[inline]
fn count(steps: u64, check: impl Fn() -> Result<(), Interrupted>) -> Result<u64, Interrupted> {
    let mut count = 0;
    while count < steps {
        check()?;
        for _ in 0..STRIDE.min(steps - count) {
            // Without this the compiler would know the sum and skip the counting.
            count = black_box(count + 1);
        }
    }
    Ok(count)
}
/// The same without strides, which are there for the checks alone.
fn bare_count(steps: u64) -> u64 {
    let mut count = 0;
    while count < steps {
        count = black_box(count + 1);
    }
    count
}

/// The fastest samples of a loop.
struct Comparison {
    bare: Duration,
    checked: Duration,
}

impl Comparison {
    fn run(
        criterion: &mut Criterion,
        name: &str,
        bare: impl Fn() -> bool,
        checked: impl Fn() -> bool,
    ) -> Self {
        let mut group = criterion.benchmark_group(name);
        let fastest = [Cell::new(Duration::MAX), Cell::new(Duration::MAX)];
        group.bench_function("bare", |bencher| sample(bencher, &bare, &fastest[0]));
        group.bench_function("checked", |bencher| sample(bencher, &checked, &fastest[1]));
        group.finish();
        Self {
            bare: fastest[0].get(),
            checked: fastest[1].get(),
        }
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { bare, checked } = self;
        let ratio = checked.as_secs_f64() / bare.as_secs_f64();
        write!(f, "{checked:?} with checks, {bare:?} without: {ratio:.3}")
    }
}

/// Like `iter`, and remembers the fastest single iteration.
fn sample(bencher: &mut Bencher, work: &impl Fn() -> bool, fastest: &Cell<Duration>) {
    bencher.iter_custom(|iterations| {
        (0..iterations)
            .map(|_| {
                let start = Instant::now();
                assert!(black_box(work()), "the loop ran to its end");
                let elapsed = start.elapsed();
                fastest.set(fastest.get().min(elapsed));
                elapsed
            })
            .sum()
    });
}
