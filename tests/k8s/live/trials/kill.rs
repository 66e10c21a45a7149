//! Lanes go while they compute. A lane that is deleted by force is forgotten at once by the API server and DNS,
//! but its node lets it end in peace. One that has a second gets SIGKILL, with its request.

use super::judge_posts;
use super::rollout::SOME;
use crate::cluster::Cluster;
use crate::kubectl::until;
use crate::load::Load;
use crate::notes::{Notes, Stop};
use crate::service::{PATIENCE, Pod, Tier, a_lane, delete, hold, pods, ready};
use crate::witness::Witness;

pub(super) const LANES: u64 = 4;

/// All lanes are busy all the time, so that each one that goes has a request. Three lanes are enough for
/// them: no request waits for longer than the 10 s of `queue_timeout`.
pub(super) const BUSY: [&str; 6] = [
    "GET /sleep 2000 fresh - 0 0",
    "GET /sleep 2000 kept - 0 0",
    "POST /sleep 2000 fresh - 0 0",
    "POST /sleep 2000 kept key 0 0",
    "GET /sleep 50 fresh - 0.3 0",
    "GET /sleep 50 kept - 0.3 0",
];

/// How a pod is deleted.
const WAYS: [&[&str]; 2] = [&["--grace-period=0", "--force"], &["--grace-period=1"]];

pub(super) async fn run(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    hold(cluster, LANES).await?;
    let witness = Witness::start();
    let load = Load::start(cluster, "kill", &BUSY).await?;
    load.more(SOME).await?;
    for how in WAYS {
        let lane = a_lane().await?;
        delete(&lane, how).await?;
        gone(&lane).await?;
        ready().await?;
        load.more(SOME).await?;
        notes.say(format!("deleted {} with {}", lane.name, how.join(" ")));
    }
    let answers = load.stop().await?;
    judge_posts(notes, witness, &answers, WAYS.len()).await;
    Ok(())
}

async fn gone(lane: &Pod) -> Result<(), Stop> {
    until("the pod to be gone", PATIENCE, async || {
        let pods = pods(Tier::Lanes).await?;
        let is_there = pods.iter().any(|pod| pod.uid == lane.uid);
        Ok((!is_there).then_some(()))
    })
    .await
}
