//! `status`: what a server does, in a terminal.

use std::process::{Command, Output};

use rstest::rstest;
use serde_json::Value;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, onelane, send};

fn status(address: &str) -> Command {
    let mut command = onelane();
    command.args(["status", "--admin-listen", address]);
    command
}

fn printed(output: Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[rstest]
#[tokio::test]
async fn a_terminal_shows_who_holds_the_slot_and_who_was_refused(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--request-timeout", "1h"]);
    lane.until_ready().await;
    let work = send(
        lane.request(reqwest::Method::GET, "/sleep?ms=600000")
            .header("x-request-id", "the-one"),
    );
    let look = async {
        lane.until("busy", 0).await;
        printed(status(&lane.admin_listen).output().unwrap())
    };
    let shown = tokio::select! { shown = look => shown, _ = work => unreachable!() };
    let mut lines = shown.lines();
    let first = lines.next().unwrap();
    assert!(
        first.starts_with(&format!("drills 7.8.9, {mode}, serving, up ")),
        "{shown}"
    );
    let slot = lines.next().unwrap();
    assert!(slot.starts_with("slot busy, pid "), "{shown}");
    assert!(slot.contains(", served "), "{shown}");
    assert!(slot.contains(", request the-one for "), "{shown}");
    assert!(lines.next().unwrap().starts_with("queue 0 of "), "{shown}");
    assert_eq!(lines.next(), Some("refused: none"), "{shown}");
    let children = shown.lines().last().unwrap();
    assert!(children.starts_with("children: "), "{shown}");
    let with_child = shown.contains("\nchild pid ");
    assert_eq!(with_child, matches!(mode, Fork | Pool | Cluster), "{shown}");
}

#[tokio::test]
async fn the_json_is_what_the_admin_port_answers() {
    let lane = lane::start(&[]);
    lane.until_ready().await;
    let printed = printed(status(&lane.admin_listen).arg("--json").output().unwrap());
    let mut printed: Value = serde_json::from_str(&printed).unwrap();
    let mut answered = lane.status().await;
    for status in [&mut printed, &mut answered] {
        status["uptime_seconds"].take();
    }
    assert_eq!(printed, answered);
}

#[test]
fn there_is_nothing_to_show_where_no_server_listens() {
    let output = status("127.0.0.1:1").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(
        complaint.contains("http://127.0.0.1:1/status"),
        "{complaint}"
    );
}
