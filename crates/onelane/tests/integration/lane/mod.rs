//! A running service, on ports that the system chose: fixed ones collide when tests run at once.

mod answer;
mod log;
mod mode;

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, pipe};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

pub use answer::{Answer, send, try_send};
use log::{Log, Unread};
pub use mode::Mode;

/// Longer than anything that is waited for can take on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Lane {
    child: Child,
    log: Arc<Log>,
    client: Client,
    /// Workers tell their numbers to the parent of a cluster, which takes a moment.
    is_cluster: bool,
    pub listen: String,
    pub admin_listen: String,
}

/// The command itself, without anything inherited that could be a setting.
pub fn onelane() -> Command {
    let mut command = Command::new(crate::BINARY);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONELANE_") {
            command.env_remove(name);
        }
    }
    command
}

/// The same for a service that has a workload with state.
pub fn stateful() -> Command {
    let mut command = onelane();
    command.env("WITH_STATE", "1");
    command
}

impl Lane {
    /// Starts a server with more flags than the two addresses, and waits until it is ready.
    pub fn start(flags: &[&str]) -> Self {
        let mut command = onelane();
        command.args(flags);
        Self::run(command)
    }

    /// The same for a command that is, or becomes, `onelane`.
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

    /// One that computes a single request at a time, in this mode.
    pub fn of(mode: Mode, flags: &[&str]) -> Self {
        Self::with_slots(mode, 1, flags)
    }

    /// One that computes up to `slots` requests at once.
    pub fn with_slots(mode: Mode, slots: usize, flags: &[&str]) -> Self {
        let (mode, slots) = (mode.to_string(), slots.to_string());
        Self::start(&[&["--mode", &mode, "--slots", &slots], flags].concat())
    }

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

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, json: &str) -> Answer {
        let request = self.request(Method::POST, path);
        let request = request.header("content-type", "application/json");
        send(request.body(json.to_owned())).await
    }

    pub async fn admin(&self, path: &str) -> Answer {
        let url = format!("http://{}{path}", self.admin_listen);
        send(self.client.get(url)).await
    }

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

    /// Waits until somebody computes on so many slots.
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

    /// Has nobody read the log, until this is dropped.
    pub fn unread(&self) -> Unread {
        Unread::new(&self.log)
    }

    /// All lines of the log so far that are `wanted`.
    pub fn log(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.log.filter(wanted)
    }

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

/// A client that has begun to send a body and does not go on, once the server has noticed it.
pub async fn stall(lane: &Lane) -> TcpStream {
    let mut client = TcpStream::connect(&lane.listen).await.unwrap();
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    client.write_all(head.as_bytes()).await.unwrap();
    let start = Instant::now();
    while lane.metric("http_requests_in_flight").await < 1.0 {
        assert!(start.elapsed() < PATIENCE, "nobody reads it");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    client
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
