//! The real program: flowers, what is none, and a Python that hangs or dies.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use onelane::testing::{self, Answer, Running};
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

/// The program.
const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// Longer than anything that is waited for takes on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A service with a temporary folder of its own, by which its programs are known.
struct Lane {
    service: Running,
    folder: TempDir,
}

impl Lane {
    /// None where there is no scikit-learn, which is a failure where all has to be tested.
    fn start(mode: &str) -> Option<Self> {
        let mut python = testing::command("python3");
        let import = python.args(["-c", "import sklearn"]).output();
        if !import.is_ok_and(|output| output.status.success()) {
            assert!(std::env::var_os("CI").is_none(), "python3 has no sklearn");
            eprintln!("NOT TESTED: python3 has no sklearn");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let variable = format!("TMPDIR={}", folder.path().display());
        let slots = if mode == "blocking" { "1" } else { "2" };
        // A new Python takes its time on a slow machine.
        let flags = [
            &variable,
            BINARY,
            "--mode",
            mode,
            "--slots",
            slots,
            "--queue-timeout",
            "1m",
        ];
        let service = testing::start_with("env", &flags);
        Some(Self { service, folder })
    }

    fn ask(&self, lengths: [f64; 4]) -> Answer {
        self.ask_within("30", lengths)
    }

    /// With so many seconds for the answer.
    fn ask_within(&self, seconds: &str, lengths: [f64; 4]) -> Answer {
        let [sepal_length, sepal_width, petal_length, petal_width] = lengths;
        let flower = json!({
            "sepal_length": sepal_length,
            "sepal_width": sepal_width,
            "petal_length": petal_length,
            "petal_width": petal_width,
        });
        let request = self
            .service
            .request("POST", "/iris")
            .header("X-Timeout", seconds);
        request.body("application/json", flower.to_string()).send()
    }

    #[track_caller]
    fn knows_a_flower(&self) {
        let answer = self.ask([5.1, 3.5, 1.4, 0.2]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["species"], "setosa");
        assert!(answer.json()["probabilities"]["setosa"].as_f64() > Some(0.9));
    }

    /// The process ids of its Pythons, each of which runs in a folder of its own.
    fn pythons(&self) -> Vec<String> {
        let is_here = |process: &Path| {
            let place = fs::read_link(process.join("cwd"));
            place.is_ok_and(|place| place.starts_with(self.folder.path()))
        };
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let pythons = processes.filter(|process| is_here(&process.path()));
        pythons
            .map(|process| process.file_name().into_string().unwrap())
            .collect()
    }

    /// The only one.
    #[track_caller]
    fn python(&self) -> String {
        let pythons = self.pythons();
        assert_eq!(pythons.len(), 1, "{pythons:?}");
        pythons[0].clone()
    }
}

#[track_caller]
fn signal(process: &str, name: &str) {
    let kill = format!("kill -{name} {process}");
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
}

#[track_caller]
fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "it does not come to that");
        thread::sleep(Duration::from_millis(2));
    }
}

#[rstest]
fn flowers_are_known(#[values("blocking", "threads", "fork", "pool", "cluster")] mode: &str) {
    let Some(lane) = Lane::start(mode) else {
        return;
    };
    lane.knows_a_flower();
}

#[test]
fn whatever_else_is_asked_is_told_why_not() {
    let Some(lane) = Lane::start("blocking") else {
        return;
    };
    let answer = lane.ask([60.0, 3.5, 1.4, 0.2]);
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(answer.json()["reason"], "no_iris");
    assert_eq!(
        answer.json()["detail"],
        "sepal_length: must be above 0 and at most 30 cm"
    );
    let python = lane.python();
    for flower in [
        r#"{"sepal_length":1}"#,
        r#"{"sepal_length":"\n"}"#,
        "[1,2,3,4]",
        "{",
    ] {
        let answer = lane.service.post("/iris", "application/json", flower);
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    assert_eq!(lane.python(), python, "it is still the same");
}

#[test]
fn a_python_that_hangs_costs_one_request() {
    let Some(lane) = Lane::start("blocking") else {
        return;
    };
    let hanging = lane.python();
    signal(&hanging, "STOP");
    let answer = lane.ask_within("1", [5.1, 3.5, 1.4, 0.2]);
    assert_eq!(answer.status, 504, "{}", answer.text());
    lane.knows_a_flower();
    assert_ne!(lane.python(), hanging);
}

#[test]
fn a_python_that_dies_is_replaced() {
    let Some(lane) = Lane::start("blocking") else {
        return;
    };
    let dead = lane.python();
    signal(&dead, "KILL");
    wait_until(|| lane.pythons().iter().any(|python| *python != dead));
    lane.knows_a_flower();
    assert_ne!(lane.python(), dead);
}

#[test]
fn a_python_ends_with_its_lane() {
    let Some(lane) = Lane::start("blocking") else {
        return;
    };
    lane.python();
    let Lane { service, folder } = lane;
    let is_here = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut places = processes.map(|process| fs::read_link(process.path().join("cwd")));
        places.any(|place| place.is_ok_and(|place| place.starts_with(folder.path())))
    };
    drop(service);
    wait_until(|| !is_here());
}

#[test]
fn without_python_there_is_no_service() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut program = testing::command(BINARY);
    program
        .env("PATH", nowhere.path())
        .args(["--log-level", "error"]);
    program.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let output = program.output().unwrap();
    // That of a workload that cannot be loaded.
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.contains("the workload `iris`: python3: "), "{line}");
}
