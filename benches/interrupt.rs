//! What it costs the loops that they can be stopped: `cargo bench --bench interrupt`.
//!
//! Each workload runs beside the same loop without its checks. Criterion shows the distributions;
//! the last lines give the ratio of the fastest samples, which noise cannot make smaller. More
//! than 2 % is too much.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion};
use onelane::job::{Interrupt, Workload};
use onelane::workload::count::{self, Count};
use onelane::workload::prime::{self, Method, Prime};

/// A prime just above 10¹²: 3 × 10⁵ divisions up to its root, each as wide as those of the
/// demonstration's number.
const NUMBER: u64 = 1_000_000_000_039;
const TO: u64 = 1_000_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let interrupt = Interrupt::default();

    let prime = Comparison::run(
        &mut criterion,
        "prime",
        || bare_prime(black_box(NUMBER)),
        || {
            let (number, method) = (black_box(NUMBER), Method::Sqrt);
            Prime::run(prime::Input { number, method }, &interrupt).is_ok()
        },
    );
    let count = Comparison::run(
        &mut criterion,
        "count",
        || bare_count(black_box(TO)) == TO,
        || Count::run(count::Input { to: black_box(TO) }, &interrupt).is_ok(),
    );

    criterion.final_summary();
    println!("prime: {prime}\ncount: {count}");
}

/// `workload::prime` without its checks.
fn bare_prime(number: u64) -> bool {
    if number.is_multiple_of(2) || number.is_multiple_of(3) {
        return false;
    }
    let limit = number.isqrt();
    let mut candidate = 5;
    while candidate <= limit {
        if number.is_multiple_of(candidate) || number.is_multiple_of(candidate + 2) {
            return false;
        }
        candidate += 6;
    }
    true
}

/// `workload::count` without its checks.
fn bare_count(to: u64) -> u64 {
    let mut count = 0;
    while count < to {
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
