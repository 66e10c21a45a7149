//! What it makes of the autoscalers: which signal they need, and how far they get.

use serde_json::Value;

use crate::{plan, run, said};

/// Requests of two seconds, one each, and the share of that time in which they compute.
fn signals(cpu: &str) -> Value {
    let args = ["--rate", "1", "--service", "2s", "--wait", "p90:1s"];
    let plan = plan(&[&args[..], &["--cpu", cpu]].concat());
    assert_eq!(plan["lanes"], 4, "{plan}");
    plan["signals"].clone()
}

/// After a quarter of an hour.
fn lanes_in_the_end(scaled: &Value) -> u64 {
    scaled["steady"]["lanes"][3].as_u64().unwrap()
}

#[test]
fn a_load_that_computes_can_be_scaled_by_cpu() {
    let signals = signals("100%");
    assert_eq!(signals["needed"], "cpu", "{signals:#}");
    assert_eq!(signals["cpu"]["lanes_for_each_busy"], 5.0);
    assert!(lanes_in_the_end(&signals["cpu"]) >= 8, "{signals:#}");
    assert_eq!(signals["cpu"]["steady"]["meets_target"], true);
}

#[test]
fn a_load_that_waits_needs_lanes_as_a_signal() {
    let signals = signals("0.05");
    assert_eq!(signals["needed"], "lanes", "{signals:#}");
    let (by_cpu, by_lanes) = (&signals["cpu"], &signals["lanes"]);
    assert_eq!(lanes_in_the_end(by_cpu), 2, "{signals:#}");
    assert_eq!(by_cpu["steady"]["meets_target"], false);
    assert!(lanes_in_the_end(by_lanes) >= 4, "{signals:#}");
    assert_eq!(by_lanes["steady"]["meets_target"], true);
}

#[test]
fn people_are_told_the_signal_and_why() {
    let args = ["--rate", "1", "--service", "2s", "--wait", "p90:1s"];
    let text = said(&run(&[&args[..], &["--cpu", "5%"]].concat(), ""));
    for line in [
        "2.00 lanes are busy at any time, and compute 5.0 % of it",
        "on Kubernetes, scale by lanes: k8s/autoscale-on-lanes/",
        "A busy lane uses 5 % of a CPU. By CPU, 80 % of 250m, that keeps 0.25 lanes for each busy one",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
}

#[test]
fn an_autoscaler_that_may_not_grow_far_enough_is_told() {
    let args = ["--rate", "2", "--service", "800ms", "--wait", "p90:400ms"];
    let enough = plan(&args);
    let lanes = enough["lanes"].as_u64().unwrap();
    let lanes_after = |plan: &Value| plan["signals"]["cpu"]["rise"]["lanes_after"].as_u64();
    assert!(lanes_after(&enough) >= Some(lanes), "{enough}");

    let few = [&args[..], &["--max-replicas", "2"]].concat();
    let limited = plan(&few);
    let rise = &limited["signals"]["cpu"]["rise"];
    assert!(rise["enough_after_seconds"].is_null());
    assert_eq!(lanes_after(&limited), Some(2));
    let text = said(&run(&few, ""));
    assert!(
        text.contains(&format!("maxReplicas is less than the {lanes} lanes")),
        "{text}"
    );
}
