//! Lanes and nginx as the API shows them, and doing something to them.

use std::time::Duration;

use onelane_tree::manifests::{at, list, number, object, text};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::home::SERVICE;
use crate::kubectl::{get, is_in, kubectl, until};
use crate::notes::Stop;

/// For pods to be placed, pulled and ready, and for those before them to end (80 s of grace).
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// Until nginx knows a new lane, as preStop in `app-deployment.yaml` reckons: caches of DNS keep what they
/// know for 30 s.
const NEWS: Duration = Duration::from_secs(35);

/// The two deployments.
#[derive(Clone, Copy)]
pub(crate) enum Tier {
    Lanes,
    Nginx,
}

impl Tier {
    pub(crate) const BOTH: [Self; 2] = [Self::Lanes, Self::Nginx];

    /// The name of the deployment, and the label of its pods.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lanes => "app",
            Self::Nginx => "nginx",
        }
    }

    pub(crate) fn selector(self) -> String {
        format!("app.kubernetes.io/component={}", self.name())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) uid: String,
    /// Empty as long as it has none.
    pub(crate) node: String,
    pub(crate) is_ready: bool,
    /// It was told to end.
    pub(crate) is_leaving: bool,
    pub(crate) restarts: u64,
    /// Why it does not run, if the API tells.
    pub(crate) trouble: Option<String>,
}

impl Pod {
    fn read(pod: &Value) -> Self {
        let mut conditions = list(pod, "/status/conditions").iter();
        let container = pod.pointer("/status/containerStatuses/0");
        let waits = container.and_then(|it| it.pointer("/state/waiting"));
        let unplaced =
            conditions.find(|it| it["type"] == "PodScheduled" && it["status"] == "False");
        let trouble = waits
            .or(unplaced)
            .map(|it| format!("{} {}", it["reason"], it["message"]));
        Self {
            name: text(pod, "/metadata/name").to_owned(),
            uid: text(pod, "/metadata/uid").to_owned(),
            node: pod["spec"]["nodeName"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            is_ready: is_in("Ready", pod),
            is_leaving: pod["metadata"].get("deletionTimestamp").is_some(),
            restarts: container.map_or(0, |it| it["restartCount"].as_u64().unwrap_or_default()),
            trouble,
        }
    }

    /// It serves, and is to stay.
    pub(crate) fn serves(&self) -> bool {
        self.is_ready && !self.is_leaving
    }

    /// It does not run, and waiting changes nothing.
    fn is_hopeless(&self) -> bool {
        let hopeless = [
            "ErrImageNeverPull",
            "ImagePullBackOff",
            "InvalidImageName",
            "CreateContainerConfigError",
        ];
        let trouble = self.trouble.as_deref().unwrap_or_default();
        hopeless.iter().any(|reason| trouble.contains(reason))
    }
}

pub(crate) async fn pods(tier: Tier) -> Result<Vec<Pod>, Stop> {
    let pods = get(&[
        "pods",
        "--namespace",
        SERVICE,
        "--selector",
        &tier.selector(),
    ])
    .await?;
    Ok(list(&pods, "/items").iter().map(Pod::read).collect())
}

pub(crate) async fn both() -> Result<Vec<Pod>, Stop> {
    Ok([pods(Tier::Lanes).await?, pods(Tier::Nginx).await?].concat())
}

/// A lane that serves.
pub(crate) async fn a_lane() -> Result<Pod, Stop> {
    let lanes = pods(Tier::Lanes).await?;
    let lane = lanes.into_iter().find(Pod::serves);
    lane.ok_or_else(|| Stop::Fail("no lane is ready".to_owned()))
}

/// How many lanes are wanted.
pub(crate) async fn wanted() -> Result<u64, Stop> {
    let lanes = get(&["deployment", Tier::Lanes.name(), "--namespace", SERVICE]).await?;
    Ok(lanes["spec"]["replicas"].as_u64().unwrap_or(1))
}

/// How many there are at least, if the autoscaler has its way.
pub(crate) fn fewest() -> u64 {
    let hpa = object("HorizontalPodAutoscaler", Tier::Lanes.name());
    number(&hpa, "/spec/minReplicas")
}

/// Waits until every wanted pod of both tiers serves, as the newest manifests want it.
pub(crate) async fn ready() -> Result<(), Stop> {
    for tier in Tier::BOTH {
        let mut last = Vec::new();
        let serve = until("its pods", PATIENCE, async || {
            last = pods(tier).await?;
            if last.iter().any(Pod::is_hopeless) {
                return Err(Stop::Fail("no time will help".to_owned()));
            }
            let deployment = get(&["deployment", tier.name(), "--namespace", SERVICE]).await?;
            Ok(is_complete(&deployment).then_some(()))
        });
        if let Err(why) = serve.await {
            let troubled = last.iter().filter_map(|pod| {
                let trouble = pod.trouble.as_deref()?;
                Some(format!("; {}: {trouble}", pod.name))
            });
            let troubled: String = troubled.collect();
            return Err(Stop::Fail(format!("{}: {why}{troubled}", tier.name())));
        }
    }
    Ok(())
}

fn is_complete(deployment: &Value) -> bool {
    let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
    let observed = deployment["status"]["observedGeneration"].as_u64();
    let counts = ["replicas", "updatedReplicas", "readyReplicas"];
    observed >= at(deployment, "/metadata/generation").as_u64()
        && counts
            .iter()
            .all(|count| deployment["status"][count] == wanted)
}

/// Whether they do, without waiting.
pub(crate) async fn ready_now() -> bool {
    for tier in Tier::BOTH {
        let deployment = get(&["deployment", tier.name(), "--namespace", SERVICE]).await;
        if !deployment.is_ok_and(|it| is_complete(&it)) {
            return false;
        }
    }
    true
}

/// Waits until those that leave have left.
pub(crate) async fn left() -> Result<(), Stop> {
    until("pods to end", PATIENCE, async || {
        let leave = both().await?.iter().any(|pod| pod.is_leaving);
        Ok((!leave).then_some(()))
    })
    .await
}

/// So many lanes, whatever the autoscaler makes of their CPU, until the trial ends. A trial begins with pods
/// that all stay.
pub(crate) async fn hold(cluster: &Cluster, lanes: u64) -> Result<(), Stop> {
    cluster.undo.autoscaler_later();
    let before = wanted().await?;
    set(lanes).await?;
    if before < lanes {
        tokio::time::sleep(NEWS).await;
    }
    left().await
}

/// The same without waiting for those that leave.
pub(crate) async fn set(lanes: u64) -> Result<(), Stop> {
    let name = Tier::Lanes.name();
    let bounds = format!(r#"{{"spec":{{"minReplicas":{lanes},"maxReplicas":{lanes}}}}}"#);
    let patch = ["patch", "hpa", name, "--namespace", SERVICE];
    kubectl(&[&patch[..], &["--type=merge", "--patch", &bounds]].concat()).await?;
    // The autoscaler would come to it, too, within 15 s.
    set_once(lanes).await?;
    until("the autoscaler to agree", PATIENCE, async || {
        Ok((wanted().await? == lanes).then_some(()))
    })
    .await?;
    ready().await
}

/// So many lanes, until the autoscaler wants others.
pub(crate) async fn set_once(lanes: u64) -> Result<(), Stop> {
    let replicas = format!("--replicas={lanes}");
    let scale = ["scale", "deployment", Tier::Lanes.name()];
    let arguments = ["--namespace", SERVICE, &replicas];
    kubectl(&[&scale[..], &arguments].concat()).await.map(drop)
}

/// Replaces every pod, one after the other, and returns when all new ones serve.
pub(crate) async fn restart(tier: Tier) -> Result<(), Stop> {
    let deployment = format!("deployment/{}", tier.name());
    kubectl(&["rollout", "restart", "--namespace", SERVICE, &deployment]).await?;
    ready().await
}

/// Tells the API server, and does not wait for the end.
pub(crate) async fn delete(pod: &Pod, how: &[&str]) -> Result<(), Stop> {
    let delete = [
        "delete",
        "pod",
        &pod.name,
        "--namespace",
        SERVICE,
        "--wait=false",
    ];
    kubectl(&[&delete[..], how].concat()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Pod, is_complete};

    #[test]
    fn a_pod_serves_if_it_is_ready_and_stays() {
        let mut pod = json!({
            "metadata": { "name": "app-1", "uid": "u" },
            "spec": { "nodeName": "n" },
            "status": {
                "conditions": [{ "type": "Ready", "status": "True" }],
                "containerStatuses": [{ "restartCount": 2, "state": { "running": {} } }],
            },
        });
        let read = Pod::read(&pod);
        assert!(read.serves() && read.trouble.is_none());
        assert_eq!((read.restarts, read.node.as_str()), (2, "n"));
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(!Pod::read(&pod).serves());
    }

    #[test]
    fn a_pod_without_image_or_node_tells_its_trouble() {
        let metadata = json!({ "name": "app-1", "uid": "u" });
        let waiting = json!({ "waiting": { "reason": "ImagePullBackOff", "message": "no" } });
        let status = json!({ "containerStatuses": [{ "state": waiting }] });
        let pod = json!({ "metadata": metadata, "spec": {}, "status": status });
        assert!(Pod::read(&pod).is_hopeless());
        let scheduled = json!({ "type": "PodScheduled", "status": "False", "message": "full" });
        let status = json!({ "conditions": [scheduled] });
        let pod = Pod::read(&json!({ "metadata": metadata, "spec": {}, "status": status }));
        assert!(pod.trouble.is_some_and(|trouble| trouble.contains("full")));
    }

    #[test]
    fn a_deployment_is_complete_when_all_pods_are_new_and_ready() {
        let status = |ready| json!({ "observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": ready });
        let deployment = |status| json!({ "metadata": { "generation": 3 }, "spec": { "replicas": 2 }, "status": status });
        assert!(is_complete(&deployment(status(2))));
        assert!(!is_complete(&deployment(status(1))));
        assert!(!is_complete(&deployment(json!({}))));
    }
}
