use std::os::fd::OwnedFd;

use humantime_serde::re::humantime::parse_rfc3339;
use reqwest::Method;
use rstest::rstest;
use rustix::fs::{Mode as FsMode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader, Lines};

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, onelane, send};

#[rstest]
fn the_first_line_names_both_addresses_and_the_mode(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let first = &lane.log(|_| true)[0];
    assert_eq!(first["message"], "listening");
    assert_eq!(first["mode"], mode.to_string());
    for address in ["listen", "admin_listen"] {
        let address = first[address].as_str().unwrap();
        std::net::TcpStream::connect(address).unwrap();
    }
}

#[rstest]
#[tokio::test]
async fn each_request_is_one_line_with_its_times(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let request = lane.request(Method::GET, "/echo?number=7");
    let request = request
        .header("x-request-id", "my-request")
        .header("user-agent", "tester/1");
    let answer = send(request).await;
    let line = lane.logged(|line| line["request_id"] == "my-request").await;
    assert_eq!(line["message"], "request");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["uri"], "/echo?number=7");
    assert_eq!(line["status"], 200);
    assert_eq!(line["client"], "127.0.0.1");
    assert_eq!(line["user_agent"], "tester/1");
    assert_eq!(line["bytes"], answer.text.len());
    assert_eq!(line["compute_ms"], answer.timing("compute"));
    assert_eq!(line["queue_ms"], answer.timing("queue"));
    assert!(line["duration_ms"].is_number());
    // `onelane-plan` reads this and `compute_ms`; its own tests have a log that was recorded once.
    parse_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
}

#[rstest]
#[tokio::test]
async fn a_refused_request_is_logged_with_its_reason(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.get("/echo?number=x").await;
    let line = lane.logged(|line| line["status"] == 400).await;
    assert_eq!(line["reason"], "bad_request");
}

#[rstest]
#[tokio::test]
async fn what_a_workload_logs_bears_the_id_of_its_request(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for id in ["first", "second"] {
        let request = lane.request(Method::GET, &format!("/note?text=of+the+{id}"));
        send(request.header("x-request-id", id)).await;
        let text = format!("of the {id}");
        let line = lane.logged(|line| line["text"] == text).await;
        assert_eq!(line["request_id"], id);
        // A span of its own is as good as a field, but hides none.
        assert_eq!((&line["part"], &line["level"]), (&1.into(), &"INFO".into()));
    }
    let outside = lane.log(|line| line["message"] == "listening");
    assert_eq!(outside[0].get("request_id"), None);
}

#[rstest]
#[tokio::test]
async fn a_panic_and_a_failure_bear_the_id_of_their_request(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for (path, id) in [
        ("/panic", "panicking"),
        ("/refuse?how=by_an_error", "failing"),
    ] {
        let request = lane.request(Method::GET, path);
        send(request.header("x-request-id", id)).await;
    }
    let panic = lane.logged(|line| line["message"] == "panic").await;
    assert_eq!(panic["request_id"], "panicking");
    for id in ["panicking", "failing"] {
        let failed =
            |line: &Value| line["message"] == "the workload failed" && line["request_id"] == id;
        lane.logged(failed).await;
    }
}

/// A terminal: the end that a person looks at, and the one that a program writes to.
fn terminal() -> (OwnedFd, OwnedFd) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let program = open(name, OFlags::RDWR | OFlags::NOCTTY, FsMode::empty()).unwrap();
    (person, program)
}

/// Those that compute in another process write through the server, not to the terminal.
#[rstest]
#[tokio::test]
async fn on_a_terminal_the_log_is_text_without_being_told(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let (person, program) = terminal();
    let mut command = tokio::process::Command::from(onelane());
    command
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--mode", &mode.to_string()]);
    let child = command.kill_on_drop(true).stderr(program).spawn();
    let _child = child.unwrap();
    drop(command);
    let mut lines = BufReader::new(tokio::fs::File::from_std(person.into())).lines();
    let address = text_lane(&mut lines).await;
    note(&mut lines, &address).await;
}

#[tokio::test]
async fn the_log_can_be_text() {
    let mut command = tokio::process::Command::from(onelane());
    command
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--log-format", "text"]);
    let mut child = command
        .kill_on_drop(true)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = text_lane(&mut lines).await;
    note(&mut lines, &address).await;
}

/// Reads that a lane is ready, as text, and where it listens.
async fn text_lane(lines: &mut Lines<impl AsyncBufRead + Unpin>) -> String {
    let first = lines.next_line().await.unwrap().unwrap();
    let (_, address) = first.split_once(" listening listen=").unwrap();
    let (address, _) = address.split_once(' ').unwrap();
    assert!(first.contains("INFO"), "{first}");
    while !lines.next_line().await.unwrap().unwrap().contains(" ready") {}
    address.to_owned()
}

/// What a workload notes is text, too, with the id of the request.
async fn note(lines: &mut Lines<impl AsyncBufRead + Unpin>, address: &str) {
    let request = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = request.get(format!("http://{address}/note?text=hello"));
    send(request.header("x-request-id", "my-request")).await;
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains(r#"note text="hello""#) {
            return assert!(line.contains(r#"request_id="my-request""#), "{line}");
        }
    }
    panic!("it has logged no note");
}
