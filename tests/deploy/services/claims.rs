//! What the container of a lane may do and use: no more than its service asks for.

use std::fs;

use onelane_stack::{Lane, docker};
use serde_json::Value;

use super::requests::manifest;

/// Of a lane whose service says nothing: docker/modes.yaml.
const MEMORY: &str = "64m";
const PIDS: u64 = 64;

pub(super) async fn hold(service: &str, lane: &Lane) {
    let manifest = manifest(service);
    let told = |name| told(&manifest, name);
    let inspected = docker(["inspect", "--format", "{{json .}}", &lane.container]).await;
    let inspected: Value = serde_json::from_str(&inspected).expect("JSON");
    let host = &inspected["HostConfig"];

    assert_eq!(inspected["Config"]["User"], "65532:65532");
    assert_eq!(host["ReadonlyRootfs"], true);
    assert_eq!(host["CapDrop"], Value::from(vec!["ALL"]));
    assert_eq!(host["PidsLimit"], told("pids").unwrap_or(PIDS.into()));
    let memory = told("memory").unwrap_or(MEMORY.into());
    let memory = memory.as_str().expect("a size");
    assert_eq!(host["Memory"], bytes(memory));
    let tmp = told("tmp").map(|tmp| format!("size={},mode=1777", tmp.as_str().expect("a size")));
    assert_eq!(host["Tmpfs"]["/tmp"].as_str(), tmp.as_deref());

    // As the kernel sees it.
    let status = format!("/proc/{}/status", inspected["State"]["Pid"]);
    let status = fs::read_to_string(status).expect("it runs");
    for line in [
        "Uid:\t65532\t",
        "CapEff:\t0000000000000000\n",
        "NoNewPrivs:\t1\n",
    ] {
        assert!(status.contains(line), "{line} in\n{status}");
    }
}

fn bytes(size: &str) -> u64 {
    let (number, shift) = match size.strip_suffix('g') {
        Some(number) => (number, 30),
        None => (size.strip_suffix('m').expect("m or g"), 20),
    };
    number.parse::<u64>().expect("a number") << shift
}

/// What the manifest says of it.
fn told(manifest: &str, name: &str) -> Option<Value> {
    let (_, lane) = manifest.split_once("[package.metadata.lane]\n")?;
    let lines = lane.lines().take_while(|line| !line.starts_with('['));
    let mut pairs = lines.filter_map(|line| line.split_once(" = "));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    let value = value.split('#').next().expect("a first part").trim();
    Some(serde_json::from_str(value).expect("TOML that is JSON, too"))
}
