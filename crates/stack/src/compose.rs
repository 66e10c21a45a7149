//! The stack in containers, as `make up` starts it, under a project name and a port of its own.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::{self, Stdio};

use onelane_load::{Load, poisson};
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::ask::{Reply, client, get, in_background};
use crate::command::{attempt, complaint, output};
use crate::container::Lane;
use crate::port::free_port;
use crate::prometheus::Prometheus;
use crate::skip::{docker_is_there, say};
use crate::turn::{Turn, turn};
use crate::wait::eventually;

/// The file that overrides compose.yaml.
const CHANGES: &str = "changes.yaml";

/// A running stack, or what is left of one.
pub struct Compose {
    /// Where nginx listens: `http://host:port`.
    pub base: String,
    /// What the command that started it printed.
    pub said: String,
    /// The name of its Compose project.
    pub project: String,
    port: u16,
    /// Empty for the default.
    mode: String,
    /// What differs from compose.yaml.
    changes: Option<TempDir>,
    watch: Option<Watch>,
    /// Given on last, when everything is down.
    _turn: Turn,
}

/// What it takes to watch the lanes with Prometheus.
struct Watch {
    prometheus: u16,
    grafana: u16,
}

impl Compose {
    /// Nothing where there is no Docker engine.
    pub async fn up(lanes: usize) -> Option<Self> {
        Self::up_as("", lanes).await
    }

    /// In this mode; an empty one is the default mode of lanes.
    pub async fn up_as(mode: &str, lanes: usize) -> Option<Self> {
        let mut stack = Self::prepare(mode, None, None).await?;
        stack.said = output(stack.up_command().env("LANES", lanes.to_string())).await;
        Some(stack)
    }

    /// With settings of the script: `("CACHE", "16m")`.
    pub async fn up_with(lanes: usize, settings: &[(&str, &str)]) -> Option<Self> {
        let mut stack = Self::prepare("", None, None).await?;
        let mut up = stack.up_command();
        up.env("LANES", lanes.to_string())
            .envs(settings.iter().copied());
        stack.said = output(&mut up).await;
        Some(stack)
    }

    /// With services that are not quite those of compose.yaml.
    pub async fn up_changed(lanes: usize, services: &Value) -> Option<Self> {
        let mut stack = Self::prepare("", Some(change(services)), None).await?;
        stack.said = output(stack.up_command().env("LANES", lanes.to_string())).await;
        Some(stack)
    }

    /// One lane, by a whole file beside compose.yaml.
    pub async fn up_beside(changes: &Value) -> Option<Self> {
        let mut stack = Self::prepare("", Some(write(changes)), None).await?;
        stack.said = output(stack.up_command().env("LANES", "1")).await;
        Some(stack)
    }

    /// One lane behind an nginx with another file of this name, and what is said of it.
    pub async fn refused(name: &str, text: &str) -> Option<(Self, String)> {
        let changes = replace_in_nginx(name, text);
        let stack = Self::prepare("", Some(changes), None).await?;
        let complaint = complaint(stack.up_command().env("LANES", "1")).await;
        Some((stack, complaint))
    }

    /// Lanes with these settings, and a Prometheus that looks every second.
    pub async fn watched(lanes: usize, settings: &str) -> Option<(Self, Prometheus)> {
        let changes = watch_closely(settings);
        let watch = Watch {
            prometheus: free_port(),
            grafana: free_port(),
        };
        let prometheus = Prometheus::on(watch.prometheus);
        let stack = Self::prepare("", Some(changes), Some(watch)).await?;
        output(stack.up_command().env("LANES", lanes.to_string())).await;
        Some((stack, prometheus))
    }

    /// From now on, its services are not quite those of compose.yaml.
    pub fn change(&mut self, services: &Value) {
        self.changes = Some(change(services));
    }

    /// By the script of another checkout: one lane with a cache, and Prometheus.
    pub async fn up_from(script: &Path) -> Option<(Self, Prometheus)> {
        let watch = Watch {
            prometheus: free_port(),
            grafana: free_port(),
        };
        let prometheus = Prometheus::on(watch.prometheus);
        let stack = Self::prepare("", None, Some(watch)).await?;
        let mut up = stack.on_stack(&script.to_string_lossy());
        output(up.envs([("LANES", "1"), ("CACHE", "16m")])).await;
        Some((stack, prometheus))
    }

    /// Not started yet.
    async fn prepare(mode: &str, changes: Option<TempDir>, watch: Option<Watch>) -> Option<Self> {
        let turn = turn().await;
        if !docker_is_there().await {
            return None;
        }
        let port = free_port();
        Some(Self {
            base: format!("http://127.0.0.1:{port}"),
            said: String::new(),
            project: format!("lanes-test-{}-{port}", process::id()),
            port,
            mode: mode.to_owned(),
            changes,
            watch,
            _turn: turn,
        })
    }

    /// `make up` once more, told nothing but what the command gets.
    pub fn up_again(&self) -> Command {
        let mut up = self.up_command();
        up.env_remove("PORT");
        up
    }

    fn up_command(&self) -> Command {
        self.on_stack("docker/up")
    }

    /// `make reload`.
    pub fn reload_command(&self) -> Command {
        self.on_stack("docker/reload")
    }

    /// `make autoscale`.
    pub fn autoscale_command(&self) -> Command {
        self.on_stack("docker/autoscale")
    }

    /// `make down`, and nothing else is asked.
    pub fn down_command(&self) -> Command {
        self.on_stack("docker/down")
    }

    /// The command that `make up` names: without `--no-recreate`, Compose would replace the whole stack
    /// if its images were rebuilt meanwhile.
    pub async fn scale(&self, lanes: usize) {
        let mut up = self.on_stack("docker");
        up.args(["compose", "up", "--detach", "--wait", "--no-recreate"]);
        output(up.args(["--scale", &format!("app={lanes}")])).await;
    }

    /// Writes down all that its containers log from now on, also those that are gone later.
    pub fn follow_log(&self) -> FollowedLog {
        let file = NamedTempFile::new().expect("there is room for temporary files");
        let mut follow = self.on_stack("docker");
        follow.args(["compose", "logs", "--follow", "--no-log-prefix"]);
        let written = file.reopen().expect("it is ours");
        let follow = follow.stdout(written).stderr(Stdio::null()).spawn();
        FollowedLog {
            follow: follow.expect("there is a docker"),
            file,
        }
    }

    /// `make down`, after which nothing is left. The whole log.
    pub async fn down(self, mut log: FollowedLog) -> String {
        output(&mut self.on_stack("docker/down")).await;
        log.follow.wait().await.expect("it is ours");
        let of_project = format!("label=com.docker.compose.project={}", self.project);
        for kind in ["container", "network", "volume"] {
            let left = docker([kind, "ls", "--quiet", "--filter", &of_project]).await;
            assert_eq!(left, "", "a {kind} is left");
        }
        fs::read_to_string(log.file.path()).expect("it is ours")
    }

    /// Where Grafana is, if it is: where no registry can be reached there is none.
    pub async fn grafana(&self) -> Option<String> {
        let mut list = self.on_stack("docker");
        let containers = output(list.args([
            "compose",
            "--profile=monitoring",
            "ps",
            "--quiet",
            "grafana",
        ]))
        .await;
        let port = self.watch.as_ref()?.grafana;
        (!containers.is_empty()).then(|| format!("http://127.0.0.1:{port}"))
    }

    /// The lanes that run.
    pub async fn lanes(&self) -> Vec<Lane> {
        self.containers("app").await
    }

    /// Its nginx.
    pub async fn nginx(&self) -> Nginx {
        let Lane {
            container, address, ..
        } = self.containers("nginx").await.remove(0);
        Nginx { container, address }
    }

    async fn containers(&self, service: &str) -> Vec<Lane> {
        let lines = eventually("containers that stay", async || {
            let mut list = self.on_stack("docker");
            let containers = output(list.args(["compose", "ps", "--quiet", service])).await;
            let mut inspect = Command::new("docker");
            inspect.args(["inspect", "--format"]);
            inspect.arg(
                "{{.Id}} {{.Config.Hostname}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
            );
            // It fails where one has gone since.
            attempt(inspect.args(containers.lines())).await
        })
        .await;
        // One that is going has no address any more.
        let there = lines
            .lines()
            .filter(|line| line.split_whitespace().count() == 3);
        there.map(lane).collect()
    }

    /// The lanes that compute, once there are as many as that.
    pub async fn busy(&self, count: usize) -> Vec<Lane> {
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

    /// Asks nginx.
    pub async fn get(&self, path: &str) -> Reply {
        get(format!("{}{path}", self.base)).await
    }

    /// Asks nginx while the test goes on. Abort the task and the client leaves.
    pub fn get_in_background(&self, path: &str) -> JoinHandle<Reply> {
        in_background(client().get(format!("{}{path}", self.base)))
    }

    /// A steady load of sleeping requests, until it is stopped.
    pub fn load(&self, rate: f64, sleep_ms: u64) -> Load {
        Load::start(&self.base, poisson(1, rate, move |_| sleep_ms))
    }

    /// A command that finds this stack in its environment.
    pub fn on_stack(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("COMPOSE_PROJECT_NAME", &self.project)
            .env("PORT", self.port.to_string())
            .env("MODE", &self.mode)
            .env("ONELANE_MODE", &self.mode);
        if let Some(changes) = &self.changes {
            let files = format!("compose.yaml:{}/{CHANGES}", changes.path().display());
            command.env("COMPOSE_FILE", files);
        }
        if let Some(watch) = &self.watch {
            command
                .env("MONITORING", "1")
                .env("PROMETHEUS_PORT", watch.prometheus.to_string())
                .env("GRAFANA_PORT", watch.grafana.to_string());
        }
        command
    }
}

/// Grows until the stack is down.
pub struct FollowedLog {
    follow: Child,
    file: NamedTempFile,
}

impl Drop for Compose {
    fn drop(&mut self) {
        // Not gracefully: after a failed test something may still be running.
        let down = process::Command::new("docker")
            .args(["compose", "--profile", "monitoring", "down"])
            .args(["--timeout", "1", "--volumes"])
            .current_dir(onelane_tree::root())
            .env("COMPOSE_PROJECT_NAME", &self.project)
            .output();
        let stopped = down.is_ok_and(|output| output.status.success());
        if !stopped {
            say(&format!("could not stop the stack {}", self.project));
        }
    }
}

/// A container of nginx, whose second port only this machine can reach.
pub struct Nginx {
    /// Its id.
    pub container: String,
    /// In the network of the stack.
    pub address: IpAddr,
}

impl Nginx {
    /// Asks one of its ports.
    pub async fn get(&self, port: u64, path: &str) -> Reply {
        get(format!("http://{}:{port}{path}", self.address)).await
    }

    /// How often Docker has started it anew.
    pub async fn restarts(&self) -> String {
        docker(["inspect", "--format", "{{.RestartCount}}", &self.container]).await
    }

    /// The titles of its processes.
    pub async fn processes(&self) -> Vec<String> {
        let table = docker(["top", &self.container, "-o", "pid,args"]).await;
        let rows = table.lines().skip(1).map(str::trim_start);
        let titles = rows.filter_map(|row| row.split_once(' '));
        titles.map(|(_, title)| title.trim().to_owned()).collect()
    }

    /// A line of shell, inside.
    pub async fn run(&self, line: &str) -> String {
        docker(["exec", &self.container, "sh", "-c", line]).await
    }

    /// By the health check of its image, asked at once.
    pub async fn is_healthy(&self) -> bool {
        let format = "{{join .Config.Healthcheck.Test \" \"}}";
        let check = docker(["inspect", "--format", format, &self.container]).await;
        let check = check.strip_prefix("CMD ").expect("it needs no shell");
        let mut exec = Command::new("docker");
        exec.args(["exec", &self.container]).args(check.split(' '));
        let asked = exec.output().await.expect("there is a docker");
        asked.status.success()
    }
}

/// What `docker` prints when it is run with these arguments.
pub async fn docker<const N: usize>(arguments: [&str; N]) -> String {
    output(Command::new("docker").args(arguments)).await
}

/// compose.yaml, but for the settings of the lanes, and a configuration of Prometheus that is the one of
/// the image but for its patience.
fn watch_closely(settings: &str) -> TempDir {
    let files = TempDir::new().expect("there is room for temporary files");
    let path = onelane_tree::root().join("monitoring/prometheus.yml");
    let patient = fs::read_to_string(path).expect("it is there");
    let config = files.path().join("prometheus.yml");
    let eager = patient.replace(": 5s", ": 1s").replace(": 4s", ": 1s");
    fs::write(&config, eager).expect("the folder is ours");
    let volume = format!("{}:/etc/prometheus/prometheus.yml:ro", config.display());
    let services = json!({
        "app": { "environment": settings.split_whitespace().collect::<Vec<_>>() },
        "prometheus": { "volumes": [volume] },
    });
    change_in(files, &services)
}

/// compose.yaml, but for one file in the image of nginx.
fn replace_in_nginx(name: &str, text: &str) -> TempDir {
    let files = TempDir::new().expect("there is room for temporary files");
    let file = files.path().join(name);
    fs::write(&file, text).expect("the folder is ours");
    let volume = format!("{}:/etc/nginx/lanes/{name}:ro", file.display());
    change_in(files, &json!({ "nginx": { "volumes": [volume] } }))
}

/// compose.yaml, but for what is said here.
fn change(services: &Value) -> TempDir {
    write(&json!({ "services": services }))
}

fn change_in(files: TempDir, services: &Value) -> TempDir {
    write_in(files, &json!({ "services": services }))
}

fn write(changes: &Value) -> TempDir {
    let files = TempDir::new().expect("there is room for temporary files");
    write_in(files, changes)
}

fn write_in(files: TempDir, changes: &Value) -> TempDir {
    let path = files.path().join(CHANGES);
    fs::write(path, changes.to_string()).expect("the folder is ours");
    files
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
