//! What a deployment says of its pods, as arguments for Docker and as times.

use std::path::Path;
use std::time::Duration;

use onelane_tree::manifests::{at, container, list, number, object, port, text};
use serde_json::Value;

pub(crate) struct Spec {
    pub(crate) deployment: String,
    pub(crate) pre_stop: Duration,
    pub(crate) grace: Duration,
    object: Value,
}

/// A request that the kubelet makes again and again.
#[derive(Clone)]
pub(crate) struct Probe {
    pub(crate) port: u64,
    pub(crate) path: String,
    pub(crate) period: Duration,
    pub(crate) timeout: Duration,
    pub(crate) failures: u64,
}

impl Spec {
    pub(crate) fn of(deployment: &str) -> Self {
        let object = object("Deployment", deployment);
        let seconds = |pointer: &str| {
            let pod = at(&object, "/spec/template/spec");
            Duration::from_secs(number(pod, pointer))
        };
        Self {
            deployment: deployment.to_owned(),
            pre_stop: seconds("/containers/0/lifecycle/preStop/sleep/seconds"),
            grace: seconds("/terminationGracePeriodSeconds"),
            object,
        }
    }

    fn container(&self) -> &Value {
        container(&self.object)
    }

    pub(crate) fn probe(&self, name: &str) -> Probe {
        let probe = &self.container()[name];
        let seconds = |key: &str| Duration::from_secs(number(probe, key));
        Probe {
            port: port(self.container(), text(probe, "/httpGet/port")),
            path: text(probe, "/httpGet/path").to_owned(),
            period: seconds("/periodSeconds"),
            timeout: seconds("/timeoutSeconds"),
            failures: number(probe, "/failureThreshold"),
        }
    }

    /// For `docker run`: who it runs as, what it may do, what it is given.
    pub(crate) fn arguments(&self, files: &Path) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |option: &str, value: String| arguments.push(format!("--{option}={value}"));
        let context = at(&self.object, "/spec/template/spec/securityContext");
        let (user, group) = (
            number(context, "/runAsUser"),
            number(context, "/runAsGroup"),
        );
        add("user", format!("{user}:{group}"));
        let own = &self.container()["securityContext"];
        add("read-only", own["readOnlyRootFilesystem"].to_string());
        for capability in list(own, "/capabilities/drop") {
            add("cap-drop", text(capability, "").to_owned());
        }
        let may_gain = own["allowPrivilegeEscalation"].as_bool();
        add(
            "security-opt",
            format!("no-new-privileges={}", may_gain == Some(false)),
        );
        let memory = text(self.container(), "/resources/limits/memory").replace("Mi", "m");
        add("memory", memory.clone());
        add("memory-swap", memory);
        for sysctl in context["sysctls"].as_array().into_iter().flatten() {
            let (name, value) = (text(sysctl, "/name"), text(sysctl, "/value"));
            add("sysctl", format!("{name}={value}"));
        }
        for variable in list(self.container(), "/env") {
            add(
                "env",
                format!("{}={}", text(variable, "/name"), text(variable, "/value")),
            );
        }
        for mount in list(self.container(), "/volumeMounts") {
            let (option, value) = self.mount(mount, files);
            add(option, value);
        }
        arguments.push(text(self.container(), "/image").to_owned());
        arguments
    }

    fn mount(&self, mount: &Value, files: &Path) -> (&'static str, String) {
        let path = text(mount, "/mountPath");
        let volumes = list(&self.object, "/spec/template/spec/volumes");
        let volume = volumes
            .iter()
            .find(|volume| volume["name"] == mount["name"]);
        let volume = volume.expect("a mount names a volume");
        if let Some(memory) = volume.get("emptyDir") {
            let size = text(memory, "/sizeLimit").replace("Mi", "m");
            return ("tmpfs", format!("{path}:size={size},mode=1777"));
        }
        let file = files.join(text(mount, "/subPath"));
        ("volume", format!("{}:{path}:ro", file.display()))
    }
}
