//! What a program costs a request: `true` through a lane, beside the same program started by this process, and beside a
//! request without any. `make bench BENCH=program`

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use onelane_lab::release;

const ROUNDS: usize = 300;

fn main() {
    let mut lane = Command::new(release::build_drills().unwrap())
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(lane.stderr.take().unwrap()).lines();
    let first: serde_json::Value = serde_json::from_str(&log.next().unwrap().unwrap()).unwrap();
    let at = format!("http://{}", first["listen"].as_str().unwrap());
    log.find(|line| line.as_ref().is_ok_and(|line| line.contains("\"ready\"")));
    // Reads the rest of the log, so that the pipe does not fill up.
    std::thread::spawn(move || log.for_each(drop));

    let ask = |request: minreq::Request| assert_eq!(request.send().unwrap().status_code, 200);
    let none = || ask(minreq::get(format!("{at}/wait?ms=0")));
    let kept = || {
        let request = minreq::post(format!("{at}/run?program=true&script="));
        ask(request.with_header("Content-Type", "text/plain"));
    };
    let bare = || assert!(Command::new("true").status().unwrap().success());
    for (what, run) in [
        ("a request without a program", &none as &dyn Fn()),
        ("a program, started here", &bare),
        ("a request with a program", &kept),
    ] {
        println!("{:>8.2} ms  {what}", median(run).as_secs_f64() * 1000.0);
    }
    lane.kill().unwrap();
    lane.wait().unwrap();
}

fn median(run: &dyn Fn()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}
