use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use futures_util::poll;

use super::*;

fn visitor(name: &str, arrived: Instant) -> Visitor {
    Visitor {
        request_id: name.to_owned(),
        arrived,
        patience: Duration::from_hours(1),
        place: QueuePlace::New,
        goes_on: false,
    }
}

fn holder(gate: &Gate) -> Option<String> {
    let slots = gate.snapshot().slots;
    slots[0]
        .holder
        .as_ref()
        .map(|holder| holder.request_id.clone())
}

/// The result of a future that has one already.
async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match poll!(pin!(future)) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_slot_goes_to_the_request_that_arrived_first_not_to_the_one_that_asked_first() {
    let gate = Gate::new(1, 10);
    let start = Instant::now();
    let running = gate.enter(visitor("running", start)).await.unwrap();
    let mut late = pin!(gate.enter(visitor("late", start + Duration::from_secs(2))));
    let mut early = pin!(gate.enter(visitor("early", start + Duration::from_secs(1))));
    assert!(poll!(&mut late).is_pending());
    assert!(poll!(&mut early).is_pending());
    drop(running);
    assert_eq!(holder(&gate).as_deref(), Some("early"));
    let early = early.await.unwrap();
    assert!(poll!(&mut late).is_pending());
    drop(early);
    late.await.unwrap();
    assert_eq!(holder(&gate), None);
}

#[tokio::test]
async fn each_slot_is_given_once() {
    let gate = Gate::new(3, 0);
    let start = Instant::now();
    let mut permits = Vec::new();
    for _ in 0..3 {
        permits.push(gate.enter(visitor("one", start)).await.unwrap());
    }
    let mut slots: Vec<_> = permits.iter().map(|permit| permit.slot).collect();
    slots.sort_unstable();
    assert_eq!(slots, [0, 1, 2]);
    let refused = gate.enter(visitor("one too many", start)).await;
    assert_eq!(refused.unwrap_err(), Refusal::Full);
}

#[tokio::test]
async fn no_request_gets_a_slot_while_it_is_withheld() {
    let gate = Gate::new(2, 10);
    let start = Instant::now();
    let running = gate.enter(visitor("running", start)).await.unwrap();
    gate.withhold(1);
    let mut waiting = pin!(gate.enter(visitor("waiting", start)));
    assert!(poll!(&mut waiting).is_pending());
    assert!(now(gate.ready()).await.is_none());
    // One is free, and one is withheld, whichever that is.
    drop(running);
    drop(now(&mut waiting).await.unwrap().unwrap());

    gate.withhold(2);
    let mut waiting = pin!(gate.enter(visitor("waiting", start)));
    assert!(poll!(&mut waiting).is_pending());
    gate.withhold(0);
    assert!(now(gate.ready()).await.is_some());
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_full_queue_is_full_for_newcomers_however_old_and_not_for_who_comes_from_another() {
    let gate = Gate::new(1, 1);
    let start = Instant::now();
    let _running = gate.enter(visitor("running", start)).await.unwrap();
    let mut waiting = pin!(gate.enter(visitor("waiting", start + Duration::from_secs(2))));
    assert!(poll!(&mut waiting).is_pending());
    for arrived in [1, 3] {
        let newcomer = gate.enter(visitor("newcomer", start + Duration::from_secs(arrived)));
        assert_eq!(newcomer.await.unwrap_err(), Refusal::Full);
    }
    let moved = Visitor {
        place: QueuePlace::Exchanged,
        goes_on: true,
        ..visitor("moved", start + Duration::from_secs(3))
    };
    let mut moved = pin!(gate.enter(moved));
    assert!(poll!(&mut moved).is_pending());
    assert_eq!(gate.snapshot().queue_depth, 2);
}

/// A gate with one slot and four places, of which one request has left each for another gate.
async fn left_by(count: u64) -> (Gate, Permit) {
    let gate = Gate::new(1, 4);
    let running = gate.enter(visitor("running", Instant::now())).await;
    for _ in 0..count {
        let leaving = Visitor {
            patience: Duration::from_millis(1),
            goes_on: true,
            ..visitor("leaving", Instant::now())
        };
        assert_eq!(gate.enter(leaving).await.unwrap_err(), Refusal::TimedOut);
    }
    (gate, running.unwrap())
}

#[tokio::test]
async fn who_only_looks_is_told_that_no_slot_is_free_and_nothing_else() {
    let (gate, _running) = left_by(0).await;
    assert_eq!(room(&gate).await, 4);
    let look = Visitor {
        place: QueuePlace::None,
        patience: Duration::ZERO,
        goes_on: true,
        ..visitor("look", Instant::now())
    };
    assert_eq!(gate.enter(look).await.unwrap_err(), Refusal::TimedOut);
    assert_eq!(room(&gate).await, 4);
}

#[tokio::test]
async fn who_is_let_in_without_patience_has_its_place_elsewhere() {
    let (gate, _running) = left_by(0).await;
    let asks = || Visitor {
        patience: Duration::ZERO,
        goes_on: true,
        ..visitor("asks", Instant::now())
    };
    assert_eq!(gate.enter(asks()).await.unwrap_err(), Refusal::TimedOut);
    assert_eq!(room(&gate).await, 3);
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut newcomer = Box::pin(gate.enter(visitor("newcomer", Instant::now())));
        assert!(poll!(&mut newcomer).is_pending());
        waiting.push(newcomer);
    }
    assert_eq!(gate.enter(asks()).await.unwrap_err(), Refusal::Full);
}

/// How many newcomers find a place.
async fn room(gate: &Gate) -> usize {
    let mut places = Vec::new();
    loop {
        let mut newcomer = Box::pin(gate.enter(visitor("newcomer", Instant::now())));
        match poll!(&mut newcomer) {
            Poll::Pending => places.push(newcomer),
            Poll::Ready(refused) => {
                assert_eq!(refused.unwrap_err(), Refusal::Full);
                return places.len();
            }
        }
    }
}

#[tokio::test]
async fn the_place_of_one_that_goes_on_is_for_one_that_comes_in_exchange() {
    let (gate, running) = left_by(1).await;
    assert_eq!(room(&gate).await, 3);
    let coming = Visitor {
        place: QueuePlace::Exchanged,
        ..visitor("coming", Instant::now())
    };
    let mut coming = pin!(gate.enter(coming));
    assert!(poll!(&mut coming).is_pending());
    // Its own place, and those of three newcomers.
    assert_eq!(room(&gate).await, 3);
    drop(running);
    drop(coming.await.unwrap());
    assert_eq!(gate.snapshot().queue_depth, 0);
}

#[tokio::test]
async fn newcomers_are_kept_out_of_a_third_of_the_queue_at_most_and_only_while_a_request_waits() {
    let (gate, running) = left_by(9).await;
    assert_eq!(room(&gate).await, 3);
    drop(running);
    let _running = gate.enter(visitor("running", Instant::now())).await;
    assert_eq!(room(&gate).await, 4);
}

#[tokio::test]
async fn without_a_queue_a_request_that_comes_from_another_lane_may_not_wait_either() {
    let gate = Gate::new(1, 0);
    let _running = gate.enter(visitor("running", Instant::now())).await;
    let moved = Visitor {
        place: QueuePlace::Exchanged,
        goes_on: true,
        ..visitor("moved", Instant::now())
    };
    assert_eq!(gate.enter(moved).await.unwrap_err(), Refusal::Full);
}

#[tokio::test]
async fn patience_ends_and_so_does_the_place() {
    let gate = Gate::new(1, 10);
    let start = Instant::now();
    let _running = gate.enter(visitor("running", start)).await.unwrap();
    for patience in [Duration::ZERO, Duration::from_millis(5)] {
        let hasty = Visitor {
            patience,
            ..visitor("hasty", start)
        };
        assert_eq!(gate.enter(hasty).await.unwrap_err(), Refusal::TimedOut);
        assert_eq!(gate.snapshot().queue_depth, 0);
    }
}

#[tokio::test]
async fn a_visitor_that_leaves_loses_its_place_and_an_unused_slot_goes_on() {
    let gate = Gate::new(1, 10);
    let start = Instant::now();
    let running = gate.enter(visitor("running", start)).await.unwrap();
    {
        let mut left = pin!(gate.enter(visitor("left", start)));
        assert!(poll!(&mut left).is_pending());
        let mut called = Box::pin(gate.enter(visitor("called", start)));
        assert!(poll!(&mut called).is_pending());
        assert_eq!(gate.snapshot().queue_depth, 2);
        drop(running);
        // The slot is on its way to one of them now, and neither takes it.
        drop(called);
    }
    assert_eq!(gate.snapshot().queue_depth, 0);
    assert_eq!(holder(&gate), None);
    assert!(now(gate.enter(visitor("next", start))).await.is_some());
}

#[tokio::test]
async fn every_wait_counts_whether_it_ends_with_a_slot_or_without_or_not_at_all() {
    let gate = Gate::new(1, 10);
    let running = gate.enter(visitor("running", Instant::now())).await;
    let mut served = pin!(gate.enter(visitor("served", Instant::now())));
    assert!(poll!(&mut served).is_pending());
    let refused = Visitor {
        patience: Duration::from_millis(5),
        ..visitor("refused", Instant::now())
    };
    assert!(gate.enter(refused).await.is_err());
    let both = gate.snapshot().waited;
    assert!(both >= Duration::from_millis(10), "{both:?}");
    drop(running);
    let served = served.await;
    let all = gate.snapshot().waited;
    assert!(all >= both);
    let mut parked = pin!(gate.enter(visitor("parked", Instant::now())));
    assert!(poll!(&mut parked).is_pending());
    std::thread::sleep(Duration::from_millis(1));
    gate.close(Refusal::Closed);
    assert!(gate.snapshot().waited > all);
    drop(served);
}

#[tokio::test]
async fn a_closed_gate_turns_everybody_away_and_is_idle_when_the_last_permit_is_gone() {
    let gate = Gate::new(1, 10);
    let start = Instant::now();
    let running = gate.enter(visitor("running", start)).await.unwrap();
    let mut parked = pin!(gate.enter(visitor("parked", start)));
    assert!(poll!(&mut parked).is_pending());
    gate.close(Refusal::Closed);
    assert_eq!(parked.await.unwrap_err(), Refusal::Closed);
    let late = gate.enter(visitor("late", start)).await;
    assert_eq!(late.unwrap_err(), Refusal::Closed);
    let mut idle = pin!(gate.idle());
    assert!(poll!(&mut idle).is_pending());
    drop(running);
    idle.await;
}

#[tokio::test]
async fn the_estimate_grows_with_the_queue() {
    let gate = Gate::new(1, 10);
    let start = Instant::now();
    assert_eq!(gate.estimated_wait(), Duration::ZERO);
    let permit = gate.enter(visitor("first", start)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    drop(permit);
    let _running = gate.enter(visitor("running", start)).await.unwrap();
    let alone = gate.estimated_wait();
    let mut waiting = pin!(gate.enter(visitor("waiting", start)));
    assert!(poll!(&mut waiting).is_pending());
    assert!(alone >= Duration::from_millis(2));
    // It may have computed for longer than the first by now.
    let both = gate.estimated_wait();
    assert!((alone * 2..=alone.max(start.elapsed()) * 2).contains(&both));
}

/// After short computations only, the first long one raises the estimate while it runs.
#[tokio::test]
async fn the_estimate_grows_with_the_computation_that_runs() {
    let gate = Gate::new(1, 10);
    drop(gate.enter(visitor("short", Instant::now())).await.unwrap());
    let _long = gate.enter(visitor("long", Instant::now())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(gate.estimated_wait() >= Duration::from_millis(5));
}

#[tokio::test]
async fn a_holder_past_its_due_time_is_overdue() {
    let gate = Gate::new(1, 10);
    let permit = gate.enter(visitor("slow", Instant::now())).await.unwrap();
    let overdue = || gate.snapshot().slots[0].holder.as_ref().unwrap().overdue;
    assert_eq!(overdue(), Duration::ZERO);
    permit.due(Instant::now());
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(overdue() >= Duration::from_millis(1));
}
