//! What the model does, against the rules of the gate, of nginx and of the autoscaler.

use crate::outcome::Fate;

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
    // Two lanes, both busy for good, and one request more.
    let long = |at| Arrival {
        at,
        service: Duration::from_secs(1000),
        patience: None,
    };
    let visitor = Arrival {
        service: MS,
        ..long(MS)
    };
    let system = System {
        cost: Cost::FREE,
        ..System::shipped(2)
    };
    let run = simulate(
        &system,
        1,
        [long(Duration::ZERO), long(Duration::ZERO), visitor],
    );
    let outcome = run.outcomes[2];
    assert_eq!(outcome.fate, Fate::NoLane);
    assert_eq!(outcome.tries, 4 * 9);
    // Five rounds, then the longest again and again.
    let holds = 5 + 20 + 80 + 320 + 1280 + 4 * 2500;
    assert_eq!(outcome.response, 4 * holds * MS);
}

#[test]
fn whoever_arrived_first_computes_first() {
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
        ..Limits::NONE
    };
    let answered = (Fate::Answered, Duration::ZERO);
    let late = (Fate::QueueTimeout, 600 * MS);
    let full = (Fate::QueueFull, Duration::ZERO);
    assert_eq!(fates(limits), [answered, late, late, full, full]);
    let two = Limits {
        limit_conn: 2,
        ..Limits::NONE
    };
    let too_many = (Fate::TooMany, Duration::ZERO);
    assert_eq!(
        fates(two),
        [
            answered,
            (Fate::Answered, 990 * MS),
            too_many,
            too_many,
            too_many
        ]
    );
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
fn the_autoscaler_takes_the_steps_that_the_manifest_promises() {
    let mut lanes = 2;
    let mut steps = vec![lanes];
    while lanes < 20 {
        // All lanes compute all the time.
        lanes = Autoscaler::SHIPPED.next(lanes as f64, lanes);
        steps.push(lanes);
    }
    assert_eq!(steps, [2, 6, 12, 20]);
    assert_eq!(
        Autoscaler::SHIPPED.next(20.0, 20),
        20,
        "no more than allowed"
    );
    assert_eq!(Autoscaler::SHIPPED.next(1.25, 6), 6, "within a tenth");
    assert_eq!(Autoscaler::SHIPPED.next(0.0, 6), 6, "fewer, but not yet");
}

#[test]
fn a_step_of_load_brings_lanes_until_it_can_be_served() {
    let system = System {
        lanes: 2,
        autoscaler: Some(Autoscaler::SHIPPED),
        ..System::shipped(2)
    };
    let at = Duration::from_mins(1);
    let mix = service("500ms");
    let arrivals = step(1, 0.5, 12.0, at, &mix);
    let run = simulate(
        &system,
        1,
        arrivals.take_while(|arrival| arrival.at < 4 * at),
    );
    let (when, lanes) = *run.lanes.last().unwrap();
    assert_eq!(lanes, 20, "6 CPUs are 24 lanes of 250m × 80 %");
    assert!(when > at && when < 3 * at, "{:?}", run.lanes);
    let late = run.answered().filter(|outcome| outcome.arrived > 3 * at);
    assert!(mean(late.map(|outcome| outcome.queued)) < 100 * MS);
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
