//! What a lane says of itself on its admin port, which only this machine can reach.

use std::net::IpAddr;

use onelane_tree::SERVICE;
use serde_json::Value;

use crate::ask::{Reply, client, get};
use crate::compose::docker;

/// A lane in a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// Its id.
    pub container: String,
    /// As in `X-Served-By`.
    pub host: String,
    /// In the network of the stack.
    pub address: IpAddr,
}

impl Lane {
    /// Asks its admin port.
    pub async fn probe(&self, path: &str) -> Reply {
        get(format!("http://{}:9464{path}", self.address)).await
    }

    /// Whether it is ready. One that does not run is not.
    pub async fn is_ready(&self) -> bool {
        let readyz = client().get(format!("http://{}:9464/readyz", self.address));
        readyz
            .send()
            .await
            .is_ok_and(|answer| answer.status() == 200)
    }

    /// A series without labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let metrics = self.metrics().await;
        let mut lines = metrics.lines().filter_map(|line| line.split_once(' '));
        let value = lines.find_map(|(series, value)| (series == name).then(|| value.parse()));
        value
            .unwrap_or_else(|| panic!("no {name}"))
            .expect("a number")
    }

    /// Whether it has stopped a request whose client was gone.
    pub async fn counts_a_client_that_left(&self) -> bool {
        let metrics = self.metrics().await;
        let mut lines = metrics.lines();
        lines.any(|line| {
            line.starts_with("http_requests_total{")
                && line.contains(r#"status="499""#)
                && !line.ends_with(" 0")
        })
    }

    async fn metrics(&self) -> String {
        let metrics = client().get(format!("http://{}:9464/metrics", self.address));
        let metrics = metrics.send().await.expect("it is up");
        metrics.text().await.expect("all of it")
    }

    /// As docs/modes.md says it: `docker kill` would be a stop by hand, whatever the signal.
    pub async fn signal(&self, signal: &str) {
        let namespace = format!("container:{}", self.container);
        let kill = format!("kill -s {signal} 1");
        let nginx = format!("{SERVICE}-nginx");
        docker([
            "run",
            "--rm",
            "--pid",
            &namespace,
            "--user",
            "65532",
            "--entrypoint",
            "sh",
            &nginx,
            "-c",
            &kill,
        ])
        .await;
    }

    /// Its only slot.
    pub async fn slot(&self) -> Value {
        self.probe("/status").await.json["slots"][0].clone()
    }

    /// Whether its slot is taken.
    pub async fn is_busy(&self) -> bool {
        self.slot().await["state"] == "busy"
    }
}
