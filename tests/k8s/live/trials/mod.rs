//! One trial after the other, each by itself: what is done, and what has to be true.
//!
//! "Lost" is a request without a 200. What is asserted everywhere: no GET is lost, and no POST is done twice. A
//! POST without a key may be lost with the lane that computes it, because nginx cannot know whether it was done.

mod all_gone;
mod apply;
mod crash;
mod dns;
mod drain;
mod grow;
mod kill;
mod occupied;
mod rollout;
mod scale_down;

use crate::answers::{Answers, Kind, told};
use crate::cluster::Cluster;
use crate::notes::{Notes, Report, Stop};
use crate::options::Options;
use crate::witness::Witness;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trial {
    Apply,
    Rollout,
    ScaleDown,
    Kill,
    Crash,
    Drain,
    Dns,
    AllGone,
    Grow,
    Occupied,
}

impl Trial {
    /// Four lanes come before `Kill` and go in `ScaleDown`: to wait for new ones takes half a minute.
    pub(crate) const ALL: [Self; 10] = [
        Self::Apply,
        Self::Rollout,
        Self::Kill,
        Self::Crash,
        Self::Drain,
        Self::Dns,
        Self::AllGone,
        Self::ScaleDown,
        Self::Grow,
        Self::Occupied,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Rollout => "rollout",
            Self::ScaleDown => "scale-down",
            Self::Kill => "kill",
            Self::Crash => "crash",
            Self::Drain => "drain",
            Self::Dns => "dns",
            Self::AllGone => "all-gone",
            Self::Grow => "grow",
            Self::Occupied => "occupied",
        }
    }

    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Apply => "from nothing, under `restricted`; the second time it changes nothing",
            Self::Rollout => "every pod of both tiers is replaced under load, POSTs included",
            Self::ScaleDown => "lanes that leave finish requests of 28 s",
            Self::Kill => "pods of busy lanes are deleted by force, and cut short",
            Self::Crash => "the process of a busy lane is killed, from its node (CLUSTER_IS_OURS)",
            Self::Drain => "a node is drained of our pods (CLUSTER_IS_OURS)",
            Self::Dns => "an nginx starts while there is no DNS (CLUSTER_IS_OURS)",
            Self::AllGone => "all lanes are deleted at once",
            Self::Grow => "the autoscaler by CPU, up and down (metrics-server)",
            Self::Occupied => "the autoscaler by lanes keeps lanes that wait (KEDA or adapter)",
        }
    }

    async fn run(self, cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
        match self {
            Self::Apply => apply::run(cluster, notes).await,
            Self::Rollout => rollout::run(cluster, notes).await,
            Self::ScaleDown => scale_down::run(cluster, notes).await,
            Self::Kill => kill::run(cluster, notes).await,
            Self::Crash => crash::run(cluster, notes).await,
            Self::Drain => drain::run(cluster, notes).await,
            Self::Dns => dns::run(cluster, notes).await,
            Self::AllGone => all_gone::run(cluster, notes).await,
            Self::Grow => grow::run(cluster, notes).await,
            Self::Occupied => occupied::run(cluster, notes).await,
        }
    }
}

pub(crate) async fn run(cluster: &Cluster, options: &Options, report: &mut Report) {
    let mut applied = true;
    for trial in &options.trials {
        if !applied {
            report.skip(trial.name(), trial.about(), "the service does not run");
            continue;
        }
        let mut notes = Report::begin(trial.name(), trial.about());
        let end = trial.run(cluster, &mut notes).await;
        cluster.undo.all().await;
        report.end(trial.name(), notes, end);
        if *trial == Trial::Apply {
            applied = crate::service::ready_now().await;
        }
    }
}

/// Nothing was lost but so many POSTs without a key.
fn judge(notes: &mut Notes, answers: &Answers, lost_lanes: usize) {
    notes.say(answers.summary());
    let lost = answers.lost(&[Kind::Get, Kind::KeyedPost]);
    notes.check(lost.is_empty(), format!("lost{}", told(&lost)));
    let posts = answers.lost(&[Kind::Post]);
    let with_their_lanes = posts.len() <= lost_lanes && posts.iter().all(|it| it.status == 502);
    notes.check(
        with_their_lanes,
        format!("{lost_lanes} POSTs may be lost, by 502{}", told(&posts)),
    );
    if lost_lanes > 0 {
        let lost = posts.len();
        notes.say(format!("{lost} POSTs lost with {lost_lanes} lanes"));
    }
}

/// And no POST was done twice.
async fn judge_posts(notes: &mut Notes, witness: Witness, answers: &Answers, lost_lanes: usize) {
    judge(notes, answers, lost_lanes);
    let seen = witness.testimony(answers).await;
    let twice = told(&seen.done_twice);
    notes.check(seen.done_twice.is_empty(), format!("done twice{twice}"));
    if seen.unseen > 0 {
        let unseen = seen.unseen;
        notes.say(format!("no log tells of {unseen} POSTs that were answered"));
    }
    for line in seen.of_lost {
        println!("           {line}");
    }
}
