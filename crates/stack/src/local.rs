//! The stack as plain processes on loopback, as `make up` starts it where there is no Docker.

use std::path::Path;
use std::process;

use onelane_tree::SERVICE;
use rustix::process::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::ask::get;
use crate::command::{complaint, output};
use crate::port::free_port;
use crate::skip::say;
use crate::turn::{Turn, turn};
use crate::wait::eventually;

/// A running stack.
pub struct Local {
    /// Where nginx listens.
    pub port: u16,
    /// The same as `http://host:port`.
    pub base: String,
    /// What `local/up` printed.
    pub said: String,
    /// The health of nginx itself.
    pub admin: String,
    /// Where its pids, logs and its copy of nginx/ are. Every other stack on this machine has its own.
    pub run: TempDir,
    _turn: Turn,
}

impl Local {
    /// With so many lanes.
    pub async fn up(lanes: usize) -> Self {
        Self::up_with(lanes, &[]).await
    }

    /// With settings of its lanes: `("ONELANE_MODE", "pool")`.
    pub async fn up_with(lanes: usize, settings: &[(&str, &str)]) -> Self {
        let (stack, mut up) = Self::prepare(lanes).await;
        up.envs(settings.iter().copied());
        stack.start(up).await
    }

    /// Runs what `prepare` has made.
    pub async fn start(mut self, mut up: Command) -> Self {
        let said = output(&mut up).await;
        let admin = said
            .split_once("/stub_status")
            .and_then(|(before, _)| before.rsplit_once(' '));
        let (_, admin) = admin.expect("it tells where nginx counts");
        admin.clone_into(&mut self.admin);
        self.said = said;
        self
    }

    /// One lane behind an nginx with the configuration in this folder: what is said of it. The stack is
    /// for looking at what is left.
    pub async fn refused(nginx: &Path) -> (Self, String) {
        let (stack, mut up) = Self::prepare(1).await;
        let complaint = complaint(up.env("NGINX_DIR", nginx)).await;
        (stack, complaint)
    }

    /// `local/up` once more, told nothing but what the command gets.
    pub fn up_again(&self) -> Command {
        let mut up = Command::new("local/up");
        up.env("RUN_DIR", self.run.path());
        up
    }

    /// What `local/up` would compile, which takes a network, and who may write here.
    pub async fn build() {
        let mut build = Command::new("cargo");
        build.args(["build", "--release", "--locked", "--bin", SERVICE]);
        output(&mut build).await;
    }

    /// A stack that is not there yet, and the command that starts it.
    pub async fn prepare(lanes: usize) -> (Self, Command) {
        let turn = turn().await;
        let port = free_port();
        let stack = Self {
            port,
            base: format!("http://127.0.0.1:{port}"),
            said: String::new(),
            admin: String::new(),
            // Users may give such a name to a folder.
            run: TempDir::with_prefix("it's $HOME, \"sweet\" home ")
                .expect("there is room for temporary files"),
            _turn: turn,
        };
        let mut up = Command::new("local/up");
        up.env("RUN_DIR", stack.run.path());
        up.env("PORT", port.to_string());
        up.env("LANES", lanes.to_string());
        (stack, up)
    }

    /// The processes of this name that it says it has started.
    pub fn pids(&self, name: &str) -> Vec<Pid> {
        let files = std::fs::read_dir(self.run.path()).expect("the folder is ours");
        let files = files.map(|file| file.expect("it can be listed").path());
        let of_name = files.filter(|path| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            file.starts_with(name) && file.ends_with(".pid")
        });
        let read = |path| std::fs::read_to_string(path).expect("it is ours");
        let pid = |path| read(path).trim().parse().ok().and_then(Pid::from_raw);
        of_name
            .map(|path| pid(path).expect("a process id"))
            .collect()
    }

    /// All that its lanes, or its nginx, have said so far.
    pub fn log(&self, name: &str) -> String {
        let path = self.run.path().join(format!("{name}.log"));
        std::fs::read_to_string(path).expect("it is ours")
    }

    /// The lanes that compute, once there are as many as that.
    pub async fn busy(&self, count: usize) -> Vec<String> {
        let lanes: Vec<_> = (1..=self.pids("lane-").len())
            .map(|number| format!("lane-{number}"))
            .collect();
        eventually(&format!("{count} busy lanes"), async || {
            let mut busy = Vec::new();
            for lane in &lanes {
                if self.is_busy(lane).await {
                    busy.push(lane.clone());
                }
            }
            (busy.len() == count).then_some(busy)
        })
        .await
    }

    /// Whether this lane, `lane-1` and so on, computes.
    pub async fn is_busy(&self, lane: &str) -> bool {
        let log = self.log(lane);
        let first = log.lines().next().map(serde_json::from_str::<Value>);
        let first = first.expect("it listens").expect("its log is JSON");
        let admin = first["admin_listen"].as_str().expect("an address");
        get(format!("http://{admin}/status")).await.json["slots"][0]["state"] == "busy"
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let down = process::Command::new("local/down")
            .current_dir(onelane_tree::root())
            .env("RUN_DIR", self.run.path())
            .output();
        if !down.is_ok_and(|output| output.status.success()) {
            say(&format!("could not stop the stack at {}", self.base));
        }
    }
}
