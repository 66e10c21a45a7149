//! nginx/ and the engine of different versions: noticed when they meet, not under load.

use std::fs;

use onelane_stack::{Compose, Local, Reply, ask, client, docker, eventually, get, in_background};
use rstest::rstest;
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::cluster::{Probe, Spec};
use crate::files_of_nginx::Files;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/nginx");

/// What a lane says to an nginx of the other version.
const DETAIL: &str = "nginx speaks lane protocol 3 and this lane speaks lane protocol 2: \
                      upgrade nginx/ and the engine together";

/// The one file of nginx/ that names the version.
fn hops(version: &str) -> String {
    let ours = "proxy_set_header X-Lane-Protocol 2;";
    let text = fs::read_to_string(format!("{FOLDER}/hops.conf")).expect("it is there");
    assert_eq!(text.matches(ours).count(), 1, "hops.conf names the version");
    text.replace(
        ours,
        &format!("proxy_set_header X-Lane-Protocol {version};"),
    )
}

#[tokio::test]
async fn containers_of_different_versions_are_told_at_the_start_and_never_ready() {
    let Some((stack, complaint)) = Compose::refused("hops.conf", &hops("3")).await else {
        return;
    };
    assert_eq!(complaint, format!("docker/up: {DETAIL}"));

    let nginx = stack.nginx().await;
    // nginx does not wait for a lane that says nothing, as one may on a busy machine.
    eventually("a lane that says so", async || {
        (!nginx.is_healthy().await).then_some(())
    })
    .await;
    let probe = async |name| {
        let Probe { port, path, .. } = Spec::of("nginx").probe(name);
        nginx.get(port, &path).await
    };
    for name in ["startupProbe", "readinessProbe"] {
        let refusal = eventually("a lane that says so", async || {
            let reply = probe(name).await;
            (reply.status == 503).then_some(reply)
        });
        assert_refused(&refusal.await);
    }
    assert_eq!(probe("livenessProbe").await.status, 200);
    assert_eq!(nginx.restarts().await, "0", "that would not help");

    for lane in stack.lanes().await {
        docker(["stop", &lane.container]).await;
    }
    // It looks for lanes that have gone a moment ago, and is well; a second later DNS has told that there is none any
    // more, and it waits for the first one.
    eventually("health without lanes", async || {
        let reply = probe("readinessProbe").await;
        let is_well = reply.status == 200 && nginx.is_healthy().await;
        let knows_none = reply.status == 503 && reply.json["reason"] == "no_lane";
        (is_well || knows_none).then_some(())
    })
    .await;
}

#[tokio::test]
async fn plain_processes_of_different_versions_are_told_at_the_start() {
    let files = Files::copy();
    files.write("hops.conf", &hops("3"));

    let (stack, complaint) = Local::refused(files.path()).await;

    assert_eq!(complaint, format!("local/up: {DETAIL}"));
    assert_eq!(stack.pids(""), [], "nothing is left running");
}

#[tokio::test]
async fn nginx_is_ready_unless_a_lane_says_that_it_is_of_another_version() {
    let stack = Local::up(2).await;
    let ready = async || get(format!("{}/readyz", stack.admin)).await;
    for _ in 0..4 {
        assert_eq!(ready().await.status, 200);
    }

    reload(&stack, "3");
    let refusal = eventually("a reload", async || {
        let reply = ready().await;
        (reply.status == 503).then_some(reply)
    });
    assert_refused(&refusal.await);
    // And so is everything else.
    for path in ["/", "/fast", "/nowhere"] {
        assert_refused(&get(format!("{}{path}", stack.base)).await);
    }
    assert_eq!(get(format!("{}/healthz", stack.admin)).await.status, 200);

    for pid in stack.pids("lane-") {
        kill_process(pid, Signal::KILL).expect("it runs");
    }
    eventually("readiness when all lanes are lost", async || {
        (ready().await.status == 200).then_some(())
    })
    .await;
}

/// A blocking lane answers at once; a cluster does not, and nginx does not wait for it.
#[rstest]
#[case("blocking")]
#[case("cluster")]
#[tokio::test]
async fn busy_lanes_are_no_reason_and_do_not_notice(#[case] mode: &str) {
    let settings = [("ONELANE_MODE", mode), ("ONELANE_SLOTS", "1")];
    let stack = Local::up_with(1, &settings).await;
    let first = stack.log("lane-1").lines().next().map(serde_json::from_str);
    let first: Value = first.expect("it listens").expect("its log is JSON");
    let admin = first["admin_listen"].as_str().expect("an address");
    let work = in_background(client().get(format!("{}/sleep?ms=4000", stack.base)));
    eventually("a busy lane", async || {
        let status = get(format!("http://{admin}/status")).await.json;
        (status["slots"][0]["state"] == "busy").then_some(())
    })
    .await;

    // Whatever it is told from outside.
    let readyz = client().get(format!("{}/readyz", stack.admin));
    let readyz = readyz.header("X-Lane-Protocol", "3");
    let ready = ask(readyz.header("X-Lane-Hold-Ms", "x")).await;

    assert_eq!(ready.status, 200);
    assert!(!work.is_finished(), "it was busy");
    assert_eq!(work.await.expect("an answer").status, 200);
    for log in ["lane-1", "nginx"] {
        let log = stack.log(log);
        assert!(!log.contains("/readyz"), "{log}");
    }
}

/// Has nginx read its configuration again, with this version in it.
fn reload(stack: &Local, version: &str) {
    let file = stack.run.path().join("conf/hops.conf");
    // As local/configure does.
    let hops = hops(version).replace("include /tmp/upstream.conf;", "include upstream.conf;");
    fs::write(file, hops).expect("it is ours");
    for pid in stack.pids("nginx") {
        kill_process(pid, Signal::HUP).expect("it runs");
    }
}

#[track_caller]
fn assert_refused(reply: &Reply) {
    let reason = reply.json["reason"].as_str();
    assert_eq!((reply.status, reason), (503, Some("protocol_mismatch")));
    assert_eq!(reply.json["detail"], DETAIL);
    assert_eq!(reply.header("retry-after"), "");
}
