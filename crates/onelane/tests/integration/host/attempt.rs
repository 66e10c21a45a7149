//! An attempt to serve where something may be missing.

use std::io::{BufRead, BufReader, pipe};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Client;
use rustix::process::Signal;
use serde_json::Value;
use tokio::runtime::Builder;

use crate::lane::{self, Mode, PATIENCE, onelane, try_send};

/// What may become of it. Anything else is a failure of the test.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It said that it is ready, answered requests, and ended as it was told to.
    Served,
    /// It never said so, ended with the code for this, and its last words were these.
    Refused(String),
}

/// `EX_OSERR` of sysexits.h: what a mode needs is not there.
const LACKING: i32 = 71;

/// A server that was started and is waited for.
pub struct Attempt {
    server: Child,
    log: mpsc::Receiver<String>,
}

/// A command for a server of this mode, on free ports.
pub fn server(mode: Mode) -> Command {
    server_on(mode, "127.0.0.1:0")
}

/// The same, on ports of this address.
pub fn server_on(mode: Mode, address: &str) -> Command {
    let mut command = onelane();
    command.args(["--mode", &mode.to_string(), "--slots", "1"]);
    command.args(["--listen", address, "--admin-listen", address]);
    // A client whose request cannot be computed is told so within 5 s.
    command.args(["--request-timeout", "5s", "--queue-timeout", "5s"]);
    command
}

impl Attempt {
    /// Has `spawn` start `command`.
    pub fn new(mut command: Command, spawn: impl FnOnce(Command) -> Child) -> Self {
        let (log, there) = pipe().unwrap();
        command.stderr(there);
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(log).lines().map_while(Result::ok);
            lines.for_each(|line| tell.send(line).unwrap_or_default());
        });
        Self {
            server: spawn(command),
            log: told,
        }
    }

    /// Waits for its end, one way or the other. The error says what else has happened.
    pub fn outcome(mut self) -> Result<Outcome, String> {
        let (mut addresses, mut last) = (None, String::new());
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if event["message"] == "listening" {
                let address = |name: &str| event[name].as_str().unwrap().to_owned();
                addresses = Some((address("listen"), address("admin_listen")));
            }
            if event["message"] == "ready" {
                let (listen, admin_listen) = addresses.ok_or("it told no addresses")?;
                return self.use_it(&listen, &admin_listen);
            }
            last = line;
        }
        match self.end()? {
            status if status.code() == Some(LACKING) => Ok(Outcome::Refused(last)),
            status => Err(format!("{status}: {last}")),
        }
    }

    /// Has it serve, then end.
    fn use_it(&mut self, listen: &str, admin_listen: &str) -> Result<Outcome, String> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::builder()
                .no_proxy()
                .timeout(PATIENCE)
                .build()
                .unwrap();
            let public = ["/fast", "/sleep?ms=1", "/fast"].map(|path| (listen, path));
            let admin = ["/readyz", "/status", "/metrics"].map(|path| (admin_listen, path));
            // An address that stands for all is one of IPv4, too, where there is any.
            let port = listen.strip_prefix("[::]:");
            let port = port.filter(|_| TcpListener::bind("127.0.0.1:0").is_ok());
            let ipv4 = port.map(|port| format!("127.0.0.1:{port}"));
            let by_ipv4 = ipv4.iter().map(|listen| (listen.as_str(), "/fast"));
            let urls = [public, admin].into_iter().flatten().chain(by_ipv4);
            for url in urls.map(|(address, path)| format!("http://{address}{path}")) {
                match try_send(client.get(&url)).await {
                    Ok(answer) if answer.status == 200 => {}
                    failed => return Err(format!("ready, and then {url}: {failed:?}")),
                }
            }
            Ok(())
        })?;
        let probe = onelane()
            .args(["probe", "--admin-listen", admin_listen])
            .status();
        if !probe.unwrap().success() {
            return Err("ready, and the probe says no".to_owned());
        }
        lane::signal(self.server.id().into(), Signal::TERM);
        match self.end()? {
            status if status.success() => Ok(Outcome::Served),
            status => Err(format!(
                "{status} after SIGTERM: {:?}",
                self.log.iter().last()
            )),
        }
    }

    fn end(&mut self) -> Result<ExitStatus, String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.server.try_wait().unwrap() {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(2));
        }
        Err("it neither serves nor ends".to_owned())
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}
