use std::sync::Arc;

use serde_json::Map;
use tokio::runtime;
use tokio::time::timeout;

use super::*;
use crate::drill::{DEMO, FAULTS};
use crate::folder::Folders;
use crate::trace::{Spans, TraceContext};
use crate::workload::{Definition, SeriesEvent, Source};

#[derive(Debug)]
struct Nowhere;

impl Record for Nowhere {
    fn record(&self, _: &[SeriesEvent]) {}
}

/// Ends as soon as it is to stop.
const OBEDIENT: (&str, &str) = ("sleep", "ms=3600000");
const PANICKING: (&str, &str) = ("panic", "");
/// Ends long after it was given up, which is a second after its limit.
const STUBBORN: (&str, &str) = ("stubborn", "ms=3000");

async fn start(replace: Option<Roster>) -> Threads {
    let drills: Vec<&Definition> = DEMO.iter().chain(FAULTS).collect();
    let workloads = Workloads::load(&drills, &Map::new(), || Ok(())).unwrap();
    let supply = Supply::new(move || Ok(workloads), true);
    let threads = Threads::start(1, replace, supply).unwrap();
    threads.load().await.unwrap();
    threads
}

fn ticket(limit: Duration) -> Ticket {
    Ticket {
        slot: 0,
        request_id: String::new(),
        trace: TraceContext::default(),
        spans: Spans::default(),
        limit,
        folder: Folders::none().next().place().clone(),
        record: Arc::new(Nowhere),
    }
}

fn job((workload, query): (&'static str, &str)) -> Job {
    let source = Source::query(query);
    Job { workload, source }
}

#[tokio::test]
async fn a_job_past_its_limit_fails_and_its_thread_stops() {
    let threads = start(None).await;
    let permit = Arc::new(());
    let outcome = threads
        .run(
            ticket(Duration::from_millis(10)),
            job(OBEDIENT),
            permit.clone(),
        )
        .await;
    assert_eq!(outcome.unwrap_err(), Failure::DeadlineExceeded);
    while Arc::strong_count(&permit) > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn dropping_the_future_stops_the_computation() {
    let threads = start(None).await;
    let permit = Arc::new(());
    let run = threads.run(ticket(Duration::MAX), job(OBEDIENT), permit.clone());
    timeout(Duration::from_millis(10), run).await.unwrap_err();
    while Arc::strong_count(&permit) > 1 {
        tokio::task::yield_now().await;
    }
}

/// As at the end of the process, when a thread's runtime may be gone before its requests are.
#[test]
fn a_future_may_be_dropped_where_there_is_no_runtime_any_more() {
    let runtime = runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.unwrap();
    let threads = runtime.block_on(start(Some(Roster::new(|_| {}))));
    let permit = Arc::new(());
    let run = threads.run(ticket(Duration::MAX), job(OBEDIENT), permit.clone());
    let mut run = Box::pin(run);
    runtime.block_on(async {
        let started = timeout(Duration::from_millis(10), run.as_mut());
        started.await.unwrap_err();
    });
    drop(run);
    while Arc::strong_count(&permit) > 1 {
        thread::yield_now();
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_and_the_thread_goes_on() {
    let threads = start(None).await;
    for _ in 0..2 {
        let outcome = threads.run(ticket(Duration::MAX), job(PANICKING), ()).await;
        assert_eq!(outcome.unwrap_err(), Failure::Panicked);
    }
}

#[tokio::test]
async fn a_thread_that_does_not_stop_is_replaced_and_counted_until_it_does() {
    let roster = Roster::new(|_| {});
    let threads = start(Some(roster.clone())).await;
    let permit = Arc::new(());
    let short = ticket(Duration::from_millis(10));
    let outcome = threads.run(short, job(STUBBORN), permit.clone()).await;
    assert_eq!(outcome.unwrap_err(), Failure::DeadlineExceeded);
    while Arc::strong_count(&permit) > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(threads.lost(), 1);
    assert_eq!(roster.snapshot().replaced[&Cause::Hung], 1);
    let next = threads.run(ticket(Duration::from_hours(1)), job(PANICKING), ());
    assert_eq!(next.await.unwrap_err(), Failure::Panicked);
    while threads.lost() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
