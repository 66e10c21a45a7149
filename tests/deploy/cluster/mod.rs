//! A cluster in small: does on Docker what a cluster would do with the manifests. Whatever they say is
//! read from them; what they leave to the cluster is here, and as slow as it may be there.
//!
//! The same images with the same users, read-only roots, memory and files; probes as the kubelet makes
//! them; the end of a pod as it comes: first its address is forgotten, bit by bit, while `preStop` waits,
//! then the stop signal of the image, and after the grace period SIGKILL.

mod client;
mod dns;
mod known;
mod pod;
mod service;
mod spec;

use std::net::Ipv4Addr;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use onelane_stack::{Turn, docker, docker_is_there, output, say, turn};
use onelane_tree::manifests;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinHandle;

pub(crate) use client::Regular;
use dns::Dns;
use known::{Known, NEWS};
pub(crate) use pod::{End, Pod};
pub(crate) use spec::{Probe, Spec};

/// How long cluster DNS gives an old answer: as long as caches that are set up as usual.
const DNS_CACHE: Duration = Duration::from_secs(30);

/// How long new connections go to an nginx that leaves: as long as a balancer outside takes to notice.
const BALANCER: Duration = Duration::from_secs(10);

/// What a cluster calls its Services, after the namespace. This one has an owner who chose that.
const DOMAIN: &str = "svc.example.net";

pub(crate) struct Cluster {
    /// Where the Service of nginx is.
    pub(crate) base: String,
    pub(crate) dns: Dns,
    /// The name of the network, and the beginning of the names of all pods.
    name: String,
    /// The files of the `ConfigMap`.
    files: TempDir,
    lanes: Known,
    nginx: Known,
    started: AtomicU32,
    _turn: Turn,
}

impl Cluster {
    /// A cluster without pods; nothing where there is no Docker engine.
    pub(crate) async fn up() -> Option<Self> {
        let turn = turn_with_images().await?;
        let nginx = Known::with_memory(BALANCER);
        let port = port_of("nginx");
        let port = service::forward(nginx.clone(), Ipv4Addr::LOCALHOST, port).await;
        let name = format!("lanes-cluster-{}-{port}", process::id());
        docker(["network", "create", &name]).await;
        let cluster = Self {
            base: format!("http://127.0.0.1:{port}"),
            dns: Dns::default(),
            name,
            files: TempDir::new().expect("there is room for temporary files"),
            lanes: Known::with_memory(NEWS),
            nginx,
            started: AtomicU32::new(0),
            _turn: turn,
        };
        cluster.configure().await;
        Some(cluster)
    }

    /// Writes the files of the `ConfigMap`. What is another there is the address of DNS, and the port behind which
    /// any lane is: those of ours.
    async fn configure(&self) {
        let namespace = namespace();
        let gateway = "{{(index .IPAM.Config 0).Gateway}}";
        let gateway = docker(["network", "inspect", "--format", gateway, &self.name]).await;
        let gateway: Ipv4Addr = gateway.parse().expect("Docker gives it one");

        let port = port_of("app");
        let any_port = service::forward(self.lanes.clone(), gateway, port).await;
        let name = |service: &str| format!("{service}.{namespace}.{DOMAIN}");
        let names = [
            (name("app"), self.lanes.clone()),
            (name("app-any"), Known::always(gateway)),
        ];
        let dns = self.dns.serve(names).await;
        for (file, text) in manifests::config_files() {
            let resolver = format!("resolver {gateway}:{dns} valid=1s;\nresolver_timeout");
            let text = text.replace("resolver_timeout", &resolver);
            let any = format!("app-any:{any_port}");
            let text = text.replace(&format!("app-any:{port}"), &any);
            std::fs::write(self.files.path().join(file), text).expect("the folder is ours");
        }
    }

    /// One more pod of a deployment, which need not become ready, and its address.
    pub(crate) async fn start_only(&self, deployment: &str) -> Ipv4Addr {
        let name = self.next_name(deployment);
        let spec = Spec::of(deployment);
        pod::run(&spec, &name, &self.name, self.files.path()).await
    }

    fn next_name(&self, deployment: &str) -> String {
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}-{deployment}-{number}", self.name)
    }

    /// One more pod of a deployment, once it is ready.
    pub(crate) async fn start(&self, deployment: &str) -> Pod {
        let name = self.next_name(deployment);
        let pod = Pod::start(Spec::of(deployment), name, &self.name, self.files.path()).await;
        self.who_knows(deployment).learn(pod.address);
        pod
    }

    /// So many, once everybody knows them.
    pub(crate) async fn start_several(&self, deployment: &str, count: usize) -> Vec<Pod> {
        let mut pods = Vec::new();
        for _ in 0..count {
            pods.push(self.start(deployment).await);
        }
        tokio::time::sleep(NEWS + Duration::from_secs(1)).await;
        pods
    }

    /// Replaces one pod after the other, as a rolling update without surplus or gap: the next new one
    /// starts when the one before is ready. What is replaced ends in the background.
    pub(crate) async fn restart(&self, pods: &mut [Pod]) -> Vec<JoinHandle<End>> {
        let mut ends = Vec::new();
        for pod in pods {
            let new = self.start(&pod.deployment).await;
            ends.push(self.delete(std::mem::replace(pod, new)));
        }
        ends
    }

    /// Takes a pod away, gracefully.
    pub(crate) fn delete(&self, pod: Pod) -> JoinHandle<End> {
        self.who_knows(&pod.deployment).forget(pod.address);
        tokio::spawn(pod.end())
    }

    /// A pod that dies at once; its address is forgotten no sooner for that.
    pub(crate) async fn kill(&self, pod: Pod) {
        self.who_knows(&pod.deployment).forget(pod.address);
        pod.kill().await;
    }

    fn who_knows(&self, deployment: &str) -> &Known {
        match deployment {
            "app" => &self.lanes,
            _ => &self.nginx,
        }
    }

    /// The access log of all nginx there have been.
    pub(crate) async fn access_log(&self) -> Vec<Value> {
        let filter = format!("name={}-nginx", self.name);
        let containers = docker(["ps", "--all", "--quiet", "--filter", &filter]).await;
        let mut requests = Vec::new();
        for container in containers.lines() {
            let log = docker(["logs", container]).await;
            let lines = log.lines().map(serde_json::from_str);
            requests.extend(lines.map(|line| line.expect("the access log is JSON")));
        }
        requests
    }
}

/// The image of a deployment, and the turn of the test that wants it. Nothing where there is no Docker engine.
pub(crate) async fn image_of(deployment: &str) -> Option<(String, Turn)> {
    let turn = turn_with_images().await?;
    let deployment = manifests::object("Deployment", deployment);
    let image = manifests::text(manifests::container(&deployment), "/image");
    Some((image.to_owned(), turn))
}

async fn turn_with_images() -> Option<Turn> {
    let turn = turn().await;
    if !docker_is_there().await {
        return None;
    }
    output(&mut Command::new("docker/build")).await;
    Some(turn)
}

fn namespace() -> String {
    let service = manifests::object("Service", "app");
    manifests::text(&service, "/metadata/namespace").to_owned()
}

/// On which its pods listen for requests.
fn port_of(deployment: &str) -> u64 {
    let deployment = manifests::object("Deployment", deployment);
    manifests::port(manifests::container(&deployment), "http")
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let pods = format!("docker ps --all --quiet --filter network={}", self.name);
        let network = format!("docker network rm {}", self.name);
        let script = format!("{pods} | xargs -r docker rm --force && {network}");
        let removed = process::Command::new("sh").args(["-c", &script]).output();
        if !removed.is_ok_and(|output| output.status.success()) {
            say(&format!("could not remove the pods of {}", self.name));
        }
    }
}
