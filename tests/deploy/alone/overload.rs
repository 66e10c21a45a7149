//! Ten times more than the lanes can do.

use std::time::Duration;

use onelane_load::{Load, Outcome, poisson};
use onelane_stack::{Compose, alone, say};

use crate::cluster::Cluster;

const SLEEP_MS: u64 = 200;
const SLEEP: Duration = Duration::from_millis(SLEEP_MS);
const LOAD: Duration = Duration::from_secs(8);

#[tokio::test]
async fn ten_times_overload_is_refused_at_once_while_lanes_work_at_capacity() {
    let _alone = alone().await;
    let Some(stack) = Compose::up(6).await else {
        return;
    };
    let late = refuse_nine_of_ten(&stack.base, 6).await;
    assert!(
        late < SLEEP / 2,
        "99 % of the refusals came within {late:?}"
    );

    let after = stack.get(&format!("/sleep?ms={SLEEP_MS}")).await;
    assert_eq!(after.status, 200);
    assert!(
        after.elapsed < 3 * SLEEP,
        "{:?} after the overload",
        after.elapsed
    );
}

/// In a cluster nginx lets in what 20 lanes are meant for. When there are two, it is they who refuse.
#[tokio::test(flavor = "multi_thread")]
async fn two_lanes_of_a_cluster_refuse_what_two_nginx_let_in() {
    let _alone = alone().await;
    let Some(cluster) = Cluster::up().await else {
        return;
    };
    let _lanes = cluster.start_several("app", 2).await;
    let _nginx = cluster.start_several("nginx", 2).await;
    let late = refuse_nine_of_ten(&cluster.base, 2).await;
    // Those who are let in wait for ten others. To be refused takes less than half as long.
    assert!(
        late < 5 * SLEEP,
        "99 % of the refusals came within {late:?}"
    );
}

/// Asks for ten times more than the lanes can do. Returns how soon 99 % of the surplus was refused.
async fn refuse_nine_of_ten(base: &str, lanes: u32) -> Duration {
    let per_second = f64::from(lanes) / SLEEP.as_secs_f64();
    let trace = poisson(1, 10.0 * per_second, |_| SLEEP_MS);
    let outcomes = Load::start(base, trace.take_while(|arrival| arrival.at < LOAD))
        .rest()
        .await;
    let (served, refused): (Vec<_>, Vec<_>) =
        outcomes.iter().partition(|outcome| outcome.status() == 200);

    for outcome in &refused {
        assert!(matches!(outcome.status(), 429 | 503), "{outcome:?}");
        assert!(names_a_retry(outcome), "{outcome:?}");
    }
    let late = percentile_99(refused.iter().map(|outcome| outcome.response));
    let done = served.iter().filter(|outcome| in_time(outcome)).count();
    // With each lane busy all the time.
    let possible =
        lanes as usize * usize::try_from(LOAD.as_millis() / SLEEP.as_millis()).unwrap_or(0);
    say(&format!(
        "10 × overload of {lanes} lanes: {done} of {possible} possible answers, 99 % of the refusals within {late:.1?}"
    ));
    assert!(done > possible * 8 / 10, "{done} of {possible}");
    late
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
