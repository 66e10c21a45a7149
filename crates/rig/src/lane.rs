//! A running service, on ports that the system chose: fixed ones collide when tests run at once.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, pipe};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::PATIENCE;
use crate::answer::{Answer, send};
use crate::log::{Log, Unread};

/// A running server, which is killed when this is dropped.
pub struct Lane {
    child: Child,
    log: Arc<Log>,
    client: Client,
    /// Workers tell their numbers to the parent of a cluster, which takes a moment.
    is_cluster: bool,
    /// The public address, as `host:port`.
    pub listen: String,
    /// The address of probes, metrics and status.
    pub admin_listen: String,
}

/// A program of the engine, without anything inherited that could be a setting.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if ["ONELANE_", "OTEL_"]
            .iter()
            .any(|of| name_text.starts_with(of))
        {
            command.env_remove(name);
        }
    }
    command
}

impl Lane {
    /// Starts a server by a command that is, or becomes, a program of the engine, and waits until it is ready.
    pub fn run(command: Command) -> Self {
        let lane = Self::begin(command);
        lane.log.wait_for(|line| line["message"] == "ready");
        lane
    }

    /// The same without a wait for more than its addresses.
    pub fn begin(command: Command) -> Self {
        Self::logging_to(pipe().unwrap(), command)
    }

    /// The same with a pipe for its log.
    pub fn logging_to((log, stderr): (PipeReader, PipeWriter), mut command: Command) -> Self {
        let child = command
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .stderr(stderr)
            .spawn()
            .unwrap();
        // The end of the pipe that is written to is the child's alone.
        drop(command);
        let lines = BufReader::new(log).lines();
        let log = Arc::new(Log::default());
        let collector = log.clone();
        thread::spawn(move || collector.collect(lines.map_while(Result::ok)));
        let first = log.first();
        assert_eq!(first["message"], "listening", "the first line of the log");
        Self {
            child,
            log,
            client: Client::builder().no_proxy().build().unwrap(),
            is_cluster: first["mode"] == "cluster",
            listen: first["listen"].as_str().unwrap().to_owned(),
            admin_listen: first["admin_listen"].as_str().unwrap().to_owned(),
        }
    }

    /// The process that was started.
    pub fn pid(&self) -> u64 {
        self.child.id().into()
    }

    /// A request to the public side.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.listen);
        self.client.request(method, url)
    }

    /// A GET as nginx passes it on: to be held for so long.
    pub fn held(&self, path: &str, ms: &str) -> RequestBuilder {
        let request = self.request(Method::GET, path);
        let request = request.header("x-lane-protocol", "2");
        request.header("x-lane-hold-ms", ms)
    }

    /// A GET of the public side.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// A POST of JSON to the public side.
    pub async fn post(&self, path: &str, json: &str) -> Answer {
        let request = self.request(Method::POST, path);
        let request = request.header("content-type", "application/json");
        send(request.body(json.to_owned())).await
    }

    /// A GET of the admin side.
    pub async fn admin(&self, path: &str) -> Answer {
        let url = format!("http://{}{path}", self.admin_listen);
        send(self.client.get(url)).await
    }

    /// Its `/status`.
    pub async fn status(&self) -> Value {
        self.admin("/status").await.json()
    }

    /// The value of one series, named with its labels; 0 where it does not exist yet.
    pub async fn metric(&self, series: &str) -> f64 {
        let text = self.admin("/metrics").await.text;
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a series has this value: of a cluster; of any other server it has it at once.
    #[expect(clippy::float_cmp, reason = "series count in whole numbers")]
    pub async fn counted(&self, series: &str, value: f64) {
        let start = Instant::now();
        loop {
            let now = self.metric(series).await;
            if now == value {
                return;
            }
            let wait = self.is_cluster && start.elapsed() < PATIENCE;
            assert!(wait, "{series} is {now}, not {value}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until `wanted` is true of the status.
    pub async fn until_status(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let status = self.status().await;
            if wanted(&status) {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "not as wanted: {status}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until a process or thread computes on each of so many slots.
    pub async fn until_busy(&self, count: usize) -> Value {
        let computes = |slot: &&Value| slot["state"] == "busy" && slot["pid"].is_u64();
        let busy = |status: &Value| {
            let slots = status["slots"].as_array().unwrap();
            slots.iter().filter(computes).count()
        };
        self.until_status(|status| busy(status) == count).await
    }

    /// Waits until a single process computes, which is returned.
    pub async fn until_computing(&self) -> u64 {
        let status = self.until_busy(1).await;
        let mut slots = status["slots"].as_array().unwrap().iter();
        let busy = slots.find(|slot| slot["state"] == "busy").unwrap();
        busy["pid"].as_u64().unwrap()
    }

    /// Waits until it says that it is ready.
    pub async fn until_ready(&self) {
        self.until_status(|status| status["phase"] == "serving")
            .await;
    }

    /// Waits until the slot is taken (or free again) and `depth` requests wait.
    pub async fn until(&self, state: &str, depth: u64) {
        self.until_status(|status| {
            status["slots"][0]["state"] == state && status["queue"]["depth"] == depth
        })
        .await;
    }

    /// Sends a signal to the process that was started.
    pub fn signal(&self, signal: Signal) {
        self::signal(self.pid(), signal);
    }

    /// Waits for a line of the log.
    pub async fn logged(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            if let Some(line) = self.log.find(&wanted) {
                return line;
            }
            assert!(start.elapsed() < PATIENCE, "never logged");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until there are so many such lines.
    pub async fn logged_times(&self, times: usize, wanted: impl Fn(&Value) -> bool) {
        let start = Instant::now();
        while self.log.filter(&wanted).len() < times {
            assert!(start.elapsed() < PATIENCE, "not logged {times} times");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The log is not read until the result is dropped.
    pub fn unread(&self) -> Unread {
        Unread::new(&self.log)
    }

    /// All lines of the log so far that are `wanted`.
    pub fn log(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.log.filter(wanted)
    }

    /// Waits until that process has ended, and tells how.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Sends a signal to a process that a test may disturb.
#[track_caller]
pub fn signal(pid: u64, signal: Signal) {
    let pid = pid.try_into().ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a process id"), signal).unwrap();
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
