//! `onelane-plan`, checked from outside: what it makes of a load, of a log, and of nonsense. The model
//! behind it has tests of its own beside it, in `crates/sim/`.

mod autoscaler;
mod errors;
mod log;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// With what is to be read on stdin.
fn run(args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_onelane-plan"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = stdin.to_owned();
    // It may end without reading.
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

#[track_caller]
fn said(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn plan(args: &[&str]) -> Value {
    let output = run(&[args, &["--json"]].concat(), "");
    serde_json::from_str(&said(&output)).unwrap()
}

fn lanes(args: &[&str]) -> u64 {
    plan(args)["lanes"].as_u64().unwrap()
}

#[test]
fn the_fewest_lanes_that_meet_the_target_are_told_with_their_neighbours() {
    let plan = plan(&[
        "--rate",
        "15",
        "--service",
        "exp:200ms",
        "--wait",
        "p90:100ms",
    ]);
    let lanes = plan["lanes"].as_u64().unwrap();
    let candidates = plan["candidates"].as_array().unwrap();
    for candidate in candidates {
        let enough = candidate["lanes"].as_u64().unwrap() >= lanes;
        assert_eq!(candidate["meets_target"], enough, "{candidate}");
    }
    let one_less = candidates
        .iter()
        .any(|candidate| candidate["lanes"] == lanes - 1);
    assert!(one_less, "{plan}");
    // By Erlang's formula C, 90 % wait less than 116 ms for 5 lanes, and less than 19 ms for 6.
    assert!((5..=6).contains(&lanes), "{plan}");
}

#[test]
fn more_load_or_less_patience_takes_more_lanes() {
    let some = lanes(&[
        "--rate",
        "5",
        "--service",
        "exp:400ms",
        "--wait",
        "p90:400ms",
    ]);
    let twice = lanes(&[
        "--rate",
        "10",
        "--service",
        "exp:400ms",
        "--wait",
        "p90:400ms",
    ]);
    let sooner = lanes(&["--rate", "5", "--service", "exp:400ms", "--wait", "p90:1ms"]);
    assert!(
        some > 2 && twice > some && sooner > some,
        "{some} {twice} {sooner}"
    );
}

#[test]
fn lanes_let_in_what_is_planned_for_and_refuse_half_of_twice_as_much() {
    let args = [
        "--rate",
        "15",
        "--service",
        "exp:200ms",
        "--wait",
        "p90:100ms",
        "--nginx",
        "2",
    ];
    let plan = plan(&args);
    let settings = &plan["settings"];
    assert_eq!(settings["queue_max"], 10, "as shipped: {settings}");
    let refused = settings["overload"]["refused"].as_f64().unwrap();
    assert!((0.4..0.6).contains(&refused), "{settings}");
}

#[test]
fn a_load_whose_peaks_are_longer_than_a_queue_gets_longer_queues() {
    // Two lanes, 95 % busy: one in fifty finds more than twenty before it.
    let plan = plan(&["--rate", "19", "--service", "exp:100ms", "--wait", "p90:3s"]);
    assert_eq!(plan["lanes"], 2, "{plan}");
    let settings = &plan["settings"];
    assert!(settings["queue_max"].as_u64() > Some(10), "{settings}");
}

#[test]
fn people_get_settings_to_copy_and_the_error_of_the_model() {
    let text = said(&run(
        &[
            "--rate",
            "4",
            "--service",
            "95%:50ms,5%:1s",
            "--response",
            "p90:500ms",
        ],
        "",
    ));
    for line in [
        "95 % 50ms, 5 % 1s",
        "90 % are answered within 500ms at most",
        "make up LANES=",
        "ONELANE_QUEUE_MAX=",
        "on Kubernetes, CPU will do to scale by",
        "from 1 to 4 at once",
        "make bench BENCH=balance",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
    assert!(!text.contains("nginx/"), "nothing in it to set:\n{text}");
}
