//! The clock of the host is set while requests wait and compute. It is never really set: a library tells the
//! processes of the server another time.
//!
//! Elsewhere waits became negative or an hour long, and everything that waited timed out. Right is that no client
//! notices: the server measures with the monotonic clock, which cannot be set.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Method;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use crate::faults::skip;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{Answer, Lane, onelane, send};

const HOUR: f64 = 3600.0;

/// Where the library is. None, and said so, where it cannot be had.
fn library() -> Option<&'static PathBuf> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/host");
        let mut install = Command::new(folder.join("install-libfaketime"));
        let output = install.stderr(Stdio::inherit()).output().unwrap();
        let path = String::from_utf8(output.stdout).unwrap();
        output.status.success().then(|| path.trim().into())
    });
    if library.is_none() {
        skip("there is no libfaketime");
    }
    library.as_ref()
}

/// What the processes of a server take for the time.
struct Clock(TempDir);

impl Clock {
    fn new() -> Self {
        let clock = Self(tempfile::tempdir().unwrap());
        clock.set(0.0);
        clock
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("offset")
    }

    /// Sets it to so many seconds after the real time, for every process that looks from now on.
    fn set(&self, ahead: f64) {
        let next = self.0.path().join("next");
        fs::write(&next, format!("{ahead:+}\n")).unwrap();
        fs::rename(next, self.file()).unwrap();
    }

    fn start(&self, library: &Path, mode: Mode) -> Lane {
        let mut command = onelane();
        command.args(["--mode", &mode.to_string(), "--slots", "1"]);
        command.env("LD_PRELOAD", library);
        command.env("FAKETIME_TIMESTAMP_FILE", self.file());
        command.envs([("FAKETIME_NO_CACHE", "1"), ("DONT_FAKE_MONOTONIC", "1")]);
        Lane::run(command)
    }
}

fn now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("t={:.3}", now.as_secs_f64())
}

/// A request of a balancer whose clock is right.
async fn get(lane: &Lane, path: &str) -> Answer {
    let request = lane.request(Method::GET, path);
    send(request.header("x-request-start", now())).await
}

/// The same of one that lets it wait here.
async fn held(lane: &Lane, path: &str) -> Answer {
    let request = lane.held(path, "9000");
    send(request.header("x-request-start", now())).await
}

/// That it was served, and that the times in it can be.
fn assert_sane(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    for name in ["queue", "compute"] {
        let time = answer.timing(name);
        assert!((0.0..60_000.0).contains(&time), "{name}: {time} ms");
    }
}

/// The time of a line of the log, in seconds after the real one.
fn ahead(line: &Value) -> f64 {
    let time = line["timestamp"].as_str().unwrap();
    let output = Command::new("date")
        .args(["+%s", "-d", time])
        .output()
        .unwrap();
    let seconds: f64 = String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    seconds - now.as_secs_f64()
}

#[rstest]
#[tokio::test]
async fn a_clock_that_is_set_while_requests_wait_and_compute_changes_nothing(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
    #[values(HOUR, -HOUR)] step: f64,
) {
    let Some(library) = library() else { return };
    let clock = Clock::new();
    let lane = clock.start(library, mode);
    assert_sane(&get(&lane, "/fast").await);

    let set = async {
        lane.until("busy", 2).await;
        clock.set(step);
        let status = lane.status().await;
        assert!(status["uptime_seconds"].as_u64().unwrap() < 60);
        for age in [
            &status["slots"][0]["request_age_ms"],
            &status["queue"]["oldest_wait_ms"],
        ] {
            assert!(age.as_u64().is_some_and(|ms| ms < 60_000), "{status}");
        }
    };
    let waiting = async {
        lane.until("busy", 0).await;
        tokio::join!(get(&lane, "/fast"), held(&lane, "/fast"))
    };
    let (computing, (waiting, held_here), ()) =
        tokio::join!(get(&lane, "/sleep?ms=1500"), waiting, set);
    for answer in [computing, waiting, held_here] {
        assert_sane(&answer);
    }
    // It is that far off now, and then back again.
    for step in [step, 0.0] {
        clock.set(step);
        let waiting = async {
            lane.until("busy", 0).await;
            get(&lane, "/fast").await
        };
        let (computing, waiting) = tokio::join!(get(&lane, "/sleep?ms=200"), waiting);
        assert_sane(&computing);
        assert_sane(&waiting);
        for path in ["/livez", "/readyz"] {
            assert_eq!(lane.admin(path).await.status, 200);
        }
    }
    let requests = |line: &Value| line["message"] == "request";
    lane.logged_times(8, requests).await;
    let lines = lane.log(requests);
    assert!(
        lines
            .iter()
            .any(|line| (ahead(line) - step).abs() < HOUR / 2.0),
        "no request has seen another time"
    );
    for line in lines {
        for name in ["duration_ms", "queue_ms", "compute_ms"] {
            let time = line[name].as_f64().unwrap_or_default();
            assert!((0.0..60_000.0).contains(&time), "{line}");
        }
    }
    assert!(lane.log(|line| line["level"] == "ERROR").is_empty());
    for line in lane.admin("/metrics").await.text.lines() {
        let Some((series, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let value: f64 = value.parse().unwrap();
        assert!(value >= 0.0, "{line}");
        let is_time = series.contains("_seconds_sum") || series.contains("_seconds_total");
        assert!(!is_time || value < 60.0, "{line}");
    }
}
