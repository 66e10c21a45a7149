//! What lanes and nginx log while a trial runs: whether a POST was done twice, and what became of a request
//! that was lost. Pods take their log with them, so each is followed from when it is seen.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::task::{JoinHandle, JoinSet};

use crate::answers::{Answer, Answers, Kind};
use crate::home::SERVICE;
use crate::service;

/// How often new pods are looked for. They need longer to be ready.
const LOOK: Duration = Duration::from_secs(1);

/// For the last lines to come.
const LAST: Duration = Duration::from_secs(2);

/// The lines that name a request, by its id. A line that is seen again, because a stream broke, is the same.
#[derive(Default)]
struct Lines(HashMap<String, BTreeSet<String>>);

impl Lines {
    fn add(&mut self, pod: &str, line: &str) {
        let Ok(fields) = serde_json::from_str::<Value>(line) else {
            return;
        };
        if let Some(id) = fields["request_id"].as_str() {
            let lines = self.0.entry(id.to_owned()).or_default();
            lines.insert(format!("{pod} {line}"));
        }
    }

    /// How often a lane did this request. Only lanes tell the method by itself.
    fn times_done(&self, id: &str) -> usize {
        let lines = self.0.get(id).into_iter().flatten();
        let done =
            |line: &&String| line.contains(r#""method":"#) && line.contains(r#""status":200"#);
        lines.filter(done).count()
    }
}

pub(crate) struct Witness {
    lines: Arc<Mutex<Lines>>,
    watching: JoinHandle<()>,
}

impl Witness {
    pub(crate) fn start() -> Self {
        let lines = Arc::new(Mutex::new(Lines::default()));
        let watching = tokio::spawn(watch(lines.clone()));
        Self { lines, watching }
    }

    /// What it knows when all answers are there.
    pub(crate) async fn testimony(self, answers: &Answers) -> Testimony<'_> {
        tokio::time::sleep(LAST).await;
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let posts = answers.0.iter().filter(|it| it.kind == Kind::Post);
        let twice = posts.filter(|it| lines.times_done(&it.id) > 1);
        let posts = answers.0.iter().filter(|it| it.kind != Kind::Get);
        let unseen = posts.filter(|it| it.status == 200 && lines.times_done(&it.id) == 0);
        let of_lost = answers.0.iter().filter(|it| it.is_lost());
        Testimony {
            done_twice: twice.collect(),
            unseen: unseen.count(),
            of_lost: of_lost
                .filter_map(|it| lines.0.get(&it.id))
                .flatten()
                .cloned()
                .collect(),
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

pub(crate) struct Testimony<'a> {
    /// POSTs without a key that more than one lane did.
    pub(crate) done_twice: Vec<&'a Answer>,
    /// POSTs that were answered, but no log tells of them: it was gone, or came late.
    pub(crate) unseen: usize,
    /// What logs tell of lost requests.
    pub(crate) of_lost: Vec<String>,
}

async fn watch(lines: Arc<Mutex<Lines>>) {
    let mut seen = HashSet::new();
    // Those that follow end with this.
    let mut following = JoinSet::new();
    loop {
        for pod in service::both().await.unwrap_or_default() {
            // A container that was killed has the next log.
            if pod.trouble.is_none() && !pod.node.is_empty() && seen.insert((pod.uid, pod.restarts))
            {
                following.spawn(follow(pod.name, lines.clone()));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn follow(pod: String, lines: Arc<Mutex<Lines>>) {
    let logs = Command::new("kubectl")
        .args(["logs", "--follow", &pod, "--namespace", SERVICE])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(mut logs) = logs else {
        return;
    };
    let Some(stdout) = logs.stdout.take() else {
        return;
    };
    let mut stdout = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = stdout.next_line().await {
        lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(&pod, &line);
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn a_request_was_done_as_often_as_different_lines_of_lanes_say_so() {
        let lane = |at: u8| {
            format!(r#"{{"timestamp":"{at}","request_id":"a","method":"POST","status":200}}"#)
        };
        let mut lines = Lines::default();
        lines.add("app-1", &lane(1));
        lines.add("app-1", &lane(1));
        lines.add(
            "nginx-1",
            r#"{"request_id":"a","request":"POST /","status":200}"#,
        );
        lines.add("app-1", "no JSON");
        assert_eq!(lines.times_done("a"), 1);
        lines.add("app-2", &lane(1));
        assert_eq!(lines.times_done("a"), 2);
        assert_eq!(lines.times_done("b"), 0);
    }
}
