//! All lanes are deleted at once, by force. Until the next ones are ready there is no lane to compute, so requests
//! are refused; the refusals have to end when the lanes are ready.

use std::collections::HashSet;

use super::kill::LANES;
use super::rollout::SOME;
use crate::answers::{Answer, Kind, told};
use crate::cluster::Cluster;
use crate::home::SERVICE;
use crate::kubectl::{kubectl, until};
use crate::load::{GETS, Load, now};
use crate::notes::{Notes, Stop};
use crate::service::{PATIENCE, Tier, hold, pods, ready};

/// From the first lane that is ready to the last refusal, in seconds: until nginx asks DNS again (2 s), the
/// cluster has told DNS and its nodes (a second or two), and this program has noticed.
const LIMIT: f64 = 8.0;

pub(super) async fn run(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    hold(cluster, LANES).await?;
    let load = Load::start(cluster, "all-gone", &GETS).await?;
    load.more(SOME).await?;
    let ahead = load.clock_ahead().await?;
    let old: HashSet<String> = pods(Tier::Lanes)
        .await?
        .into_iter()
        .map(|pod| pod.uid)
        .collect();

    let deleted = now();
    let selector = Tier::Lanes.selector();
    let delete = ["delete", "pods", "--namespace", SERVICE, "--selector"];
    let force = [selector.as_str(), "--grace-period=0", "--force"];
    kubectl(&[&delete[..], &force].concat()).await?;
    until("a lane", PATIENCE, async || {
        let pods = pods(Tier::Lanes).await?;
        let new = pods
            .iter()
            .any(|pod| pod.serves() && !old.contains(&pod.uid));
        Ok(new.then_some(()))
    })
    .await?;
    let first = now();
    ready().await?;
    // Until nothing is refused any more, or DNS would have forgotten by itself.
    until("answers again", PATIENCE, async || {
        let answers = load.answers().await?.0;
        Ok(answers
            .iter()
            .rev()
            .take(SOME)
            .all(|it| !it.is_lost())
            .then_some(()))
    })
    .await?;

    let answers = load.stop().await?;
    notes.say(answers.summary());
    let without = first - deleted;
    notes.say(format!(
        "a lane was ready {without:.1} s after they were deleted"
    ));
    let refused = answers.lost(&[Kind::Get]);
    let is_early = |it: &&&Answer| it.ended() - ahead < deleted;
    let early: Vec<&Answer> = refused.iter().filter(is_early).copied().collect();
    notes.check(
        early.is_empty(),
        format!("lost before that{}", told(&early)),
    );
    let after = refused.iter().map(|it| it.ended() - ahead - first);
    match after.reduce(f64::max) {
        None => notes.say("nothing was refused"),
        Some(last) => {
            let count = refused.len();
            notes.say(format!(
                "{count} were refused, the last one {:.1} s {} that",
                last.abs(),
                if last < 0.0 { "before" } else { "after" }
            ));
            notes.check(
                last <= LIMIT,
                format!("that is more than {LIMIT} s{}", told(&refused)),
            );
        }
    }
    Ok(())
}
