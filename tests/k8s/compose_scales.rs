//! Lanes of Compose follow the load by the same numbers as those of a cluster (`docker/autoscale`).

use onelane_stack::output;
use onelane_tree::manifests::{in_folder, list, number, object, text};
use tokio::process::Command;

#[tokio::test]
async fn a_load_wants_as_many_lanes_with_compose_as_through_keda() {
    let keda = in_folder("autoscale-on-lanes/keda").remove(0).object;
    let triggers = list(&keda, "/spec/triggers").iter();
    let targets: Vec<f64> = triggers
        .map(|it| text(it, "/metadata/threshold").parse().expect("a number"))
        .collect();
    let [busy, waiting] = targets[..] else {
        panic!("two targets, not {targets:?}");
    };
    // A tenth is let be, and whatever is beyond is rounded up.
    for (target, wants) in [
        (10.9, 10),
        (11.1, 12),
        (9.1, 10),
        (8.9, 9),
        (3.0, 3),
        (0.0, 1),
    ] {
        assert_eq!(wanted(10, busy * target, 0.0).await, wants);
        assert_eq!(wanted(10, 0.0, waiting * target).await, wants);
    }
    assert_eq!(wanted(10, busy * 12.5, waiting * 20.0).await, 20);
    assert_eq!(wanted(10, busy * 20.0, waiting * 12.5).await, 20);
}

#[tokio::test]
async fn what_a_lane_counted_before_it_began_again_does_not_count() {
    let looks = "10.0 a 1 100 100\n10.0 b 1 7 0\n20.0 a 1 5 0\n20.0 c 1 90 90\n";
    // The lane that went and the one that came are not known well enough.
    assert_eq!(printed(2, looks).await, "0.5 0.0 1");
    assert_eq!(printed(2, "10.0 a 1 5 0\n").await, "");
    // Of several slots each has its part.
    let looks = "10.0 a 7 0 0\n20.0 a 7 70 70\n";
    assert_eq!(printed(1, looks).await, "1.0 1.0 2");
}

#[tokio::test]
async fn lanes_come_and_go_in_the_steps_and_times_of_the_cluster() {
    let scaler = object("HorizontalPodAutoscaler", "app");
    let window = "/spec/behavior/scaleDown/stabilizationWindowSeconds";
    let window = number(&scaler, window);
    let script = std::fs::read_to_string("docker/autoscale").expect("it is there");
    assert!(script.contains(&format!("DOWN:-{window}s")));
    let least = number(&scaler, "/spec/minReplicas");
    assert!(script.contains(&format!("MIN:-{least}}}")));

    let most = number(&scaler, "/spec/maxReplicas");
    let load = "$((time < 60 ? 50 : 1))";
    let steps = steps((least, most, window), load, 1000).await;
    let period = "/spec/behavior/scaleDown/policies/0/periodSeconds";
    let period = number(&scaler, period);
    let mut expected = vec![(0, 6), (5, 12), (10, 20)];
    // It was wanted last at 55 s.
    let down = (0..).map(|step| 55 + window + step * period);
    expected.extend(down.zip([15, 11, 8, 6, 4, 3, 2]));
    assert_eq!(steps, expected);
}

#[tokio::test]
async fn a_need_within_the_window_keeps_the_lanes_and_bounds_hold_at_once() {
    let now_and_then = steps((2, 8, 100), "$((time % 90 < 5 ? 8 : 1))", 500).await;
    assert_eq!(now_and_then, [(0, 6), (90, 8)]);
    assert_eq!(steps((4, 8, 100), "1", 50).await, [(0, 4)]);
    assert_eq!(steps((1, 1, 100), "9", 50).await, [(0, 1)]);
}

/// What so many lanes with this load for 10 s would be.
async fn wanted(lanes: u32, busy: f64, waiting: f64) -> u32 {
    let (busy, waiting) = (
        busy * 10.0 / f64::from(lanes),
        waiting * 10.0 / f64::from(lanes),
    );
    let look = |time: u32, busy: f64, waiting: f64| -> String {
        let line = |lane| format!("{time}.5 lane-{lane} 1 {busy} {waiting}\n");
        (0..lanes).map(line).collect()
    };
    let looks = look(10, 3.0, 4.0) + &look(20, 3.0 + busy, 4.0 + waiting);
    let printed = printed(lanes, &looks).await;
    let wanted = printed.split(' ').nth(2).expect("three numbers");
    wanted.parse().expect("a number")
}

async fn printed(lanes: u32, looks: &str) -> String {
    let script = "printf %s \"$1\" | awk -v lanes=\"$2\" -f docker/lanes-wanted";
    let mut command = Command::new("bash");
    command.args(["-c", script, "-", looks, &lanes.to_string()]);
    output(&mut command).await
}

/// When there are how many lanes: from two on, looked at every 5 s for `seconds`. `wanted` is a word of bash.
async fn steps((min, max, down): (u64, u64, u64), wanted: &str, seconds: u64) -> Vec<(u64, u64)> {
    let script = format!(
        "set -euo pipefail
        source docker/steps
        min={min} max={max} down={down} lanes=2
        for ((time = 0; time < {seconds}; time += 5)); do
          decide $time $lanes {wanted}
          if ((next != lanes)); then echo $time $next; fi
          lanes=$next
        done"
    );
    let mut command = Command::new("bash");
    let printed = output(command.args(["-c", &script])).await;
    let steps = printed.lines().map(|line| {
        let (time, lanes) = line.split_once(' ').expect("two numbers");
        let number = |text: &str| text.parse().expect("a number");
        (number(time), number(lanes))
    });
    steps.collect()
}
