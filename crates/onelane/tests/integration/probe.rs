use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use rstest::rstest;
use rustix::process::Signal;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, onelane};

fn probe(address: &str) -> Command {
    let mut command = onelane();
    command.args(["probe", "--admin-listen", address]);
    command
}

#[rstest]
#[tokio::test]
async fn a_probe_says_yes_while_the_server_is_ready_and_no_while_it_drains(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--drain-delay", "1h"]);
    lane.until_ready().await;
    assert!(probe(&lane.admin_listen).status().unwrap().success());
    lane.signal(Signal::TERM);
    lane.logged(|line| line["message"] == "draining").await;
    let output = probe(&lane.admin_listen).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("503"));
}

#[test]
fn a_probe_says_no_where_no_server_listens() {
    let output = probe("127.0.0.1:1").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn a_probe_of_every_address_asks_the_local_one() {
    let lane = lane::start(&[]);
    lane.until_ready().await;
    let port = lane.admin_listen.rsplit(':').next().unwrap();
    assert!(
        probe(&format!("0.0.0.0:{port}"))
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_probe_says_no_where_something_else_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let other = thread::spawn(move || {
        let mut client = listener.accept().unwrap().0;
        client.write_all(b"220 mail.example\r\n").unwrap();
    });
    let output = probe(&address).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    other.join().unwrap();
}
