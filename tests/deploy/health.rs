//! An nginx that does not serve any more, and one that only seems so.

use onelane_stack::{Compose, eventually};

#[tokio::test]
async fn an_nginx_that_does_not_answer_is_ended_and_comes_back() {
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    let nginx = stack.nginx().await;
    // As `make reload` does: Docker would take `docker kill` for a stop by hand.
    nginx.run("kill -s HUP 1").await;
    eventually("workers that can be counted", async || {
        let processes = nginx.processes().await;
        let workers = processes
            .iter()
            .filter(|title| title.ends_with("worker process"));
        (workers.count() == 2 && processes.len() == 3).then_some(())
    })
    .await;

    let workers = "grep -las '^nginx: [w]orker' /proc/[0-9]*/cmdline | cut -d / -f 3";
    nginx.run(&format!("kill -s STOP $({workers})")).await;

    assert!(!nginx.is_healthy().await);
    eventually("a start", async || {
        (nginx.restarts().await == "1").then_some(())
    })
    .await;
    let nginx = stack.nginx().await;
    eventually("an answer", async || nginx.is_healthy().await.then_some(())).await;
    assert_eq!(stack.get("/fast").await.status, 200);
}

#[tokio::test]
async fn an_nginx_that_serves_out_is_not_disturbed_by_its_health_check() {
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    let nginx = stack.nginx().await;
    let request = stack.get_in_background("/sleep?ms=5000");
    stack.busy(1).await;
    nginx.run("kill -s QUIT 1").await;

    assert!(!nginx.is_healthy().await);

    assert!(!request.is_finished(), "nginx was asked too late");
    assert_eq!(request.await.expect("an answer").status, 200);
}
