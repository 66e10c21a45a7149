//! What the autoscaler does, against Kubernetes' rules, the manifests, and what clusters were seen to do.

use crate::autoscaler::Scaling;

use super::shipped::file;
use super::*;

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn its_numbers_are_those_of_the_manifests() {
    let hpa = file("k8s/app-hpa.yaml");
    let Autoscaler {
        min,
        max,
        signal,
        growth,
        pods,
        shrinkage,
        patience,
    } = Autoscaler::SHIPPED;
    let Signal::Cpu {
        target, request, ..
    } = signal
    else {
        panic!("{signal:?}");
    };
    assert_eq!(min as f64, after(&hpa, &["minReplicas: "]));
    assert_eq!(max as f64, after(&hpa, &["maxReplicas: "]));
    assert_eq!(target * 100.0, after(&hpa, &["averageUtilization: "]));
    let app = file("k8s/app-deployment.yaml");
    assert_eq!(request * 1000.0, after(&app, &["cpu: "]));
    let policy = |path: &[&str]| after(&hpa, &[path, &["value: "]].concat());
    assert_eq!(growth * 100.0, policy(&["scaleUp:", "type: Percent"]));
    assert_eq!(pods as f64, policy(&["scaleUp:", "type: Pods"]));
    assert_eq!(shrinkage * 100.0, policy(&["scaleDown:", "type: Percent"]));
    let window = after(&hpa, &["scaleDown:", "stabilizationWindowSeconds: "]);
    assert_eq!(patience.as_secs_f64(), window);
    assert_eq!(
        after(&hpa, &["scaleUp:", "stabilizationWindowSeconds: "]),
        0.0
    );
}

#[test]
fn lanes_as_a_signal_have_the_numbers_of_the_manifest() {
    let keda = file("k8s/autoscale-on-lanes/keda/scaledobject.yaml");
    let Signal::Lanes { busy, waiting } = Signal::LANES else {
        panic!("it is of lanes");
    };
    let threshold = |name| after(&keda, &[name, "threshold: "]);
    assert_eq!(busy, threshold("name: busy-lanes"));
    assert_eq!(waiting, threshold("name: waiting-requests"));
}

/// The number behind the last of these texts, each found behind the one before.
fn after(manifest: &str, path: &[&str]) -> f64 {
    let rest = path.iter().fold(manifest, |rest, text| {
        let (_, rest) = rest.split_once(text).unwrap_or_else(|| panic!("no {text}"));
        rest
    });
    let value = rest.lines().next().unwrap();
    let number = value.trim_matches(|c: char| !c.is_ascii_digit());
    number.parse().unwrap_or_else(|_| panic!("{value}"))
}

#[test]
fn it_grows_at_once_as_far_as_its_policies_allow() {
    let mut scaling = Scaling::new(Autoscaler::SHIPPED, 2);
    assert_eq!(scaling.next(MINUTE, 10), 6, "four more");
    let mut scaling = Scaling::new(Autoscaler::SHIPPED, 7);
    assert_eq!(scaling.next(MINUTE, 30), 14, "twice as many");
    let mut scaling = Scaling::new(Autoscaler::SHIPPED, 18);
    assert_eq!(scaling.next(MINUTE, 30), 20, "no more than allowed");
}

#[test]
fn it_shrinks_after_five_minutes_by_a_quarter_each() {
    let autoscaler = Autoscaler::SHIPPED;
    let run = alone(autoscaler, 20, 15 * MINUTE);
    let steps: Vec<usize> = run.replicas.iter().map(|(_, lanes)| *lanes).collect();
    assert_eq!(steps, [20, 15, 11, 8, 6, 4, 3, 2]);
    let times: Vec<Duration> = run.replicas.iter().map(|(at, _)| *at).collect();
    assert!(times[1] >= 5 * MINUTE, "{times:?}");
    for pair in times[1..].windows(2) {
        assert_eq!(pair[0] + MINUTE, pair[1]);
    }
    let (_, known) = run.lanes.last().unwrap();
    assert_eq!(*known, 2, "to nginx");
}

/// Nothing to do but for one request at the end.
fn alone(autoscaler: Autoscaler, lanes: usize, end: Duration) -> Run {
    let system = System {
        autoscaler: Some(autoscaler),
        ..System::shipped(lanes)
    };
    let last = Arrival {
        at: end,
        service: MS,
        patience: None,
    };
    simulate(&system, 1, [last])
}

#[test]
fn two_lanes_that_compute_all_the_time_become_twenty_by_way_of_ten() {
    // New lanes count as idle until they are measured, so nothing goes beyond the 10 that two lanes
    // at 400 % of their 250m ask for. The first figure may be of a time before the load, too.
    let steps: Vec<Vec<usize>> = (1..=30).map(growth_under_full_load).collect();
    for steps in &steps {
        assert!(steps.contains(&10) || steps[1] < 6, "{steps:?}");
        assert!(!steps.starts_with(&[2, 6, 12]), "{steps:?}");
        assert_eq!(steps.last(), Some(&20), "{steps:?}");
    }
    let seen = |steps_seen: &[usize]| steps.iter().any(|steps| steps.starts_with(steps_seen));
    assert!(seen(&[2, 6, 10, 20]), "{steps:?}");
    assert!(seen(&[2, 4, 8, 10]), "{steps:?}");
}

/// Half as much again as twenty lanes can do, from the first minute on; clients that wait too long leave.
fn growth_under_full_load(seed: u64) -> Vec<usize> {
    let system = System {
        autoscaler: Some(Autoscaler::SHIPPED),
        ..System::shipped(2)
    };
    let long = service("5s");
    let arrivals = step(seed, 0.001, 6.0, MINUTE, &long).map(|arrival| Arrival {
        patience: Some(Duration::from_secs(3)),
        ..arrival
    });
    let run = simulate(&system, seed, arrivals.take_while(|it| it.at < 3 * MINUTE));
    run.replicas.iter().map(|(_, lanes)| *lanes).collect()
}

#[test]
fn a_step_of_load_brings_lanes_until_it_can_be_served() {
    let system = System {
        autoscaler: Some(Autoscaler::SHIPPED),
        ..System::shipped(2)
    };
    let half_a_second = service("500ms");
    let arrivals = step(1, 0.5, 12.0, MINUTE, &half_a_second);
    let arrivals = arrivals.take_while(|arrival| arrival.at < 4 * MINUTE);
    let run = simulate(&system, 1, arrivals);
    let (when, lanes) = *run.lanes.last().unwrap();
    assert_eq!(lanes, 20, "6 CPUs are 24 lanes of 250m × 80 %");
    assert!(when > MINUTE && when < 3 * MINUTE, "{:?}", run.lanes);
    let late = run
        .answered()
        .filter(|outcome| outcome.arrived > 3 * MINUTE);
    assert!(mean(late.map(|outcome| outcome.queued)) < 100 * MS);
}

#[test]
fn by_cpu_occupied_lanes_go_and_by_lanes_they_stay() {
    // As on a cluster: three clients that sleep 20 s again and again beside ten short requests a
    // second, and ten lanes.
    let (cpu, lanes) = (
        Signal::Cpu {
            target: 0.8,
            request: 0.25,
            used: 0.02,
        },
        Signal::LANES,
    );
    let run = |signal| {
        let system = System {
            limits: Limits::SHIPPED,
            autoscaler: Some(Autoscaler {
                signal,
                ..Autoscaler::SHIPPED
            }),
            ..System::shipped(10)
        };
        let run = simulate(&system, 1, sleepers_and_short_requests());
        let refused = run.outcomes.iter().filter(|it| it.is_refused()).count();
        (run.replicas.last().unwrap().1, refused)
    };
    let (lanes_by_cpu, refused) = run(cpu);
    assert_eq!(lanes_by_cpu, 2);
    assert!(refused > 1000, "{refused}");
    let (lanes_by_lanes, refused) = run(lanes);
    assert!(lanes_by_lanes >= 5, "{lanes_by_lanes}");
    assert_eq!(refused, 0);
}

fn sleepers_and_short_requests() -> Vec<Arrival> {
    let request = |at, service| Arrival {
        at,
        service,
        patience: None,
    };
    let long = (0..45).flat_map(|turn| [20_000 * turn * MS; 3]);
    let short = (0..9_000).map(|turn| 100 * turn * MS);
    let mut all: Vec<Arrival> = long
        .map(|at| request(at, 20_000 * MS))
        .chain(short.map(|at| request(at, 20 * MS)))
        .collect();
    all.sort_by_key(|arrival| arrival.at);
    all
}
