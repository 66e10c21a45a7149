//! What the model does, against what is known in closed form.

use crate::outcome::Fate;

use super::*;

/// The probability that all of `servers` are busy, by Erlang's formula C.
fn erlang_c(servers: u32, load: f64) -> f64 {
    let offered = load * f64::from(servers);
    // Formula B by its recursion.
    let blocked = (1..=servers).fold(1.0, |blocked, servers| {
        offered * blocked / (f64::from(servers) + offered * blocked)
    });
    blocked / (1.0 - load * (1.0 - blocked))
}

#[track_caller]
fn assert_near(value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value / expected - 1.0).abs() < tolerance,
        "{value} instead of {expected}"
    );
}

#[test]
fn one_queue_with_exponential_times_waits_as_erlang_says() {
    for (servers, load) in [(1, 0.5), (2, 0.8), (6, 0.8), (30, 0.9)] {
        let run = run(
            &System::ideal(servers as usize),
            load,
            &service("exp:20ms"),
            20_000,
        );
        let expected = erlang_c(servers, load) * 0.020 / (f64::from(servers) * (1.0 - load));
        assert_near(mean_wait(&run), expected, 0.15);
    }
}

#[test]
fn one_lane_waits_as_pollaczek_and_khinchine_say() {
    for (text, second_moment) in [
        ("20ms", 0.020 * 0.020),
        ("exp:20ms", 2.0 * 0.020 * 0.020),
        ("lognormal:1.5:20ms", (1.0 + 1.5 * 1.5) * 0.020 * 0.020),
        ("95%:5ms,5%:500ms", 0.95 * 0.005 * 0.005 + 0.05 * 0.5 * 0.5),
    ] {
        let service = service(text);
        let run = run(&System::ideal(1), 0.5, &service, 30_000);
        let rate = 0.5 / service.mean().as_secs_f64();
        assert_near(mean_wait(&run), rate * second_moment / (2.0 * 0.5), 0.1);
    }
}

#[test]
fn lanes_are_busy_for_as_long_as_requests_compute() {
    for balancing in [
        Balancing::Central,
        Balancing::RoundRobin,
        Balancing::LeastConn,
        Balancing::Hops,
    ] {
        let system = System {
            balancing,
            cost: Cost::FREE,
            ..System::shipped(4)
        };
        let run = run(&system, 0.7, &service("exp:20ms"), 20_000);
        let computed: Duration = run.outcomes.iter().map(|outcome| outcome.service).sum();
        assert_eq!(run.busy, computed, "{balancing:?}");
        assert_near(
            run.busy.as_secs_f64() / run.end.as_secs_f64() / 4.0,
            0.7,
            0.05,
        );
    }
}

#[test]
fn every_request_is_answered_refused_or_given_up_by_its_client() {
    let limits = Limits {
        queue_max: 3,
        queue_timeout: 200 * MS,
    };
    let mix = service("exp:20ms");
    for balancing in [Balancing::RoundRobin, Balancing::LeastConn, Balancing::Hops] {
        let system = System {
            balancing,
            limits,
            nginx: 2,
            ..System::shipped(6)
        };
        let arrivals = poisson(1, 450.0, &mix, 20_000).enumerate();
        let impatient = arrivals.map(|(place, arrival)| Arrival {
            patience: (place % 5 == 0).then_some(10 * MS),
            ..arrival
        });
        let run = simulate(&system, 1, impatient);
        let count = |fate| {
            run.outcomes
                .iter()
                .filter(|outcome| outcome.fate == fate)
                .count()
        };
        let answered = count(Fate::Answered);
        let refused = run
            .outcomes
            .iter()
            .filter(|outcome| outcome.is_refused())
            .count();
        let left = count(Fate::ClientLeft);
        assert_eq!(answered + refused + left, 20_000);
        assert!(
            answered > 10_000 && refused > 1_000 && left > 1_000,
            "{answered} {refused} {left}"
        );
        assert!(count(Fate::QueueFull) > 1_000, "{balancing:?}");
    }
}
