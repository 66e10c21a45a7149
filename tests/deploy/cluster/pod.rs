//! One pod: from its start to its end, probed on the way.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use onelane_stack::{docker, output};
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::spec::{Probe, Spec};
use super::{DOMAIN, namespace};

pub(crate) struct Pod {
    pub(crate) deployment: String,
    /// Its host name, as in `X-Served-By`.
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) pre_stop: Duration,
    grace: Duration,
    probes: [JoinHandle<()>; 2],
}

/// How a pod ended.
#[derive(Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) name: String,
    pub(crate) exit_code: String,
}

impl Pod {
    /// Returns when it is ready.
    pub(super) async fn start(spec: Spec, name: String, network: &str, files: &Path) -> Self {
        let address = run(&spec, &name, network, files).await;
        has_started(&name, address, &spec.probe("startupProbe")).await;
        let probes = ["readinessProbe", "livenessProbe"].map(|probe| {
            let failed = format!("{probe} of {name}");
            tokio::spawn(keep_asking(failed, address, spec.probe(probe)))
        });
        Self {
            deployment: spec.deployment,
            name,
            address,
            pre_stop: spec.pre_stop,
            grace: spec.grace,
            probes,
        }
    }

    /// The waiting, the signal, and SIGKILL for what is left after the grace period.
    pub(super) async fn end(self) -> End {
        tokio::time::sleep(self.pre_stop).await;
        self.stop_probing();
        let left = self
            .grace
            .saturating_sub(self.pre_stop)
            .as_secs()
            .to_string();
        docker(["stop", "--time", &left, &self.name]).await;
        let exit_code = docker(["inspect", "--format", "{{.State.ExitCode}}", &self.name]).await;
        End {
            name: self.name,
            exit_code,
        }
    }

    pub(super) async fn kill(self) {
        self.stop_probing();
        docker(["kill", &self.name]).await;
    }

    /// Fails where a probe had failed, which none should, whatever the load.
    fn stop_probing(&self) {
        for probe in &self.probes {
            assert!(!probe.is_finished(), "a probe of {} failed", self.name);
            probe.abort();
        }
    }
}

/// Starts it, and returns its address.
pub(super) async fn run(spec: &Spec, name: &str, network: &str, files: &Path) -> Ipv4Addr {
    let mut run = Command::new("docker");
    run.args(["run", "--detach", "--network", network]);
    run.args(["--name", name, "--hostname", name]);
    run.args(["--dns-search", &format!("{}.{DOMAIN}", namespace())]);
    output(run.args(spec.arguments(files))).await;
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let address = docker(["inspect", "--format", format, name]).await;
    address.parse().expect("a running container has an address")
}

async fn has_started(name: &str, address: Ipv4Addr, probe: &Probe) {
    let deadline = Instant::now() + probe.period * u32::try_from(probe.failures).unwrap_or(30);
    while !answers(address, probe).await {
        let state = docker(["inspect", "--format", "{{.State.Status}}", name]).await;
        assert_eq!(state, "running", "docker logs {name} tells why");
        assert!(Instant::now() < deadline, "{name} did not start");
        tokio::time::sleep(probe.period).await;
    }
}

/// Ends, with a panic, when the probe has failed too often in a row.
async fn keep_asking(what: String, address: Ipv4Addr, probe: Probe) {
    let mut failures = 0;
    loop {
        failures = if answers(address, &probe).await {
            0
        } else {
            failures + 1
        };
        assert!(failures < probe.failures, "{what} failed");
        tokio::time::sleep(probe.period).await;
    }
}

async fn answers(address: Ipv4Addr, probe: &Probe) -> bool {
    let request = reqwest::Client::new()
        .get(format!("http://{address}:{}{}", probe.port, probe.path))
        .timeout(probe.timeout);
    let answer = request.send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}
