//! The autoscaler by CPU: up while lanes compute, and down again, although some are occupied by what takes no
//! CPU. That is what it cannot see: `occupied` tries the other one.
//!
//! Down it goes without the five minutes of patience that `app-hpa.yaml` has, and at once.

use std::time::{Duration, Instant};

use onelane_tree::manifests::list;
use serde_json::Value;

use super::judge;
use super::rollout::SOME;
use crate::answers::{Answer, told};
use crate::cluster::Cluster;
use crate::home::SERVICE;
use crate::kubectl::{ask, get, kubectl, until};
use crate::load::Load;
use crate::notes::{Notes, Stop};
use crate::service::{Tier, fewest, left, ready, wanted};

/// Metrics are a minute old at worst, and the autoscaler looks every 15 s.
const LIMIT: Duration = Duration::from_mins(5);

/// Each keeps a CPU busy, where there is one for it.
const COMPUTE: [&str; 6] = ["GET /wait 500 kept - 0 0"; 6];

/// What occupies lanes without CPU, beside ten short requests a second.
pub(super) const OCCUPY: [&str; 6] = [
    "GET /sleep 20000 fresh - 0 0",
    "GET /sleep 20000 fresh - 0 0",
    "GET /sleep 20000 fresh - 0 0",
    "GET /sleep 20 fresh - 0.28 0",
    "GET /sleep 20 kept - 0.28 0",
    "GET /sleep 20 kept - 0.28 0",
];

/// For `behavior`: down to what is wanted, without waiting.
pub(super) const AT_ONCE: &str = r#"{"scaleDown":{"stabilizationWindowSeconds":0,"policies":[{"type":"Percent","value":100,"periodSeconds":15}]}}"#;

pub(super) async fn run(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    measured().await?;
    cluster.undo.autoscaler_later();
    let patch = format!(r#"{{"spec":{{"behavior":{AT_ONCE}}}}}"#);
    let app = Tier::Lanes.name();
    let arguments = ["patch", "hpa", app, "--namespace", SERVICE];
    kubectl(&[&arguments[..], &["--type=merge", "--patch", &patch]].concat()).await?;
    up(cluster, notes).await?;
    down(cluster, notes).await
}

/// There are metrics, and of the lanes: metrics-server needs a minute for new ones.
async fn measured() -> Result<(), Stop> {
    let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{SERVICE}/pods");
    let raw = ["get", "--raw", &path];
    if !ask(&raw).await?.succeeded {
        let why = "this cluster does not serve metrics.k8s.io: it has no metrics-server";
        return Err(Stop::Skip(why.to_owned()));
    }
    until("metrics of the lanes", LIMIT, async || {
        let said = ask(&raw).await?.out;
        let metrics: Value = serde_json::from_str(&said).unwrap_or_default();
        let pods = list(&metrics, "/items").iter();
        let mut containers = pods.flat_map(|pod| list(pod, "/containers"));
        Ok(containers.any(|it| it["name"] == "lane").then_some(()))
    })
    .await
}

async fn up(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    let mut course = Course::start().await?;
    let enough = course.lanes() + 2;
    let load = Load::start(cluster, "grow-up", &COMPUTE).await?;
    course.until(|lanes| lanes >= enough).await?;
    ready().await?;
    load.more(SOME).await?;
    let answers = load.stop().await?;
    // They may have become more meanwhile.
    course.look().await?;
    notes.say(course.told());
    judge(notes, &answers, 0);
    Ok(())
}

async fn down(cluster: &Cluster, notes: &mut Notes) -> Result<(), Stop> {
    let load = Load::start(cluster, "grow-down", &OCCUPY).await?;
    let mut course = Course::start().await?;
    course.until(|lanes| lanes <= fewest()).await?;
    notes.say(course.told());
    left().await?;

    let answers = load.stop().await?;
    notes.say(answers.summary());
    let is_refused = |it: &&Answer| it.status == 503 && it.reason.starts_with("queue_");
    let (refused, lost): (Vec<&Answer>, Vec<&Answer>) = answers
        .0
        .iter()
        .filter(|it| it.is_lost())
        .partition(is_refused);
    notes.say(format!(
        "{} refused, because three lanes are occupied and CPU does not tell",
        refused.len()
    ));
    notes.check(lost.is_empty(), format!("lost{}", told(&lost)));
    Ok(())
}

/// How the number of wanted lanes changed.
pub(super) struct Course {
    start: Instant,
    seen: Vec<(Duration, u64)>,
}

impl Course {
    pub(super) async fn start() -> Result<Self, Stop> {
        Ok(Self {
            start: Instant::now(),
            seen: vec![(Duration::ZERO, wanted().await?)],
        })
    }

    pub(super) fn lanes(&self) -> u64 {
        self.seen.last().map_or(0, |(_, lanes)| *lanes)
    }

    pub(super) async fn look(&mut self) -> Result<u64, Stop> {
        let lanes = wanted().await?;
        if lanes != self.lanes() {
            self.seen.push((self.start.elapsed(), lanes));
        }
        Ok(lanes)
    }

    async fn until(&mut self, enough: impl Fn(u64) -> bool) -> Result<(), Stop> {
        let waited = until("the autoscaler", LIMIT, async || {
            Ok(enough(self.look().await?).then_some(()))
        });
        match waited.await {
            Ok(()) => Ok(()),
            Err(why) => Err(Stop::Fail(format!("{why}: {}", reason().await?))),
        }
    }

    pub(super) fn told(&self) -> String {
        let steps = self.seen.iter().map(|(at, lanes)| match at.as_secs() {
            0 => format!("{lanes}"),
            seconds => format!("{lanes} after {seconds} s"),
        });
        let steps: Vec<String> = steps.collect();
        format!("lanes wanted: {}", steps.join(", "))
    }
}

/// Why the autoscaler does what it does, in its own words.
async fn reason() -> Result<String, Stop> {
    let hpa = get(&["hpa", Tier::Lanes.name(), "--namespace", SERVICE]).await?;
    let conditions = list(&hpa, "/status/conditions").iter();
    let told: Vec<String> = conditions
        .map(|it| format!("{} is {}: {}", it["type"], it["status"], it["message"]))
        .collect();
    Ok(told.join("; "))
}
