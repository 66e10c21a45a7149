//! POSTs, which are never repeated, while lanes leave and come.

use std::collections::HashSet;

use onelane_load::Clients;
use onelane_stack::{Compose, Local, ask, client, eventually};
use rstest::rstest;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

/// Together with the time that a request takes, well below what nginx allows one address.
const CLIENTS: usize = 12;

/// Clients that post without a pause.
fn posts(base: &str) -> Clients<()> {
    let (client, url) = (client(), format!("{base}/sleep"));
    Clients::start(CLIENTS, move |_| {
        let request = client.post(&url).json(&json!({ "ms": 10 }));
        async {
            let reply = ask(request).await;
            assert_eq!(reply.status, 200, "{}", reply.json);
        }
    })
}

#[tokio::test]
async fn scaling_down_and_up_loses_no_post() {
    let Some(stack) = Compose::up(4).await else {
        return;
    };
    let posts = posts(&stack.base);
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
    let posts = posts(&stack.base);
    // The two others have room for all clients.
    for lane in ["lane-1", "lane-2"] {
        posts.answered(100).await;
        let pid = stack.pids(lane).remove(0);
        kill_process(pid, Signal::TERM).expect("it is ours");
        let ends = async || stack.log(lane).contains("\"stopped\"").then_some(());
        eventually("the end of a lane", ends).await;
    }
    posts.answered(100).await;
    let posted = posts.stop().await.len();

    // A line may be written after the answer that it is about.
    let done = eventually("a line for each POST", async || {
        let done = (1..=4).flat_map(|lane| done(&stack.log(&format!("lane-{lane}"))));
        let done: Vec<_> = done.collect();
        (done.len() >= posted).then_some(done)
    });
    let done = done.await;
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
