//! POSTs, which are never repeated, while lanes leave and come.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use onelane_stack::{Compose, Local, ask, client, eventually};
use rstest::rstest;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Together with the time that a request takes, well below what nginx allows one address.
const CLIENTS: usize = 12;

/// Clients that post without a pause.
struct Posts {
    clients: Vec<JoinHandle<usize>>,
    answered: watch::Sender<usize>,
    end: watch::Sender<bool>,
}

impl Posts {
    fn start(base: &str) -> Self {
        let (answered, end) = (watch::Sender::new(0), watch::Sender::new(false));
        let post = || post_until(format!("{base}/sleep"), answered.clone(), end.subscribe());
        Self {
            clients: (0..CLIENTS).map(|_| tokio::spawn(post())).collect(),
            answered,
            end,
        }
    }

    /// Waits for so many more answers.
    async fn answered(&self, more: usize) {
        let mut answered = self.answered.subscribe();
        let enough = *answered.borrow() + more;
        let wait = answered.wait_for(|answered| *answered >= enough);
        timeout(Duration::from_mins(1), wait)
            .await
            .expect("clients go on posting")
            .expect("it is ours");
    }

    /// How many there were.
    async fn stop(self) -> usize {
        self.end.send_replace(true);
        let posted = join_all(self.clients).await.into_iter();
        posted.map(|posted| posted.expect("each is a 200")).sum()
    }
}

async fn post_until(
    url: String,
    answered: watch::Sender<usize>,
    end: watch::Receiver<bool>,
) -> usize {
    let client = client();
    let mut posted = 0;
    while !*end.borrow() {
        let reply = ask(client.post(&url).json(&json!({ "ms": 10 }))).await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        posted += 1;
        answered.send_modify(|answered| *answered += 1);
    }
    posted
}

#[tokio::test]
async fn scaling_down_and_up_loses_no_post() {
    let Some(stack) = Compose::up(4).await else {
        return;
    };
    let posts = Posts::start(&stack.base);
    for _ in 0..2 {
        stack.scale(2).await;
        posts.answered(100).await;
        stack.scale(4).await;
        posts.answered(100).await;
    }
    posts.stop().await;
}

#[rstest]
#[tokio::test]
async fn lanes_that_leave_one_after_the_other_lose_no_post_and_do_none_twice(
    #[values("blocking", "threads", "fork", "pool", "cluster")] mode: &str,
) {
    let stack = Local::up_with(4, &[("MODE", mode)]).await;
    let posts = Posts::start(&stack.base);
    // The two others have room for all clients.
    for lane in ["lane-1", "lane-2"] {
        posts.answered(100).await;
        let pid = stack.pids(lane).remove(0);
        kill_process(pid, Signal::TERM).expect("it is ours");
        let ends = async || stack.log(lane).contains("\"stopped\"").then_some(());
        eventually("the end of a lane", ends).await;
    }
    posts.answered(100).await;
    let posted = posts.stop().await;

    let done = (1..=4).flat_map(|lane| done(&stack.log(&format!("lane-{lane}"))));
    let done: Vec<_> = done.collect();
    assert_eq!(done.len(), posted);
    assert_eq!(done.iter().collect::<HashSet<_>>().len(), posted);
}

/// The ids of the requests that this lane did.
fn done(log: &str) -> Vec<String> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let done = lines.filter(|line: &Value| line["method"] == "POST" && line["status"] == 200);
    done.map(|line| line["request_id"].to_string()).collect()
}
