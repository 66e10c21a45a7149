//! A running `onelane`, on ports that the system chose: fixed ones collide when tests run at once.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Longer than anything that is waited for can take on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Lane {
    child: Child,
    log: Arc<Log>,
    client: Client,
    pub listen: String,
    pub admin_listen: String,
}

/// What a request came to.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|err| panic!("{err}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The reason of a problem, whose form is checked on the way.
    #[track_caller]
    pub fn reason(&self) -> String {
        let problem = self.json();
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(problem["status"], self.status);
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem["reason"].as_str().unwrap().to_owned()
    }

    /// A part of `Server-Timing`, in milliseconds.
    #[track_caller]
    pub fn timing(&self, name: &str) -> f64 {
        let timings = self
            .header("server-timing")
            .expect("a Server-Timing header");
        let prefix = format!("{name};dur=");
        let mut parts = timings.split(", ");
        let part = parts.find_map(|part| part.strip_prefix(&prefix));
        part.expect("this part").parse().expect("a number")
    }
}

/// The command itself, without anything inherited that could be a setting.
pub fn onelane() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onelane"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONELANE_") {
            command.env_remove(name);
        }
    }
    command
}

impl Lane {
    /// Starts a server with more flags than the two addresses, and waits until it listens.
    pub fn start(flags: &[&str]) -> Self {
        let mut child = onelane()
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(flags)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Log::default());
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let collector = log.clone();
        thread::spawn(move || collector.collect(lines.map_while(Result::ok)));
        let first = log.first();
        assert_eq!(first["message"], "listening", "the first line of the log");
        Self {
            child,
            log,
            client: Client::builder().no_proxy().build().unwrap(),
            listen: first["listen"].as_str().unwrap().to_owned(),
            admin_listen: first["admin_listen"].as_str().unwrap().to_owned(),
        }
    }

    /// A request to the public side.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.listen);
        self.client.request(method, url)
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

    /// Waits until the slot is taken (or free again) and `depth` requests wait.
    pub async fn until(&self, state: &str, depth: u64) {
        let start = Instant::now();
        loop {
            let status = self.status().await;
            if status["slots"][0]["state"] == state && status["queue"]["depth"] == depth {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "not {state}/{depth}: {status}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
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

impl Drop for Lane {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<Value>>,
    grown: Condvar,
}

impl Log {
    fn collect(&self, lines: impl Iterator<Item = String>) {
        for line in lines {
            eprintln!("{line}");
            let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
            self.lines.lock().unwrap().push(line);
            self.grown.notify_all();
        }
    }

    /// The first line, which tells the addresses.
    fn first(&self) -> Value {
        let lines = self.lines.lock().unwrap();
        let missing = |lines: &mut Vec<Value>| lines.is_empty();
        let waited = self.grown.wait_timeout_while(lines, PATIENCE, missing);
        let first = waited.unwrap().0.first().cloned();
        first.expect("a first line")
    }

    fn find(&self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().find(|line| wanted(line)).cloned()
    }
}
