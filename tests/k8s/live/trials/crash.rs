//! The processes of busy lanes are killed, as by a bug or for want of memory. From inside a container the kernel
//! does not let anybody do that to its first process, and a lane has no shell: so a pod on its node does it, which
//! sees the processes of the node.

use onelane_tree::manifests::text;
use serde_json::{Value, json};

use super::judge_posts;
use super::kill::{BUSY, LANES};
use super::rollout::SOME;
use crate::cluster::Cluster;
use crate::home::{self, NODE};
use crate::kubectl::{create, get, until};
use crate::load::Load;
use crate::notes::{Notes, Stop};
use crate::service::{PATIENCE, Pod, Tier, hold, pods};
use crate::witness::Witness;

/// Kills the lanes among the processes of the pod with this id. Paths of cgroups have it with `-` or with `_`.
const KILL: &str = r#"
uid=${1//-/[-_]} killed=0
for process in /proc/[0-9]*; do
  IFS= read -rd '' program <"$process/cmdline" || continue
  [[ $program == /lane && $(<"$process/cgroup") == *$uid* ]] || continue
  kill -KILL "${process#/proc/}" && killed=$((killed + 1))
done 2>/dev/null
((killed > 0))
"#;

pub(super) async fn run(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    cluster.may_be_disturbed()?;
    hold(cluster, LANES).await?;
    let witness = Witness::start();
    let load = Load::start(cluster, "crash", &BUSY).await?;
    load.more(SOME).await?;

    home::make(NODE, "privileged").await?;
    // One with a GET and one with a POST, most likely.
    let lanes = pods(Tier::Lanes).await?;
    let victims: Vec<&Pod> = lanes.iter().filter(|pod| pod.serves()).take(3).collect();
    for lane in &victims {
        kill(cluster, lane).await?;
        until("the lane to be started again", PATIENCE, async || {
            let pods = pods(Tier::Lanes).await?;
            let again = |pod: &Pod| pod.uid == lane.uid && pod.restarts > lane.restarts;
            let serves = pods.iter().any(|pod| again(pod) && pod.serves());
            Ok(serves.then_some(()))
        })
        .await?;
        notes.say(format!("killed the process of {}", lane.name));
        load.more(SOME / 2).await?;
    }

    let answers = load.stop().await?;
    judge_posts(notes, witness, &answers, victims.len()).await;
    Ok(())
}

async fn kill(cluster: &Cluster, lane: &Pod) -> Result<(), Stop> {
    // Where something else forbids such pods, this is not the cluster to try it.
    create(&killer(&cluster.nginx_image(), lane))
        .await
        .map_err(|why| Stop::Skip(format!("no pod may see the processes of a node: {why}")))?;
    let phase = until("the process to be killed", PATIENCE, async || {
        let pod = get(&["pod", &lane.name, "--namespace", NODE]).await?;
        let phase = text(&pod, "/status/phase").to_owned();
        Ok(["Succeeded", "Failed"]
            .contains(&phase.as_str())
            .then_some(phase))
    })
    .await?;
    if phase == "Succeeded" {
        Ok(())
    } else {
        Err(Stop::Skip(
            "the pod on the node of the lane did not find its process".to_owned(),
        ))
    }
}

fn killer(image: &str, lane: &Pod) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": lane.name, "namespace": NODE },
        "spec": {
            "nodeName": lane.node,
            "hostPID": true,
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "containers": [{
                "name": "killer",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["bash", "-c", KILL, "kill", lane.uid],
                // Root, to read the control groups of others and to kill them.
                "securityContext": { "runAsUser": 0, "privileged": true },
            }],
        },
    })
}
