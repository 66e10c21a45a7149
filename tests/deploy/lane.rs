//! What a lane says of itself on its admin port, which only this machine can reach.

use std::net::IpAddr;

use serde_json::Value;

use crate::ask::{Reply, get};
use crate::compose::docker;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lane {
    pub(crate) container: String,
    /// As in `X-Served-By`.
    pub(crate) host: String,
    pub(crate) address: IpAddr,
}

impl Lane {
    pub(crate) async fn probe(&self, path: &str) -> Reply {
        get(format!("http://{}:9464{path}", self.address)).await
    }

    /// As docs/modes.md says it: `docker kill` would be a stop by hand, whatever the signal.
    pub(crate) async fn signal(&self, signal: &str) {
        let namespace = format!("container:{}", self.container);
        let kill = format!("kill -s {signal} 1");
        docker([
            "run",
            "--rm",
            "--pid",
            &namespace,
            "--user",
            "65532",
            "--entrypoint",
            "sh",
            "onelane-nginx",
            "-c",
            &kill,
        ])
        .await;
    }

    /// Its only slot.
    pub(crate) async fn slot(&self) -> Value {
        self.probe("/status").await.json["slots"][0].clone()
    }

    pub(crate) async fn is_busy(&self) -> bool {
        self.slot().await["state"] == "busy"
    }
}
