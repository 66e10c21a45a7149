//! A configuration that is changed while requests run.

use std::path::Path;
use std::time::Duration;

use onelane_load::{Load, poisson};
use onelane_stack::{Compose, Local, Nginx, complaint, docker, eventually, get, output};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::files_of_nginx::Files;
use crate::lanes_change::host_of;

/// What a reload says of a file with a mistake in it.
const GOES_ON: &str = "reload: nginx goes on with what it has read before";

#[tokio::test]
async fn containers_are_reloaded_under_load_without_losing_a_request() {
    let files = Files::copy();
    let Some(stack) = Compose::up_changed(2, &nginx_with(&files)).await else {
        return;
    };
    let nginx = stack.nginx().await;
    let health = async || nginx.get(8081, "/healthz").await.status;
    loses_nothing(&stack.base, &files, || stack.reload_command(), health).await;
}

#[tokio::test]
async fn plain_processes_are_reloaded_under_load_without_losing_a_request() {
    let files = Files::copy();
    let folder = files.path().to_str().expect("its path is ASCII");
    let stack = Local::up_with(2, &[("NGINX_DIR", folder)]).await;
    let reload = || {
        let mut reload = Command::new("local/reload");
        reload
            .env("RUN_DIR", stack.run.path())
            .env("NGINX_DIR", files.path());
        reload
    };
    let health = async || get(format!("{}/healthz", stack.admin)).await.status;
    loses_nothing(&stack.base, &files, reload, health).await;
}

async fn loses_nothing(
    base: &str,
    files: &Files,
    reload: impl Fn() -> Command,
    health: impl AsyncFn() -> u16,
) {
    let load = Load::start(base, poisson(1, 50.0, |_| 10));
    assert_eq!(health().await, 200);

    for (before, after) in [(200, 202), (202, 203), (203, 200)] {
        let answer = |status| format!("return {status} \"ok");
        files.replace("nginx.conf", &answer(before), &answer(after));
        output(&mut reload()).await;
        assert_eq!(health().await, after, "what it has just read");
    }

    files.replace(
        "limits.conf",
        "limit_req_status 429;",
        "limit_req_status many;",
    );
    let said = complaint(&mut reload()).await;
    assert!(said.ends_with(GOES_ON), "{said}");
    assert_eq!(health().await, 200);
    files.replace(
        "limits.conf",
        "limit_req_status many;",
        "limit_req_status 429;",
    );
    output(&mut reload()).await;

    for outcome in load.stop().await {
        host_of(Some(outcome));
    }
}

#[tokio::test]
async fn reloads_wait_for_workers_that_slow_clients_keep_and_those_are_cut_off() {
    let files = Files::copy();
    // A minute, in a test.
    files.replace(
        "nginx.conf",
        "worker_shutdown_timeout 60s;",
        "worker_shutdown_timeout 5s;",
    );
    let Some(stack) = Compose::up_changed(1, &nginx_with(&files)).await else {
        return;
    };
    let nginx = stack.nginx().await;
    let mut uploads = Vec::new();
    let mut most = 0;
    for _ in 0..6 {
        // Enough for both workers.
        for _ in 0..4 {
            uploads.push(drip(&stack.base).await);
        }
        output(&mut stack.reload_command()).await;
        most = most.max(leaving(&nginx).await);
    }
    assert!(
        (1..=8).contains(&most),
        "{most} workers, four generations of two"
    );
    assert_eq!(stack.get("/fast").await.status, 200);
    for upload in uploads {
        upload.await.expect("it was cut off");
    }
    eventually("the end of every old worker", async || {
        (leaving(&nginx).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nine_signals_in_a_row_leave_workers_that_serve() {
    let Some(stack) = Compose::up(1).await else {
        return;
    };
    let nginx = stack.nginx().await;
    let mut uploads = Vec::new();
    for count in 1..=9 {
        // Enough for both workers.
        for _ in 0..3 {
            uploads.push(drip(&stack.base).await);
        }
        docker(["kill", "--signal", "HUP", &nginx.container]).await;
        eventually("one more old generation", async || {
            (leaving(&nginx).await >= count).then_some(())
        })
        .await;
    }

    assert_eq!(stack.get("/fast").await.status, 200);
    assert!(nginx.is_healthy().await);
    assert_eq!(nginx.restarts().await, "0");
    uploads.iter().for_each(JoinHandle::abort);
}

/// The service, but for its files.
fn nginx_with(files: &Files) -> serde_json::Value {
    let volume = |folder: &Path| format!("{}:/etc/nginx/lanes:ro", folder.display());
    json!({ "nginx": { "volumes": [volume(files.path())] } })
}

/// Workers that serve out what they have.
async fn leaving(nginx: &Nginx) -> usize {
    let processes = nginx.processes().await;
    let leaving = processes
        .iter()
        .filter(|title| title.ends_with("is shutting down"));
    leaving.count()
}

/// A client whose body comes byte by byte, until nginx has enough of it. A worker has it when this returns.
async fn drip(base: &str) -> JoinHandle<()> {
    let address = base.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.expect("nginx listens");
    let head = "POST /sleep HTTP/1.1\r\nHost: lanes\r\nContent-Type: application/json\r\n\
                Content-Length: 9000\r\nExpect: 100-continue\r\n\r\n";
    connection
        .write_all(head.as_bytes())
        .await
        .expect("it reads");
    let mut answer = [0; 25];
    connection
        .read_exact(&mut answer)
        .await
        .expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    tokio::spawn(async move {
        while connection.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
}
