//! `make up` where something runs already: this stack, or another program.
//!
//! Elsewhere: an operator who asks for six lanes, and later changes another setting, has two lanes; a port that another
//! program has is noticed when everything is stopped; another checkout of the same project takes the place of this
//! one. Right: a setting that is not given stays, changes are printed, and what cannot be is said before anything is
//! stopped.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use onelane_stack::{Compose, Local, complaint, docker, free_port, output};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

#[tokio::test]
async fn containers_keep_what_they_were_told_and_a_change_is_said() {
    let address = format!("[::1]:{}", free_port());
    let settings = [
        ("PORT", &*address),
        ("MODE", "threads"),
        ("CACHE", "16m"),
        // For a service that exports traces; another one warns that it does not.
        ("TRACES", "http://collector:4318"),
    ];
    let Some(mut stack) = Compose::up_with(3, &settings).await else {
        return;
    };
    stack.base = format!("http://{address}");
    assert_eq!(stack.get("/fast").await.status, 200);
    let before = containers(&stack).await;

    let said = output(&mut stack.up_again()).await;
    let kept = format!(
        "as before: LANES=3 PORT={address} MODE=threads CACHE=16m TRACES=http://collector:4318\n"
    );
    assert!(said.contains(&kept) && !said.contains("changed:"), "{said}");
    assert_eq!(containers(&stack).await, before, "the same ones");

    let hint = said
        .lines()
        .find_map(|line| line.strip_prefix("  scale   "));
    let hint = hint.expect("how to have more lanes");
    output(Command::new("bash").args(["-c", hint])).await;
    let lanes = stack.lanes().await;
    assert_eq!(lanes.len(), 4, "{hint}");
    for lane in &lanes {
        assert_eq!(lane.probe("/status").await.json["mode"], "threads");
        let variables = docker(["inspect", "--format", "{{.Config.Env}}", &lane.container]).await;
        let traces = "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318";
        assert!(variables.contains(traces), "{variables}");
        let log = format!("docker logs {} 2>&1", lane.container);
        let log = output(Command::new("sh").args(["-c", &log])).await;
        let config = docker(["exec", &lane.container, "/lane", "config"]).await;
        let exports = config.contains("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=");
        let warns = log.contains("this program is without the feature otlp");
        assert_ne!(exports, warns, "{config}{log}");
    }
    assert_eq!(stack.nginx().await.container, before[0]);

    let mut up = stack.up_again();
    let said = output(up.envs([("LANES", "1"), ("CACHE", "0")])).await;
    let kept = format!("as before: PORT={address} MODE=threads TRACES=http://collector:4318\n");
    assert!(said.contains(&kept), "{said}");
    let changed = "changed: LANES 4 → 1, CACHE 16m → 0\n";
    assert!(said.contains(changed), "{said}");
    assert_eq!(stack.lanes().await.len(), 1);
    assert_eq!(stack.get("/fast").await.status, 200);
}

#[tokio::test]
async fn containers_go_on_where_what_is_wanted_cannot_be() {
    let Some(mut stack) = Compose::up(1).await else {
        return;
    };
    let before = containers(&stack).await;
    let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("there is a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let said = complaint(stack.up_again().env("PORT", port.to_string())).await;
    assert_eq!(
        said,
        format!("docker/up: PORT {port} is not free; choose another. Nothing was changed")
    );
    for (name, value) in [
        ("PORT", "0"),
        ("PORT", "::1:5000"),
        ("LANES", "0"),
        ("MODE", "many"),
        ("SERVICE", "none"),
        ("CACHE", "1m"),
        ("TLS", "no/folder"),
        ("API_KEYS", "no/file"),
    ] {
        let said = complaint(stack.up_again().env(name, value)).await;
        assert!(said.contains(name) && said.contains(value), "{said}");
    }

    let other = other_checkout();
    let ours = env!("CARGO_MANIFEST_DIR");
    for script in ["docker/up", "docker/reload"] {
        let script = other.path().join(script);
        let said = complaint(&mut stack.on_stack(&script.to_string_lossy())).await;
        assert!(said.contains(&format!("is that of {ours}")), "{said}");
    }
    let down = other.path().join("docker/down");
    output(&mut stack.on_stack(&down.to_string_lossy())).await;

    stack.change(&json!({ "app": { "environment": { "ONELANE_QUEUE_MAX": "many" } } }));
    let said = complaint(&mut stack.up_again()).await;
    assert!(said.contains("ONELANE_QUEUE_MAX"), "{said}");
    assert!(said.ends_with("Nothing was changed"), "{said}");

    assert_eq!(containers(&stack).await, before);
    assert_eq!(stack.get("/fast").await.status, 200);

    // What only the start of a lane can tell: no address of its own.
    stack.change(&json!({ "app": { "environment": { "ONELANE_LISTEN": "192.0.2.1:5000" } } }));
    let said = complaint(&mut stack.up_again()).await;
    assert!(said.contains("cannot listen on 192.0.2.1:5000"), "{said}");
}

#[tokio::test]
async fn plain_processes_keep_what_they_were_told_and_go_on_where_more_cannot_be() {
    let stack = Local::up_with(2, &[("MODE", "threads"), ("CACHE", "16m")]).await;
    let before = stack.pids("");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    for (name, value, why) in [
        ("PORT", &*port, "something else listens on port"),
        ("PORT", "::1:5000", "PORT is a number"),
        ("SERVICE", "none", "there is no SERVICE 'none'; there is"),
        ("MODE", "many", "a lane does not take its settings"),
        ("ONELANE_QUEUE_MAX", "many", "ONELANE_QUEUE_MAX"),
        // A folder that takes nothing, as a disk that is full or read-only.
        ("RUN_DIR", "/proc/none", "/proc/none"),
    ] {
        let said = complaint(stack.up_again().env(name, value)).await;
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(stack.pids(""), before);

    let said = output(stack.up_again().env("LANES", "1")).await;
    let port = stack.base.rsplit(':').next().unwrap_or_default();
    let kept = format!("as before: PORT={port} MODE=threads CACHE=16m\n");
    assert!(said.contains(&kept), "{said}");
    assert!(said.contains("changed: LANES 2 → 1\n"), "{said}");
    assert_eq!(stack.pids("lane").len(), 1);
    assert!(said.contains("1 threads lane(s)"), "{said}");
}

/// Of nginx, and of the lanes.
async fn containers(stack: &Compose) -> Vec<String> {
    let mut containers = vec![stack.nginx().await.container];
    containers.extend(stack.lanes().await.into_iter().map(|lane| lane.container));
    containers
}

/// As much of one as these scripts need.
fn other_checkout() -> TempDir {
    let folder = TempDir::new().expect("there is room for temporary files");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["docker", "local"] {
        std::fs::create_dir(folder.path().join(name)).expect("the folder is ours");
        for file in std::fs::read_dir(ours.join(name)).expect("it is there") {
            let file = file.expect("it can be listed");
            if file.path().is_dir() {
                continue;
            }
            let copy = folder.path().join(name).join(file.file_name());
            std::fs::copy(file.path(), copy).expect("the folder is ours");
        }
    }
    for name in ["compose.yaml", "Cargo.toml"] {
        std::fs::copy(ours.join(name), folder.path().join(name)).expect("the folder is ours");
    }
    folder
}
