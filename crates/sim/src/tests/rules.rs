//! What the model does, against the rules of the gate and of nginx.

use crate::agenda::Try;
use crate::lane::{Entry, Lane};
use crate::outcome::Fate;
use crate::request::Wish;

use super::*;

#[test]
fn a_run_is_the_same_for_the_same_seed_and_another_for_another() {
    let system = System {
        nginx: 2,
        ..System::shipped(4)
    };
    let mix = service("exp:20ms");
    let responses = |seed| {
        let arrivals = poisson(seed, 150.0, &mix, 2_000);
        let run = simulate(&system, seed, arrivals);
        run.outcomes
            .iter()
            .map(|outcome| outcome.response)
            .collect::<Vec<_>>()
    };
    assert_eq!(responses(1), responses(1));
    assert_ne!(responses(1), responses(2));
}

#[test]
fn hops_come_near_the_ideal_where_few_long_requests_stand_among_short_ones() {
    let mix = service("95%:5ms,5%:500ms");
    let wait = |balancing| {
        let system = System {
            balancing,
            ..System::shipped(6)
        };
        mean_wait(&run(&system, 0.8, &mix, 20_000))
    };
    let ideal = mean_wait(&run(&System::ideal(6), 0.8, &mix, 20_000));
    let (hops, least_conn) = (wait(Balancing::Hops), wait(Balancing::LeastConn));
    let round_robin = wait(Balancing::RoundRobin);
    assert!(ideal < hops && hops < least_conn && least_conn < round_robin);
    assert!(hops < 1.3 * ideal, "{hops} to {ideal}");
}

#[test]
fn a_request_is_held_as_long_as_its_round_says_by_each_lane_twice() {
    let outcome = after_all_rounds(2);
    assert_eq!(outcome.tries, 4 + 1 + 7 * 4);
    let holds = 5 + 15 + 40 + 120 + 800 + 5000;
    assert_eq!(outcome.response, 4 * holds * MS);
}

#[test]
fn a_round_asks_no_more_lanes_than_it_may_however_many_there_are() {
    let outcome = after_all_rounds(30);
    assert_eq!(outcome.tries, 4 + 1 + 20 + 6 * 12);
    let holds = 5 + 15 + 40 + 120 + 800 + 5000;
    assert_eq!(outcome.response, 12 * holds * MS);
}

/// What becomes of one more request than there are lanes, all of which are busy for good.
fn after_all_rounds(lanes: usize) -> Outcome {
    let system = System {
        cost: Cost::FREE,
        ..System::shipped(lanes)
    };
    let visitor = Arrival {
        service: MS,
        ..long(MS)
    };
    let others = std::iter::repeat_n(long(Duration::ZERO), lanes);
    let run = simulate(&system, 1, others.chain([visitor]));
    let outcome = run.outcomes[lanes];
    assert_eq!(outcome.fate, Fate::NoLane);
    outcome
}

fn long(at: Duration) -> Arrival {
    Arrival {
        at,
        service: Duration::from_secs(1000),
        patience: None,
    }
}

#[test]
fn requests_are_computed_in_the_order_of_their_arrival() {
    let run = run(&System::ideal(2), 0.9, &service("exp:20ms"), 5_000);
    let starts = run
        .outcomes
        .iter()
        .map(|outcome| outcome.arrived + outcome.queued);
    assert!(starts.is_sorted());
}

#[test]
fn a_lane_refuses_who_comes_to_a_full_queue_or_waits_too_long() {
    let arrivals = [(0, 1000), (10, 1), (20, 1), (30, 1), (500, 1)];
    let arrivals = arrivals.map(|(at, service)| Arrival {
        at: at * MS,
        service: service * MS,
        patience: None,
    });
    let fates = |limits| {
        let system = System {
            balancing: Balancing::LeastConn,
            limits,
            cost: Cost::FREE,
            ..System::shipped(1)
        };
        let run = simulate(&system, 1, arrivals);
        run.outcomes
            .iter()
            .map(|it| (it.fate, it.queued))
            .collect::<Vec<_>>()
    };
    let limits = Limits {
        queue_max: 2,
        queue_timeout: 600 * MS,
    };
    let answered = (Fate::Answered, Duration::ZERO);
    let late = (Fate::QueueTimeout, 600 * MS);
    let full = (Fate::QueueFull, Duration::ZERO);
    assert_eq!(fates(limits), [answered, late, late, full, full]);
}

#[test]
fn a_request_that_has_had_a_place_gets_one_in_a_full_queue_and_a_new_one_is_refused() {
    let limits = Limits {
        queue_max: 1,
        ..Limits::NONE
    };
    let system = System {
        limits,
        cost: Cost::FREE,
        ..System::shipped(1)
    };
    // The second waits, moves on and comes back; the third looks and is refused.
    let arrivals = [0, 10, 20].map(|at| Arrival {
        service: 500 * MS,
        ..long(at * MS)
    });
    let run = simulate(&system, 1, arrivals);
    let fates = run.outcomes.iter().map(|outcome| outcome.fate);
    let fates: Vec<_> = fates.collect();
    assert_eq!(fates, [Fate::Answered, Fate::Answered, Fate::QueueFull]);
    let refused = run.outcomes[2];
    assert_eq!((refused.tries, refused.response), (3, Duration::ZERO));
}

#[test]
fn who_looks_takes_a_free_slot_and_no_place() {
    let mut lane = QueueOf::busy(1);
    assert_eq!(lane.ask(1, Wish::Look), Entry::Busy);
    assert_eq!(lane.ask(2, Wish::Enter), Entry::Place);
    assert_eq!(lane.ask(3, Wish::Look), Entry::Busy, "no refusal");
    assert_eq!(lane.ask(4, Wish::Enter), Entry::Full);
    assert_eq!(lane.ask(4, Wish::Ask), Entry::Full);
    assert_eq!(lane.finish(), Some(2));
    assert_eq!(lane.finish(), None);
    assert_eq!(lane.ask(5, Wish::Look), Entry::Slot);
}

#[test]
fn a_place_that_a_request_leaves_for_another_lane_is_kept_until_one_comes_in_exchange() {
    let mut lane = QueueOf::busy(4);
    for number in 1..=4 {
        assert_eq!(lane.ask(number, Wish::Enter), Entry::Place);
    }
    assert_eq!(lane.ask(5, Wish::Enter), Entry::Full);
    lane.moves_on(1);
    assert_eq!(lane.ask(5, Wish::Enter), Entry::Full, "kept");
    assert_eq!(lane.ask(6, Wish::Move), Entry::Place, "exchanged");
    assert_eq!(lane.finish(), Some(2));
    assert_eq!(lane.ask(7, Wish::Ask), Entry::Busy, "computed, not away");
    assert_eq!(
        lane.ask(8, Wish::Enter),
        Entry::Full,
        "that place is asked for"
    );
}

#[test]
fn a_third_of_the_queue_at_most_is_kept_and_nothing_once_it_was_empty() {
    let mut lane = QueueOf::busy(4);
    for number in 1..=4 {
        lane.ask(number, Wish::Enter);
    }
    for number in 1..=3 {
        lane.moves_on(number);
    }
    for number in [5, 6] {
        let entry = lane.ask(number, Wish::Enter);
        assert_eq!(entry, Entry::Place, "1 waits, 1 is kept");
    }
    assert_eq!(lane.ask(7, Wish::Enter), Entry::Full);
    for number in 4..=6 {
        assert_eq!(lane.finish(), Some(number));
    }
    assert_eq!(lane.finish(), None);
    assert_eq!(lane.ask(8, Wish::Enter), Entry::Slot);
    for number in 9..=12 {
        assert_eq!(lane.ask(number, Wish::Enter), Entry::Place);
    }
}

#[test]
fn a_lane_counts_how_long_requests_wait_while_they_do_and_when_they_go() {
    let mut queue = QueueOf::busy(2);
    assert_eq!(queue.ask(10, Wish::Enter), Entry::Place);
    assert_eq!(queue.ask(20, Wish::Enter), Entry::Place);
    let waited = |queue: &mut QueueOf, at: u32| queue.lane.read(at * MS).unwrap().waited;
    assert_eq!(waited(&mut queue, 30), 30 * MS, "20 + 10");
    let (arrived, visitor) = QueueOf::visitor(10);
    queue.lane.leave(40 * MS, arrived, visitor);
    assert_eq!(waited(&mut queue, 50), 60 * MS, "30 + 30");
}

/// A lane, and requests that are called by the millisecond of their arrival.
struct QueueOf {
    lane: Lane,
    queue_max: usize,
}

impl QueueOf {
    fn busy(queue_max: usize) -> Self {
        let mut queue = Self {
            lane: Lane::new(1, Duration::ZERO),
            queue_max,
        };
        assert_eq!(queue.ask(0, Wish::Look), Entry::Slot);
        queue
    }

    fn ask(&mut self, number: u32, wish: Wish) -> Entry {
        let (arrived, visitor) = Self::visitor(number);
        self.lane
            .enter(arrived, arrived, visitor, wish, self.queue_max)
    }

    fn moves_on(&mut self, number: u32) {
        let (arrived, visitor) = Self::visitor(number);
        self.lane.leave_for_another(arrived, arrived, visitor);
    }

    /// The slot becomes free: whose turn is it?
    fn finish(&mut self) -> Option<u32> {
        Some(self.lane.release(Duration::ZERO)?.number)
    }

    fn visitor(number: u32) -> (Duration, Try) {
        let request = number as usize;
        (number * MS, Try { request, number })
    }
}

#[test]
fn an_overload_is_refused_within_moments_while_all_lanes_compute() {
    let mix = service("1s");
    let time = Duration::from_secs(30);
    for (lanes, load) in [(6, 3), (6, 10), (48, 3), (48, 10)] {
        let system = System {
            limits: Limits::SHIPPED,
            ..System::shipped(lanes)
        };
        let run = run(&system, load as f64, &mix, load * lanes * 30);
        let in_time = run.answered().filter(|it| it.arrived + it.response < time);
        let goodput = in_time.count() as f64 / (30.0 * lanes as f64);
        assert!(goodput > 0.95, "{lanes} × {load}: {goodput}");
        let refused = run.outcomes.iter().filter(|it| it.is_refused());
        let late = quantile(0.99, refused.map(|it| it.response));
        assert!(late < 5 * MS, "{lanes} × {load}: {late:?}");
    }
}

#[test]
fn several_nginx_come_as_near_to_the_ideal_as_one() {
    let mix = service("exp:100ms");
    for (lanes, nginx, limit) in [(16, 2, 1.06), (64, 4, 1.02)] {
        let system = System {
            nginx,
            ..System::shipped(lanes)
        };
        let response = |system: &System| {
            let run = run(system, 0.8, &mix, 20_000);
            mean(run.answered().map(|it| it.response)).as_secs_f64()
        };
        let ratio = response(&system) / response(&System::ideal(lanes));
        assert!(ratio < limit, "{lanes} lanes, {nginx} nginx: {ratio}");
    }
}

#[test]
fn the_lane_that_waits_longest_for_a_request_gets_it() {
    // With all lanes idle, nginx goes round.
    let mut peers = peers::Peers::new(3, true);
    let mut next = || {
        let lane = peers.choose(&[false; 3]).unwrap();
        peers.release(lane);
        lane
    };
    assert_eq!([next(), next(), next(), next()], [0, 1, 2, 0]);
}

#[test]
fn a_mix_is_read_as_it_is_written_and_nonsense_is_named() {
    let mix = service("95%:5ms, 5%:exp:500ms");
    assert_eq!(mix.mean(), Duration::from_micros(29_750));
    for (text, complaint) in [
        ("", "is not a time"),
        ("5", "is not a time"),
        ("0ms", "no time at all"),
        ("50%:5ms", "add up to 50"),
        ("5ms,5ms", "add up to 200"),
        ("x%:5ms", "`x%` is not a share"),
        ("-5%:5ms,105%:5ms", "`-5%` is not a share"),
        ("gauss:5ms", "`gauss` is none of"),
        ("lognormal:x:5ms", "is none of"),
    ] {
        let err = text.parse::<Service>().unwrap_err();
        assert!(err.contains(complaint), "{text}: {err}");
    }
}
