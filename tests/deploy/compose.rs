//! The stack in containers, as `make up` starts it, under a project name and a port of its own.

use std::process;

use tokio::process::Command;
use tokio::sync::MutexGuard;
use tokio::task::JoinHandle;

use crate::ask::{Reply, client, get, in_background};
use crate::common::{docker_is_there, eventually, free_port, output, say, turn};
use crate::lane::Lane;
use crate::load::{Load, poisson};

pub(crate) struct Compose {
    pub(crate) base: String,
    project: String,
    port: u16,
    /// Empty for what it is when nobody says.
    mode: String,
    /// Given on last, when everything is down.
    _turn: MutexGuard<'static, ()>,
}

impl Compose {
    /// Nothing where there is no Docker engine.
    pub(crate) async fn up(lanes: usize) -> Option<Self> {
        Self::up_as("", lanes).await
    }

    pub(crate) async fn up_as(mode: &str, lanes: usize) -> Option<Self> {
        let turn = turn().await;
        if !docker_is_there().await {
            return None;
        }
        let port = free_port();
        let stack = Self {
            base: format!("http://127.0.0.1:{port}"),
            project: format!("onelane-test-{}", process::id()),
            port,
            mode: mode.to_owned(),
            _turn: turn,
        };
        output(stack.on_stack("docker/up").env("LANES", lanes.to_string())).await;
        Some(stack)
    }

    /// The command that `make up` names: without `--no-recreate`, images that somebody built anew
    /// meanwhile would replace the whole stack.
    pub(crate) async fn scale(&self, lanes: usize) {
        let mut up = self.on_stack("docker");
        up.args(["compose", "up", "--detach", "--wait", "--no-recreate"]);
        output(up.args(["--scale", &format!("app={lanes}")])).await;
    }

    pub(crate) async fn lanes(&self) -> Vec<Lane> {
        let mut list = self.on_stack("docker");
        let containers = output(list.args(["compose", "ps", "--quiet", "app"])).await;
        let mut inspect = Command::new("docker");
        inspect.args(["inspect", "--format"]);
        inspect.arg(
            "{{.Id}} {{.Config.Hostname}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        );
        let lines = output(inspect.args(containers.lines())).await;
        lines.lines().map(lane).collect()
    }

    /// The lanes that compute, once there are as many as that.
    pub(crate) async fn busy(&self, count: usize) -> Vec<Lane> {
        let lanes = self.lanes().await;
        eventually(&format!("{count} busy lanes"), async || {
            let mut busy = Vec::new();
            for lane in &lanes {
                if lane.is_busy().await {
                    busy.push(lane.clone());
                }
            }
            (busy.len() == count).then_some(busy)
        })
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        get(format!("{}{path}", self.base)).await
    }

    pub(crate) fn get_in_background(&self, path: &str) -> JoinHandle<Reply> {
        in_background(client().get(format!("{}{path}", self.base)))
    }

    /// A steady load of sleeping requests, until it is stopped.
    pub(crate) fn load(&self, rate: f64, sleep_ms: u64) -> Load {
        Load::start(&self.base, poisson(1, rate, move |_| sleep_ms))
    }

    fn on_stack(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("COMPOSE_PROJECT_NAME", &self.project)
            .env("PORT", self.port.to_string())
            .env("MODE", &self.mode)
            .env("ONELANE_MODE", &self.mode);
        command
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        // Not gracefully: after a failed test something may still be running.
        let down = process::Command::new("docker")
            .args(["compose", "down", "--timeout", "1"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("COMPOSE_PROJECT_NAME", &self.project)
            .output();
        let stopped = down.is_ok_and(|output| output.status.success());
        if !stopped {
            say(&format!("could not stop the stack {}", self.project));
        }
    }
}

pub(crate) async fn docker<const N: usize>(arguments: [&str; N]) -> String {
    output(Command::new("docker").args(arguments)).await
}

fn lane(line: &str) -> Lane {
    let mut words = line.split(' ').map(str::to_owned);
    let mut word = || words.next().expect("docker inspect prints three words");
    Lane {
        container: word(),
        host: word(),
        address: word().parse().expect("the third is an address"),
    }
}
