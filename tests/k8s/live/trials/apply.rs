//! From nothing to ready, under the restricted profile, without a warning; and once more, which changes nothing.

use std::time::Instant;

use onelane_tree::manifests::{list, number};
use serde_json::json;

use crate::answers::{Kind, told};
use crate::cluster::Cluster;
use crate::home::{SERVICE, mark_service};
use crate::kubectl::{ask_for, expect, get, until};
use crate::load::Load;
use crate::notes::{Notes, Stop};
use crate::service::{PATIENCE, Tier, fewest, pods, ready, wanted};

pub(super) async fn run(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    let start = Instant::now();
    let first = cluster.apply("").await;
    // Also when only half of it could be applied.
    let marked = mark_service().await;
    let first = first?;
    let out = expect(&["apply"], &first)?;
    marked?;
    notes.check(
        first.complaints.is_empty(),
        format!("apply warned: {}", first.complaints),
    );
    let old: Vec<&str> = out.lines().filter(|it| !it.ends_with(" created")).collect();
    notes.check(old.is_empty(), format!("not created: {old:?}"));

    // A new deployment has one lane until the autoscaler has looked.
    until("the autoscaler", PATIENCE, async || {
        Ok((wanted().await? >= fewest()).then_some(()))
    })
    .await?;
    ready().await?;
    let (lanes, nginx) = (pods(Tier::Lanes).await?, pods(Tier::Nginx).await?);
    let took = start.elapsed().as_secs_f64();
    notes.say(format!(
        "{} lanes and {} nginx ready after {took:.0} s",
        lanes.len(),
        nginx.len()
    ));
    notes.check(
        lanes.iter().chain(&nginx).all(|pod| pod.restarts == 0),
        "a container was started more than once",
    );

    let client = Load::start(cluster, "apply", &["GET /sleep 1 fresh - 0 1"]).await?;
    let answers = client.finish().await?;
    let lost = answers.lost(&[Kind::Get]);
    notes.check(
        lost.is_empty(),
        format!("the Service of nginx does not answer{}", told(&lost)),
    );
    again(cluster, notes).await?;
    restricted(notes).await
}

/// The second time nothing changes. kubectl says `configured` of a budget all the same: it sends the selector
/// anew each time, because a selector there is replaced and not merged. What tells is its generation.
async fn again(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    let generations = async || {
        let budgets = get(&["poddisruptionbudgets", "--namespace", SERVICE]).await?;
        let budgets = list(&budgets, "/items").iter();
        let generations = budgets.map(|it| number(it, "/metadata/generation"));
        Ok::<Vec<u64>, Stop>(generations.collect())
    };
    let before = generations().await?;
    let said = cluster.apply("").await?;
    let out = expect(&["apply"], &said)?;
    let may_say_so = |line: &str| line.starts_with("poddisruptionbudget.policy/");
    let changed: Vec<&str> = out
        .lines()
        .filter(|it| !it.ends_with(" unchanged") && !may_say_so(it))
        .collect();
    notes.check(
        changed.is_empty() && said.complaints.is_empty(),
        format!("the second apply said {changed:?} {}", said.complaints),
    );
    let after = generations().await?;
    notes.check(before == after, "the second apply changed a budget");
    Ok(())
}

/// A pod that may do more is refused. Where it is not, the cluster has no Pod Security admission, and there
/// was nothing to be tried.
async fn restricted(notes: &mut Notes) -> Result<(), Stop> {
    let container =
        json!({ "name": "any", "image": "any", "securityContext": { "privileged": true } });
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "privileged", "namespace": SERVICE },
        "spec": { "containers": [container] },
    });
    let create = ["create", "--dry-run=server", "--filename=-"];
    let said = ask_for(PATIENCE, &create, &pod.to_string()).await?;
    notes.say(if said.complaints.contains("PodSecurity") {
        "the namespace refuses a privileged pod"
    } else {
        "THIS CLUSTER DOES NOT ENFORCE Pod Security: `restricted` is not tried"
    });
    Ok(())
}
