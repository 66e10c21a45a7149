//! Ten times more than the lanes can do.

use std::time::Duration;

use crate::common::say;
use crate::compose::Compose;
use crate::load::{Load, Outcome, poisson};

const LANES: usize = 6;
const SLEEP_MS: u64 = 200;
const SLEEP: Duration = Duration::from_millis(SLEEP_MS);
const LOAD: Duration = Duration::from_secs(8);

/// What six lanes can do meanwhile, each busy all the time: 30 a second.
const POSSIBLE: usize = 30 * 8;
/// Ten times that.
const RATE: f64 = 300.0;

#[tokio::test]
async fn ten_times_overload_is_refused_at_once_while_lanes_work_at_capacity() {
    let Some(stack) = Compose::up(LANES).await else {
        return;
    };
    let trace = poisson(1, RATE, |_| SLEEP_MS).take_while(|arrival| arrival.at < LOAD);
    let outcomes = Load::start(&stack.base, trace).rest().await;
    let (served, refused): (Vec<_>, Vec<_>) =
        outcomes.iter().partition(|outcome| outcome.status() == 200);

    for outcome in &refused {
        assert!(matches!(outcome.status(), 429 | 503), "{outcome:?}");
        assert!(names_a_retry(outcome), "{outcome:?}");
    }
    let late = percentile_99(refused.iter().map(|outcome| outcome.response));
    assert!(
        late < SLEEP / 2,
        "99 % of the refusals came within {late:?}"
    );

    let done = served.iter().filter(|outcome| in_time(outcome)).count();
    say(&format!(
        "10 × overload: {done} of {POSSIBLE} possible answers, 99 % of the refusals within {late:.1?}"
    ));
    assert!(done > POSSIBLE * 8 / 10, "{done} of {POSSIBLE}");

    let after = stack.get(&format!("/sleep?ms={SLEEP_MS}")).await;
    assert_eq!(after.status, 200);
    assert!(
        after.elapsed < 3 * SLEEP,
        "{:?} after the overload",
        after.elapsed
    );
}

fn percentile_99(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    let place = times.len() * 99 / 100;
    *times.get(place).expect("something was refused")
}

fn names_a_retry(outcome: &Outcome) -> bool {
    let retry_after = outcome
        .answer
        .as_ref()
        .ok()
        .and_then(|answer| answer.retry_after.as_ref());
    retry_after.is_some_and(|seconds| seconds.parse::<u64>().is_ok_and(|seconds| seconds > 0))
}

fn in_time(outcome: &Outcome) -> bool {
    outcome.arrival.at + outcome.response < LOAD
}
