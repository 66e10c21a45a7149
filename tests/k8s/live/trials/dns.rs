//! DNS is away: nginx that runs goes on with the lanes it knows. A pod of nginx that starts meanwhile waits, and
//! serves soon after DNS is back.

use std::time::{Duration, Instant};

use onelane_tree::manifests::{list, text};

use super::judge;
use super::kill::LANES;
use super::rollout::SOME;
use crate::cluster::Cluster;
use crate::kubectl::{get, is_in, kubectl, until};
use crate::load::{GETS, Load};
use crate::notes::{Notes, Stop};
use crate::service::{PATIENCE, Pod, Tier, delete, hold, left, pods, ready};

/// Long enough for a container that ends to be started several times.
const AWAY: Duration = Duration::from_secs(20);

/// From DNS to nginx. It takes 5 s or less; the rest is for a slow cluster.
const LIMIT: Duration = Duration::from_secs(15);

const SYSTEM: &str = "kube-system";

pub(super) async fn run(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    cluster.may_be_disturbed()?;
    let (name, replicas) = dns().await?;
    hold(cluster, LANES).await?;
    let load = Load::start(cluster, "dns", &GETS).await?;
    load.more(SOME).await?;

    let replicas = format!("--replicas={replicas}");
    let back = [
        "scale",
        "deployment",
        &name,
        "--namespace",
        SYSTEM,
        &replicas,
    ];
    cluster.undo.later(&back);
    let away = ["scale", "deployment", &name, "--namespace", SYSTEM];
    kubectl(&[&away[..], &["--replicas=0"]].concat()).await?;
    until("DNS to be away", PATIENCE, async || {
        Ok((!answers().await?).then_some(()))
    })
    .await?;

    let new = start_another().await?;
    tokio::time::sleep(AWAY).await;
    let early = again(&new).await?;
    notes.say(if early.is_ready {
        "nginx was ready without the DNS of the cluster: something else knows the lanes"
    } else {
        "without DNS nginx waits, and is not ready"
    });
    load.more(SOME).await?;

    kubectl(&back).await?;
    until("DNS to be back", PATIENCE, async || {
        Ok(answers().await?.then_some(()))
    })
    .await?;
    let start = Instant::now();
    let late = until("nginx to be ready", PATIENCE, async || {
        Ok(Some(again(&new).await?).filter(|pod| pod.is_ready))
    })
    .await?;
    let took = start.elapsed();
    let seconds = took.as_secs_f64();
    notes.say(format!("nginx was ready {seconds:.1} s after DNS"));
    notes.check(
        took <= LIMIT,
        format!("that is more than {} s", LIMIT.as_secs()),
    );
    notes.check(
        late.restarts == 0,
        format!("its container was started {} times", late.restarts + 1),
    );

    ready().await?;
    left().await?;
    load.more(SOME).await?;
    judge(notes, &load.stop().await?, 0);
    Ok(())
}

/// The deployment of the cluster's DNS, and how many pods it has.
async fn dns() -> Result<(String, u64), Stop> {
    let selector = ["--selector", "k8s-app=kube-dns"];
    let found = get(&[&["deployments", "--namespace", SYSTEM][..], &selector].concat()).await?;
    match list(&found, "/items") {
        [dns] => Ok((
            text(dns, "/metadata/name").to_owned(),
            dns["spec"]["replicas"].as_u64().unwrap_or(1),
        )),
        several => Err(Stop::Skip(format!(
            "{SYSTEM} has {} deployments with the label k8s-app=kube-dns, not one",
            several.len()
        ))),
    }
}

/// Whether there is a pod of DNS that is ready.
async fn answers() -> Result<bool, Stop> {
    let selector = ["--selector", "k8s-app=kube-dns"];
    let found = get(&[&["pods", "--namespace", SYSTEM][..], &selector].concat()).await?;
    let mut pods = list(&found, "/items").iter();
    Ok(pods.any(|pod| is_in("Ready", pod)))
}

/// Deletes a pod of nginx, and returns the one that comes instead when its container runs, or has.
async fn start_another() -> Result<Pod, Stop> {
    let old = pods(Tier::Nginx).await?;
    let victim = old.iter().find(|pod| pod.serves());
    let victim = victim.ok_or_else(|| Stop::Fail("no nginx is ready".to_owned()))?;
    delete(victim, &[]).await?;
    until("another nginx", PATIENCE, async || {
        let now = pods(Tier::Nginx).await?;
        let new = |pod: &Pod| old.iter().all(|it| it.uid != pod.uid);
        let runs = |pod: &Pod| !pod.node.is_empty() && (pod.trouble.is_none() || pod.restarts > 0);
        Ok(now.into_iter().find(|pod| new(pod) && runs(pod)))
    })
    .await
}

async fn again(pod: &Pod) -> Result<Pod, Stop> {
    let now = pods(Tier::Nginx).await?;
    let same = now.into_iter().find(|it| it.uid == pod.uid);
    same.ok_or_else(|| Stop::Fail(format!("{} is gone", pod.name)))
}
