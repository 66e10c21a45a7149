use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{plan, run, said};

#[test]
fn the_log_of_a_real_lane_tells_how_long_requests_compute() {
    let (log, times) = log_of_a_lane(120);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), log).unwrap();
    let path = file.path().to_str().unwrap();
    let plan = plan(&["--rate", "20", "--log", path, "--wait", "p90:5ms"]);
    assert_eq!(plan["service"], "120 times from a log");
    let mean = times.iter().sum::<f64>() / 120.0;
    let planned = plan["service_mean_ms"].as_f64().unwrap();
    assert!(
        (planned / mean - 1.0).abs() < 0.01,
        "{planned} instead of {mean}"
    );
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

/// What a lane logs about `requests` requests, and how long each computed by its own account.
fn log_of_a_lane(requests: usize) -> (String, Vec<f64>) {
    let mut lane = Command::new(env!("CARGO_BIN_EXE_primes"))
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(lane.stderr.take().unwrap());
    let mut log = String::new();
    stderr.read_line(&mut log).unwrap();
    let listening: Value = serde_json::from_str(&log).unwrap();
    let url = format!(
        "http://{}/sleep?ms=2",
        listening["listen"].as_str().unwrap()
    );
    let times = (0..requests).map(|_| {
        let answer = minreq::get(&url).send().unwrap();
        let answer: Value = serde_json::from_str(answer.as_str().unwrap()).unwrap();
        answer["elapsed_ms"].as_f64().unwrap()
    });
    let times = times.collect();
    let pid = rustix::process::Pid::from_child(&lane);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    stderr.read_to_string(&mut log).unwrap();
    lane.wait().unwrap();
    (log, times)
}
