//! A program of a service, from its start to its end.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::log::Log;
use super::{Answer, Request};

/// Longer than anything that is waited for takes on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A service that runs. It is killed when this is dropped, and a test that fails shows its log.
#[derive(Debug)]
pub struct Running {
    program: ServiceProcess,
    url: String,
    admin_url: String,
}

/// Apart from the addresses, so that a program which never tells them is killed, too.
#[derive(Debug)]
struct ServiceProcess {
    process: Child,
    log: Log,
}

impl Running {
    #[track_caller]
    pub(super) fn start(command: Command) -> Self {
        let program = ServiceProcess::start(command);
        let (url, admin_url) = program.addresses();
        let running = Self {
            program,
            url,
            admin_url,
        };
        running.wait_until_ready();
        running
    }

    /// Where it takes requests, without a slash at the end: `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its probes, its metrics and its status are.
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// A request with any method, to be sent when it has all that it needs.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("{}{path}", self.url))
    }

    /// The answer to a GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// The answer to a POST with this body.
    #[track_caller]
    pub fn post(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.request("POST", path).body(content_type, body).send()
    }

    /// All that it has logged so far. A line may come a moment later than the answer that it is about: then
    /// [`Self::wait_for_line`] is what you want.
    pub fn log_lines(&self) -> Vec<String> {
        self.program.log.lines()
    }

    /// The first line of its log with `text` in it, as soon as there is one.
    #[track_caller]
    pub fn wait_for_line(&self, text: &str) -> String {
        let has_it = |line: &str| line.contains(text).then(|| line.to_owned());
        let line = self.program.log.wait_for(PATIENCE, has_it);
        line.unwrap_or_else(|| panic!("no line of its log has {text:?} in it"))
    }

    #[track_caller]
    fn wait_until_ready(&self) {
        let start = Instant::now();
        let url = format!("{}/readyz", self.admin_url);
        while Request::new("GET", &url).send().status != 200 {
            assert!(start.elapsed() < PATIENCE, "it does not become ready");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl ServiceProcess {
    #[track_caller]
    fn start(mut command: Command) -> Self {
        // Fixed ports collide when tests run at once.
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut process = command
            .spawn()
            .unwrap_or_else(|err| panic!("{err}: {command:?}"));
        let log = Log::of(process.stderr.take().expect("it is piped"));
        Self { process, log }
    }

    /// The public one and the admin side's, as the log tells them.
    #[track_caller]
    fn addresses(&self) -> (String, String) {
        let told = self.log.wait_for(PATIENCE, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            if line["message"] != "listening" {
                return None;
            }
            let url = |key| Some(format!("http://{}", line[key].as_str()?));
            Some((url("listen")?, url("admin_listen")?))
        });
        told.expect("its log tells where it listens")
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        // Both fail only where it has ended by itself.
        self.process.kill().ok();
        self.process.wait().ok();
        if thread::panicking() {
            for line in self.log.lines() {
                eprintln!("{line}");
            }
        }
    }
}
