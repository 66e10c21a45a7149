//! What it complains about.

use crate::run;

#[track_caller]
fn complains(args: &[&str], code: i32, complaint: &str) {
    let output = run(args, "");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(complaint), "{args:?}: {stderr}");
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn arguments_that_make_no_sense_are_named() {
    let (rate, service, wait) = (["--rate", "5"], ["--service", "20ms"], ["--wait", "p99:1s"]);
    complains(&[&rate[..], &service].concat(), 2, "--wait");
    complains(&[&rate[..], &wait].concat(), 2, "--service");
    complains(&[&service[..], &wait].concat(), 2, "--rate");
    let all = [&rate[..], &service, &wait].concat();
    for (more, complaint) in [
        (["--rate", "0"], "requests a second"),
        (["--rate", "much"], "requests a second"),
        (["--service", "95%:5ms"], "add up to 95"),
        (["--wait", "99:1s"], "p99:100ms"),
        (["--wait", "p100:1s"], "between p1 and p99.9"),
        (["--wait", "p99:soon"], "`soon` is not a time"),
        (["--cpu-request", "250Mi"], "like 250m or 1"),
        (["--cpu", "120%"], "from 0% to 100%"),
        (["--cpu", "5"], "like 5% or 0.05"),
        (["--cpu", "much"], "a share of the time"),
        (["--nginx", "0"], "--nginx"),
    ] {
        let others = all.chunks(2).filter(|pair| pair[0] != more[0]).flatten();
        let args: Vec<&str> = others.copied().chain(more).collect();
        complains(&args, 2, complaint);
    }
    complains(&[&all[..], &["--log", "-"]].concat(), 2, "--log");
}

#[test]
fn a_demand_that_cannot_be_met_is_told_with_the_reason() {
    let impossible = [
        "--rate",
        "5",
        "--service",
        "exp:200ms",
        "--response",
        "p99:100ms",
    ];
    complains(&impossible, 65, "to compute takes");
    let huge = ["--rate", "4000", "--service", "20s", "--wait", "p50:1s"];
    complains(&huge, 65, "80000.0 lanes would be busy all the time");
    let many = ["--rate", "5000", "--service", "1ms", "--wait", "p50:1s"];
    complains(&many, 65, "in a quarter of an hour: plan for a part");
    let reversed = ["--min-replicas", "9", "--max-replicas", "3"];
    let demand = ["--rate", "5", "--service", "20ms", "--wait", "p90:1s"];
    complains(
        &[&demand[..], &reversed].concat(),
        65,
        "--min-replicas 9 is more",
    );
}

#[test]
fn a_log_that_tells_nothing_is_refused() {
    let wait = ["--wait", "p90:1s"];
    let missing = [&["--log", "/nowhere/at/all"][..], &wait].concat();
    complains(&missing, 65, "/nowhere/at/all: No such file");
    let empty = [&["--log", "-"][..], &wait].concat();
    complains(&empty, 65, "0 lines of requests with `compute_ms`");
}
