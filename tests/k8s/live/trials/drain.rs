//! A node is drained of our pods, as for its maintenance; of others there it is only closed for new ones.

use std::time::{Duration, Instant};

use onelane_tree::manifests::{list, text};

use super::judge_posts;
use super::kill::LANES;
use super::rollout::SOME;
use crate::cluster::{Cluster, nodes};
use crate::home::SERVICE;
use crate::kubectl::{ask_for, expect, get};
use crate::load::{GETS, Load, POSTS};
use crate::notes::{Notes, Stop};
use crate::service::{both, hold, left, ready};
use crate::witness::Witness;

const OURS: &str = concat!("app.kubernetes.io/name=", env!("CARGO_PKG_NAME"));

pub(super) async fn run(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    cluster.may_be_disturbed()?;
    let open = nodes().await?;
    if open.len() < 2 {
        let why = "one node takes pods; it takes a second one for those of the first";
        return Err(Stop::Skip(why.to_owned()));
    }
    only_ours().await?;
    hold(cluster, LANES).await?;
    let pods = both().await?;
    let on = |node: &&String| pods.iter().filter(|pod| pod.node == **node).count();
    let node = open.iter().max_by_key(on).expect("there are two");
    let count = on(&node);

    let witness = Witness::start();
    let load = Load::start(cluster, "drain", &[GETS, POSTS].concat()).await?;
    load.more(SOME).await?;
    cluster.undo.later(&["uncordon", node]);
    let start = Instant::now();
    let selector = format!("--pod-selector={OURS}");
    let drain = [
        "drain",
        node,
        &selector,
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--timeout=280s",
    ];
    // nginx needs up to 80 s to end, and what a budget holds back comes after that.
    let said = ask_for(Duration::from_mins(5), &drain, "").await?;
    expect(&drain, &said)?;
    let took = start.elapsed().as_secs_f64();
    ready().await?;
    left().await?;
    load.more(SOME).await?;
    notes.say(format!("{count} pods left {node} in {took:.0} s"));
    let stayed = both().await?.iter().filter(|pod| pod.node == *node).count();
    notes.check(stayed == 0, format!("{stayed} pods are still there"));

    let answers = load.stop().await?;
    judge_posts(notes, witness, &answers, 0).await;
    Ok(())
}

/// The label is not of these trials alone.
async fn only_ours() -> Result<(), Stop> {
    let pods = get(&["pods", "--all-namespaces", "--selector", OURS]).await?;
    let namespaces = list(&pods, "/items")
        .iter()
        .map(|pod| text(pod, "/metadata/namespace"));
    match namespaces.filter(|it| *it != SERVICE).max() {
        None => Ok(()),
        Some(other) => Err(Stop::Skip(format!(
            "{other} has a {SERVICE} of its own, which would be drained with ours"
        ))),
    }
}
