use std::process::Command;
use std::time::Duration;

use reqwest::Client;
use rstest::rstest;
use rustix::process::{Resource, Signal};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::process::{Process, children};
use super::request::{assert_refused, until_served};
use super::user::FreshUser;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane, onelane};

fn fork_server(lane: &Lane) -> Process {
    Process::of(lane).children().remove(0)
}

/// The process that starts those that compute.
fn starter(lane: &Lane, mode: Mode) -> Process {
    match mode {
        Cluster => Process::of(lane),
        _ => fork_server(lane),
    }
}

const SHORT: &[&str] = &["--request-timeout", "1s", "--queue-timeout", "1s"];

#[rstest]
#[tokio::test]
async fn while_the_process_table_is_full_requests_are_refused(
    #[values(Fork, Pool, Cluster)] mode: Mode,
) {
    let Some(user) = FreshUser::new() else {
        return;
    };
    let mut command = user.be(onelane());
    command
        .args(["--mode", &mode.to_string(), "--slots", "1"])
        .args(SHORT);
    let lane = Lane::run(command);
    assert_eq!(lane.get("/fast").await.status, 200);
    let starter = starter(&lane, mode);
    user.limit_processes(starter, Some(1));
    let all = children(&lane, mode.children_at_rest(1)).await;
    for child in &all {
        child.signal(Signal::KILL);
    }
    lane.until_status(|status| status["children"]["exited"]["crashed"] == all.len())
        .await;
    for _ in 0..2 {
        assert_refused(&lane.get("/fast").await);
    }
    assert_eq!(lane.admin("/livez").await.status, 200);
    user.limit_processes(starter, None);
    until_served(&lane).await;
}

#[rstest]
#[case::of_the_server(4, Process::of)]
#[case::of_the_fork_server(2, fork_server)]
#[tokio::test]
async fn without_descriptors_for_a_child_requests_are_refused(
    #[case] needed: usize,
    #[case] which: fn(&Lane) -> Process,
) {
    let lane = lane::of(Fork, &["--spare-children", "0"]);
    let process = which(&lane);
    assert_eq!(lane.get("/fast").await.status, 200);
    lane.until_status(|status| status["children"]["alive"].as_array().unwrap().is_empty())
        .await;
    let before = process.descriptors();
    for spare in 0..needed {
        process.spare_descriptors(spare);
        assert_refused(&lane.get("/fast").await);
        process.unlimit(Resource::Nofile);
        assert_eq!(process.descriptors(), before, "{spare} to spare");
    }
    process.spare_descriptors(needed);
    assert_eq!(lane.get("/fast").await.status, 200);
}

#[tokio::test]
async fn a_pool_that_has_its_children_needs_no_descriptors() {
    let lane = lane::of(Pool, SHORT);
    assert_eq!(lane.get("/fast").await.status, 200);
    let server = Process::of(&lane);
    let child = children(&lane, 1).await.remove(0);
    // Both connections that are used here exist already.
    server.spare_descriptors(0);
    assert_eq!(lane.get("/sleep?ms=100").await.status, 200);
    child.signal(Signal::KILL);
    lane.until_status(|status| status["children"]["exited"]["crashed"] == 1)
        .await;
    server.spare_descriptors(0);
    assert_refused(&lane.get("/fast").await);
    server.unlimit(Resource::Nofile);
    until_served(&lane).await;
}

#[tokio::test]
async fn a_parent_that_has_its_workers_needs_no_descriptors() {
    let lane = lane::of(Cluster, &[]);
    // From now on there is a connection for the status.
    lane.until_ready().await;
    Process::of(&lane).spare_descriptors(0);
    let waiting = async {
        lane.until("busy", 0).await;
        tokio::select! {
            () = lane.until("busy", 1) => {}
            _ = lane.get("/fast") => unreachable!(),
        }
    };
    tokio::select! {
        () = waiting => {}
        _ = lane.get("/sleep?ms=3600000") => unreachable!(),
    }
    assert!(lane.log(|line| line["level"] == "ERROR").is_empty());
}

#[rstest]
#[tokio::test]
async fn without_descriptors_for_a_connection_it_waits(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    let server = match mode {
        Cluster => children(&lane, 1).await[0],
        _ => Process::of(&lane),
    };
    server.spare_descriptors(0);
    let client = Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("http://{}/fast", lane.listen)).send();
    let recovery = async {
        lane.logged(|line| line["message"] == "no connection could be accepted")
            .await;
        server.unlimit(Resource::Nofile);
    };
    let (answer, ()) = tokio::join!(request, recovery);
    assert_eq!(answer.unwrap().status(), 200);
}

#[rstest]
#[tokio::test]
async fn connections_leave_enough_descriptors_for_probes_and_children(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut command = Command::new("sh");
    let program = onelane().get_program().to_owned();
    command
        .args(["-c", "ulimit -n 80; exec \"$0\" \"$@\""])
        .arg(program);
    command.args(["--mode", &mode.to_string(), "--slots", "1"]);
    let lane = Lane::run(command);
    lane.until_ready().await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        let mut connection = TcpStream::connect(&lane.listen).await.unwrap();
        // Kept for long, because it has been of use.
        let request = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
        connection.write_all(request).await.unwrap();
        idle.push(connection);
    }
    for path in ["/livez", "/readyz", "/metrics", "/status"] {
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let answer = client
            .get(format!("http://{}{path}", lane.admin_listen))
            .send()
            .await;
        assert_eq!(answer.unwrap().status(), 200);
    }
    drop(idle);
    assert_eq!(lane.get("/fast").await.status, 200);
}
