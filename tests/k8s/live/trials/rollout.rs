//! Every pod of both tiers is replaced under load.

use std::time::Instant;

use super::judge_posts;
use crate::cluster::Cluster;
use crate::load::{GETS, Load, POSTS};
use crate::notes::{Notes, Stop};
use crate::service::{Tier, left, ready, restart};
use crate::witness::Witness;

/// Answers of each client, about: enough to know that all is well before, and again after.
pub(super) const SOME: usize = 40;

pub(super) async fn run(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    ready().await?;
    let witness = Witness::start();
    let load = Load::start(cluster, "rollout", &[GETS, POSTS].concat()).await?;
    load.more(SOME).await?;

    for tier in Tier::BOTH {
        let start = Instant::now();
        restart(tier).await?;
        let took = start.elapsed().as_secs_f64();
        notes.say(format!("{}: replaced in {took:.0} s", tier.name()));
    }
    // What is replaced serves on for a while, and that it leaves then is the point.
    left().await?;
    load.more(SOME).await?;

    let answers = load.stop().await?;
    judge_posts(notes, witness, &answers, 0).await;
    Ok(())
}
