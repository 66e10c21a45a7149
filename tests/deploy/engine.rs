//! A Docker engine of the test's own, which may lose its power. It has namespaces of its own, so that its end is
//! the end of all that it runs; and an empty /run each time, as a machine that boots.

use std::path::PathBuf;
use std::process::{self, Stdio};

use onelane_stack::{output, say, skip};
use rustix::process::geteuid;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

pub(crate) struct Engine {
    files: TempDir,
    /// Of the program that keeps the namespaces.
    running: Option<Child>,
}

impl Engine {
    /// Nothing where that cannot be had.
    pub(crate) async fn boot() -> Option<Self> {
        let files = TempDir::new().expect("there is room for temporary files");
        let path = |name: &str| files.path().join(name);
        let config = json!({
            "data-root": path("data"),
            "exec-root": "/run/docker",
            "pidfile": "/run/docker.pid",
            "hosts": [format!("unix://{}", path("socket").display())],
            // There is no systemd in there to ask.
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
        });
        std::fs::write(path("daemon.json"), config.to_string()).expect("the folder is ours");
        let mut engine = Self {
            files,
            running: None,
        };
        if engine.start().await {
            return Some(engine);
        }
        let log = std::fs::read_to_string(engine.path("log")).unwrap_or_default();
        let why = log.lines().last().unwrap_or_default();
        skip(&format!(
            "an engine of its own takes dockerd, unshare, and root or sudo without a password: {why}"
        ));
        None
    }

    /// Whether it answers.
    pub(crate) async fn start(&mut self) -> bool {
        let script = "echo $$ >pid; exec unshare --net --mount --pid --fork --kill-child sh -c '
            mount -t proc proc /proc && mount -t tmpfs tmpfs /run && ip link set lo up &&
            exec dockerd --config-file daemon.json' >>log 2>&1";
        let mut start = Command::from(as_root("sh"));
        start.args(["-c", script]).current_dir(self.files.path());
        start.stdin(Stdio::null()).stderr(Stdio::null());
        let mut running = start.spawn().expect("there is a shell, or sudo");
        loop {
            let asked = self.docker().arg("info").output().await;
            if asked.is_ok_and(|output| output.status.success()) {
                self.running = Some(running);
                return true;
            }
            if running.try_wait().expect("it is ours").is_some() {
                return false;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// As a host does that is told to.
    pub(crate) async fn shut_down(&mut self) {
        self.end("pkill --signal TERM --parent").await;
    }

    /// As a host does whose power is gone: the namespace ends with the program that keeps it.
    pub(crate) async fn lose_power(&mut self) {
        self.end("kill -s KILL").await;
    }

    async fn end(&mut self, signal: &str) {
        let mut kill = as_root("sh");
        let pid = self.path("pid");
        kill.args(["-c", &format!("{signal} $(cat {})", pid.display())]);
        output(&mut kill.into()).await;
        let running = self.running.as_mut().expect("it has started");
        running.wait().await.expect("it is ours");
    }

    /// The client, which asks this engine.
    pub(crate) fn docker(&self) -> Command {
        let mut docker = Command::new("docker");
        docker.env("DOCKER_HOST", self.address());
        docker
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.path("socket").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let script = "[ ! -e pid ] || kill -s KILL $(cat pid); rm -rf data";
        let mut end = as_root("sh");
        end.args(["-c", script]).current_dir(self.files.path());
        if !end.status().is_ok_and(|status| status.success()) {
            say(&format!("could not remove {}", self.files.path().display()));
        }
    }
}

/// A program that runs as root: by sudo, unless the test is root.
pub(crate) fn as_root(program: &str) -> process::Command {
    if geteuid().is_root() {
        return process::Command::new(program);
    }
    let mut sudo = process::Command::new("sudo");
    sudo.args(["-n", program]);
    sudo
}
