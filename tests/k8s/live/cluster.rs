//! The cluster, as far as trials have to know it.

use std::fs;
use std::path::Path;

use onelane_tree::manifests::{self, list, text};
use serde_json::Value;
use tempfile::TempDir;

use crate::home::SERVICE;
use crate::kubectl::{ask, get, is_in, kubectl};
use crate::notes::Stop;
use crate::options::Options;
use crate::undo::Undo;

/// preStop with `sleep` is on by default from here on.
const OLDEST: u64 = 30;

pub(crate) struct Cluster {
    /// No other user would miss a node or DNS.
    is_ours: bool,
    /// The registry of the images, with its slash; empty where nodes have them.
    images: String,
    pub(crate) undo: Undo,
}

impl Cluster {
    pub(crate) async fn find(options: &Options) -> Result<Self, Stop> {
        let versions = kubectl(&["version", "--output=json"]).await?;
        let versions: Value = serde_json::from_str(&versions).map_err(Stop::from_error)?;
        let version = text(&versions, "/serverVersion/gitVersion");
        let minor = text(&versions, "/serverVersion/minor");
        let minor: u64 = minor.trim_end_matches('+').parse().unwrap_or(OLDEST);
        if minor < OLDEST {
            println!("Kubernetes {version} is older than 1.{OLDEST}: much of this may fail");
        }
        // There is none inside a pod, with the service account.
        let context = ask(&["config", "current-context"]).await?.out;
        let is_ours = options
            .cluster_is_ours
            .unwrap_or_else(|| is_local(&context));
        let nodes = nodes().await?.len();
        println!("Kubernetes {version}, context {context:?}, {nodes} nodes that take pods");
        Ok(Self {
            is_ours,
            images: options.images.clone(),
            undo: Undo::default(),
        })
    }

    /// For what others on the cluster would notice.
    pub(crate) fn may_be_disturbed(&self) -> Result<(), Stop> {
        if self.is_ours {
            Ok(())
        } else {
            Err(Stop::Skip(
                "others may use this cluster; CLUSTER_IS_OURS=1 says that they do not".to_owned(),
            ))
        }
    }

    /// The image of nginx, which has bash and is on the nodes anyway.
    pub(crate) fn nginx_image(&self) -> String {
        let nginx = manifests::object("Deployment", "nginx");
        let image = text(manifests::container(&nginx), "/image");
        format!("{}{image}", self.images)
    }

    /// Applies `k8s/`, or a folder as seen from there, and returns what was said.
    pub(crate) async fn apply(&self, folder: &str) -> Result<crate::kubectl::Said, Stop> {
        let path = manifests::root().join(folder);
        if self.images.is_empty() {
            let how = if folder.is_empty() { "-f" } else { "-k" };
            return ask(&["apply", how, &path.display().to_string()]).await;
        }
        let overlay = TempDir::new().map_err(Stop::from_error)?;
        let file = overlay.path().join("kustomization.yaml");
        let here = overlay.path().canonicalize().map_err(Stop::from_error)?;
        let text = with_registry(&here, folder, &self.images);
        fs::write(file, text).map_err(Stop::from_error)?;
        ask(&["apply", "-k", &overlay.path().display().to_string()]).await
    }
}

/// An overlay in `here` that takes the images from this registry.
fn with_registry(here: &Path, folder: &str, registry: &str) -> String {
    let base = manifests::root_from(here);
    let image = |part| {
        let name = format!("{SERVICE}-{part}");
        format!("- name: {name}\n  newName: {registry}{name}\n")
    };
    let images = ["app", "nginx"].map(image).concat();
    format!("resources: [{base}/{folder}]\nimages:\n{images}")
}

/// Clusters that live on the user's own machine.
fn is_local(context: &str) -> bool {
    let tools = ["kind-", "k3d-"];
    context == "minikube" || tools.iter().any(|tool| context.starts_with(tool))
}

/// The names of the nodes that pods of ours can be placed on.
pub(crate) async fn nodes() -> Result<Vec<String>, Stop> {
    let nodes = get(&["nodes"]).await?;
    let open = list(&nodes, "/items")
        .iter()
        .filter(|node| takes_pods(node));
    Ok(open
        .map(|node| text(node, "/metadata/name").to_owned())
        .collect())
}

fn takes_pods(node: &Value) -> bool {
    let is_tainted = list(node, "/spec/taints")
        .iter()
        .any(|taint| taint["effect"] != "PreferNoSchedule");
    is_in("Ready", node) && !is_tainted && node["spec"]["unschedulable"] != true
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{SERVICE, is_local, takes_pods, with_registry};

    #[test]
    fn an_overlay_reaches_the_manifests_from_where_it_is() {
        let text = with_registry(Path::new("/tmp/x"), "", "registry.example.com/");
        assert!(text.starts_with("resources: [../../"), "{text}");
        let image = format!("newName: registry.example.com/{SERVICE}-app\n");
        assert!(text.contains(&image), "{text}");
    }

    #[test]
    fn only_clusters_on_ones_own_machine_are_taken_for_ones_own() {
        assert!(is_local("kind-x") && is_local("k3d-y") && is_local("minikube"));
        assert!(!is_local("arn:aws:eks:kind-of") && !is_local(""));
    }

    #[test]
    fn a_node_takes_pods_if_it_is_ready_and_open() {
        let ready = json!({ "conditions": [{ "type": "Ready", "status": "True" }] });
        let taint = json!([{ "key": "node-role", "effect": "NoSchedule" }]);
        assert!(takes_pods(&json!({ "spec": {}, "status": ready })));
        assert!(!takes_pods(&json!({ "spec": {}, "status": {} })));
        assert!(!takes_pods(
            &json!({ "spec": { "taints": taint }, "status": ready })
        ));
        assert!(!takes_pods(
            &json!({ "spec": { "unschedulable": true }, "status": ready })
        ));
    }
}
