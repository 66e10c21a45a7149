//! What it reads in the log of a lane.
//!
//! `lane.log` is the whole log of a real one, from `listening` to `stopped`: it was asked for
//! `/sleep?ms=x` once, and then for `/sleep?ms=2` 120 times. That lanes go on logging like this is
//! for their own tests to check: `each_request_is_one_line_with_its_times`.

use std::fmt::Write;

use serde_json::Value;

use crate::{plan, run, said};

/// By the `compute_ms` of the 120 requests, in the mean.
const COMPUTED_MS: f64 = 2.239;

#[test]
fn the_log_of_a_real_lane_tells_how_long_requests_compute() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plan/lane.log");
    let plan = plan(&["--rate", "20", "--log", path, "--wait", "p90:5ms"]);
    assert_eq!(plan["service"], "120 times from a log");
    assert_eq!(plan["service_mean_ms"], COMPUTED_MS);
}

#[test]
fn without_a_rate_the_busiest_whole_minute_counts_and_docker_may_prefix_lines() {
    // Two minutes with 60 and 120 requests, between the ends of two others.
    let mut log = String::from("app-1  | not JSON\napp-1  | {\"message\":\"listening\"}\n");
    for (minute, requests) in [(0, 300), (1, 60), (2, 120), (3, 300)] {
        for request in 0..requests {
            let second = request % 60;
            writeln!(
                log,
                "app-2  | {{\"timestamp\":\"2026-01-01T00:0{minute}:{second:02}.5Z\",\"compute_ms\":20.0}}"
            )
            .unwrap();
        }
    }
    let output = run(&["--log", "-", "--wait", "p90:5ms", "--json"], &log);
    let plan: Value = serde_json::from_str(&said(&output)).unwrap();
    assert_eq!(plan["requests_per_second"], 2.0);
    assert_eq!(plan["service_mean_ms"], 20.0);

    let short: String = log.split_inclusive('\n').take(200).collect();
    let output = run(&["--log", "-", "--wait", "p90:5ms"], &short);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        complaint.contains("too short to tell a rate"),
        "{complaint}"
    );
}
