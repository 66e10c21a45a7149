use std::process::{Output, Stdio};

use reqwest::Client;
use rstest::rstest;
use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::process::{Process, until};
use crate::lane::{Answer, onelane, send};

/// A pool whose fork server stands still before all children are there.
struct Starting {
    server: Child,
    fork_server: Process,
}

impl Starting {
    async fn new() -> Self {
        let mut command = Command::from(onelane());
        // More than can be there by the time of a look.
        command.args(["--mode", "pool", "--slots", "300"]);
        // So that they can be told apart: nothing names them before it listens.
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.2:0"]);
        command.kill_on_drop(true).stderr(Stdio::piped());
        let server = command.spawn().unwrap();
        let process = Process::new(server.id().unwrap());
        until("a first child", || process.descendants().len() > 1).await;
        let fork_server = process.children().remove(0);
        fork_server.signal(Signal::STOP);
        Self {
            server,
            fork_server,
        }
    }

    fn process(&self) -> Process {
        Process::new(self.server.id().unwrap())
    }

    /// A request to the public side, which is at 127.0.0.1, or the admin side, which is at 127.0.0.2.
    async fn get(&self, host: &str, path: &str) -> Answer {
        let mut addresses = self.process().addresses().into_iter();
        let address = addresses.find(|address| address.ip().to_string() == host);
        let url = format!("http://{}{path}", address.expect("it is bound"));
        send(Client::builder().no_proxy().build().unwrap().get(url)).await
    }

    async fn admin(&self, path: &str) -> Answer {
        self.get("127.0.0.2", path).await
    }

    async fn end(self) -> Output {
        self.server.wait_with_output().await.unwrap()
    }
}

#[tokio::test]
async fn probes_are_told_that_a_pool_is_starting() {
    let starting = Starting::new().await;
    let ready = starting.admin("/readyz").await;
    assert_eq!((ready.status, ready.text.as_str()), (503, "starting\n"));
    assert_eq!(starting.admin("/livez").await.status, 200);
    assert_eq!(starting.admin("/status").await.json()["phase"], "starting");
    let early = starting.get("127.0.0.1", "/fast").await;
    assert_eq!((early.status, early.reason().as_str()), (503, "starting"));
    starting.fork_server.signal(Signal::CONT);
    while starting.admin("/readyz").await.status != 200 {}
    assert_eq!(starting.get("127.0.0.1", "/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_pool_that_is_starting_ends_when_it_is_told_to(
    #[values(Signal::TERM, Signal::INT)] signal: Signal,
) {
    let starting = Starting::new().await;
    assert_eq!(starting.admin("/readyz").await.status, 503);
    starting.process().signal(signal);
    let output = starting.end().await;
    assert_eq!(output.status.code(), Some(0));
    let log = String::from_utf8(output.stderr).unwrap();
    // The fork server was not waited for. A child that was just born may say more.
    let says = |message| log.contains(&format!("\"message\":\"{message}\""));
    assert!(says("stopped") && !says("ready"), "{log}");
}
