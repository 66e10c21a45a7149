//! What is there again after Docker, or its host, was stopped.
//!
//! Elsewhere: everything exits 0 when a host is told to stop, so that `on-failure` left all of it down; `always`
//! brings back what the operator had stopped on purpose; `unless-stopped` forgets what was sent a signal by
//! `docker kill`. Right: it comes back as it was, except what was stopped by hand. And what runs for years does not
//! fill the disk with its log.

use onelane_stack::{docker_is_there, eventually, output, turn};
use serde_json::Value;
use tokio::process::Command;

use crate::engine::Engine;

const PROJECT: &str = "lanes-reboot";

const NGINX: &str = concat!(env!("CARGO_PKG_NAME"), "-nginx");

const LANE: &str = concat!(env!("CARGO_PKG_NAME"), "-app");

#[tokio::test]
async fn every_service_comes_back_and_has_a_bounded_log() {
    if !docker_is_there().await {
        return;
    }
    let mut config = Command::new("docker");
    config.args(["compose", "--profile", "monitoring", "config"]);
    let config = output(config.args(["--format", "json"])).await;
    let config: Value = serde_json::from_str(&config).expect("JSON");
    let services = config["services"].as_object().expect("services");
    assert!(services.len() >= 5, "{services:?}");
    for (name, service) in services {
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        let log = &service["logging"];
        assert_eq!(log["driver"], "json-file", "{name}");
        let options = ["max-size", "max-file", "mode"].map(|key| log["options"][key].as_str());
        assert_eq!(
            options,
            [Some("10m"), Some("5"), Some("non-blocking")],
            "{name}"
        );
    }
}

#[tokio::test]
async fn after_a_reboot_everything_is_there_but_what_was_stopped_by_hand() {
    let _turn = turn().await;
    if !docker_is_there().await {
        return;
    }
    output(&mut Command::new("docker/build")).await;
    let Some(mut engine) = Engine::boot().await else {
        return;
    };
    let socket = engine.address();
    let copy = format!("docker save {LANE} {NGINX} | docker --host {socket} load");
    output(Command::new("sh").args(["-c", &copy])).await;
    let mut up = engine.docker();
    up.args(["compose", "--project-name", PROJECT, "up", "--detach"]);
    output(up.env("LANES", "2")).await;
    assert_eq!(running(&engine).await, ["app-1", "app-2", "nginx-1"]);

    let by_hand = format!("{PROJECT}-app-2");
    output(engine.docker().args(["stop", &by_hand])).await;
    // As docs/modes.md says it, which is no stop.
    let lane = format!("container:{PROJECT}-app-1");
    let mut signal = engine.docker();
    signal.args(["run", "--rm", "--pid", &lane, "--user", "65532"]);
    signal.args(["--entrypoint", "sh", NGINX, "-c", "kill -s HUP 1"]);
    output(&mut signal).await;

    for power_is_lost in [false, true] {
        if power_is_lost {
            engine.lose_power().await;
        } else {
            engine.shut_down().await;
        }
        assert!(engine.start().await, "it has started before");
        eventually("an answer through nginx", async || {
            let mut ask = engine.docker();
            ask.args(["exec", &format!("{PROJECT}-nginx-1"), "curl", "--fail"]);
            let asked = ask.arg("http://127.0.0.1:8080/fast").output().await;
            asked
                .is_ok_and(|answer| answer.status.success())
                .then_some(())
        })
        .await;
        eventually("everything else", async || {
            let running = running(&engine).await;
            (running == ["app-1", "nginx-1"]).then_some(())
        })
        .await;
    }
}

/// The containers that are up, but for the name of the project.
async fn running(engine: &Engine) -> Vec<String> {
    let mut list = engine.docker();
    let names = output(list.args(["ps", "--format", "{{.Names}}"])).await;
    let names = names.lines().filter_map(|name| name.strip_prefix(PROJECT));
    let mut names: Vec<String> = names.map(|name| name[1..].to_owned()).collect();
    names.sort();
    names
}
