//! Lanes leave while they compute: what runs is finished, and no request is lost when they end.

use std::collections::HashSet;
use std::time::Duration;

use super::judge_posts;
use super::rollout::SOME;
use crate::answers::{Kind, told};
use crate::cluster::Cluster;
use crate::load::{GETS, Load, POSTS};
use crate::notes::{Notes, Stop};
use crate::service::{hold, left, set};
use crate::witness::Witness;

const LANES: u64 = 4;
const LEFT: u64 = 2;

/// Just below the `request_timeout` of 30 s; each lane has one.
const LONG: &str = "GET /sleep 28000 fresh - 0 1";

pub(super) async fn run(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    hold(cluster, LANES).await?;
    let long = Load::start(cluster, "scale-down-long", &[LONG; 4]).await?;
    // Their start cannot be seen from outside, because a lane tells of a request when it has ended.
    tokio::time::sleep(Duration::from_secs(4)).await;
    set(LEFT).await?;

    let long = long.finish().await?;
    let lanes: HashSet<&str> = long.0.iter().map(|it| it.lane.as_str()).collect();
    notes.say(format!(
        "{} requests of 28 s on {} lanes, of which {LEFT} were to stay",
        long.0.len(),
        lanes.len()
    ));
    let lost = long.lost(&[Kind::Get]);
    notes.check(lost.is_empty(), format!("lost{}", told(&lost)));
    notes.check(
        lanes.len() > usize::try_from(LEFT).expect("it is small"),
        "no lane that left had one of them",
    );

    // Those that leave still serve, and end a few seconds from now.
    let witness = Witness::start();
    let load = Load::start(cluster, "scale-down", &[GETS, POSTS].concat()).await?;
    load.more(SOME).await?;
    left().await?;
    load.more(SOME).await?;
    let answers = load.stop().await?;
    judge_posts(notes, witness, &answers, 0).await;
    Ok(())
}
