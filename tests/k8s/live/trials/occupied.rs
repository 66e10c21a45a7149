//! The autoscaler by lanes: those that are occupied by what takes no CPU stay.

use std::time::Duration;

use onelane_tree::manifests::list;
use serde_json::Value;

use super::grow::{AT_ONCE, Course, OCCUPY};
use crate::answers::told;
use crate::cluster::Cluster;
use crate::home::SERVICE;
use crate::kubectl::{ask, expect, get, is_in, kubectl, until};
use crate::load::{Load, now};
use crate::notes::{Notes, Stop};
use crate::service::{PATIENCE, Tier, ready, set_once};

/// Three lanes that are always occupied, at 0.7 of a lane each, are 4.3.
const LANES: u64 = 5;

/// Until what clients do is all that the last minute of metrics holds, and the autoscaler has looked.
const NEWS: Duration = Duration::from_secs(90);

/// Time enough to take lanes away, looking every 15 s.
const WATCHED: Duration = Duration::from_secs(75);

#[derive(Clone, Copy)]
enum Signal {
    Keda,
    Adapter,
}

pub(super) async fn run(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    let signal = signal().await?;
    cluster.undo.autoscaler_later();
    let (folder, patched, patch) = match signal {
        Signal::Keda => {
            let delete = ["delete", "scaledobject", "--all", "--namespace", SERVICE];
            cluster.undo.later(&delete);
            let patch = format!(
                r#"{{"spec":{{"advanced":{{"horizontalPodAutoscalerConfig":{{"behavior":{AT_ONCE}}}}}}}}}"#
            );
            ("../overlays/keda", "scaledobject", patch)
        }
        Signal::Adapter => {
            let patch = format!(r#"{{"spec":{{"behavior":{AT_ONCE}}}}}"#);
            ("../overlays/prometheus-adapter", "hpa", patch)
        }
    };
    notes.say(format!("by {}", folder.trim_start_matches("../")));
    expect(&["apply -k", folder], &cluster.apply(folder).await?)?;
    until("the autoscaler to see lanes", PATIENCE, async || {
        let hpa = get(&["hpa", Tier::Lanes.name(), "--namespace", SERVICE]).await?;
        Ok(is_active(&hpa).then_some(()))
    })
    .await?;

    set_once(LANES).await?;
    ready().await?;
    let load = Load::start(cluster, "occupied", &OCCUPY).await?;
    tokio::time::sleep(NEWS).await;
    let name = Tier::Lanes.name();
    let arguments = ["patch", patched, name, "--namespace", SERVICE];
    kubectl(&[&arguments[..], &["--type=merge", "--patch", &patch]].concat()).await?;
    let since = now() + load.clock_ahead().await?;
    let mut course = Course::start().await?;
    let mut fewest = course.lanes();
    let end = tokio::time::Instant::now() + WATCHED;
    while tokio::time::Instant::now() < end {
        fewest = fewest.min(course.look().await?);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    notes.say(course.told());
    notes.check(
        fewest > 3,
        format!("{fewest} lanes, and three are occupied"),
    );

    let mut answers = load.stop().await?;
    answers.0.retain(|it| it.ended() > since);
    notes.say(answers.summary());
    let lost: Vec<_> = answers.0.iter().filter(|it| it.is_lost()).collect();
    notes.check(lost.is_empty(), format!("lost{}", told(&lost)));
    Ok(())
}

/// Which of the two this cluster has.
async fn signal() -> Result<Signal, Stop> {
    let has = async |crd: &str| Ok::<_, Stop>(ask(&["get", "crd", crd]).await?.succeeded);
    if !has("podmonitors.monitoring.coreos.com").await? {
        let why = "lanes as the signal need a Prometheus, and this cluster has no operator of it";
        return Err(Stop::Skip(why.to_owned()));
    }
    if has("scaledobjects.keda.sh").await? {
        return Ok(Signal::Keda);
    }
    let adapter = ask(&["get", "--raw", "/apis/custom.metrics.k8s.io/v1beta1"]).await?;
    if adapter.succeeded {
        Ok(Signal::Adapter)
    } else {
        Err(Stop::Skip(
            "this cluster has neither KEDA nor prometheus-adapter".to_owned(),
        ))
    }
}

fn is_active(hpa: &Value) -> bool {
    is_in("ScalingActive", hpa) && !list(hpa, "/status/currentMetrics").is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::is_active;

    #[test]
    fn an_autoscaler_is_active_when_it_says_so_and_has_values() {
        let condition = json!([{ "type": "ScalingActive", "status": "True" }]);
        let with =
            |metrics| json!({ "status": { "conditions": condition, "currentMetrics": metrics } });
        assert!(is_active(&with(json!([{ "type": "Pods" }]))));
        assert!(!is_active(&with(json!([]))));
        assert!(!is_active(&json!({})));
    }
}
