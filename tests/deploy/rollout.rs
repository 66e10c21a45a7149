//! Pods of the Kubernetes manifests are replaced, removed and killed while requests run.

use std::collections::BTreeSet;
use std::time::Duration;

use onelane_load::{Load, poisson};
use onelane_stack::{client, in_background, output, say};
use onelane_tree::manifests;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::cluster::{Cluster, Pod, Regular, image_of};
use crate::lanes_change::host_of;

const PATH: &str = "/sleep?ms=100";

#[tokio::test(flavor = "multi_thread")]
async fn replacing_every_pod_and_removing_lanes_loses_no_request() {
    let Some(cluster) = Cluster::up().await else {
        return;
    };
    let mut lanes = cluster.start_several("app", 3).await;
    let mut nginx = cluster.start_several("nginx", 2).await;
    let mut load = load(&cluster);
    let regulars = [(); 4].map(|()| Regular::start(&cluster.base, PATH));

    let mut ends = cluster.restart(&mut lanes).await;
    ends.extend(cluster.restart(&mut nginx).await);
    served_by(&mut load, &lanes).await;
    let victim = lanes.pop().expect("there are three");
    let late = late_request(&victim);
    ends.push(cluster.delete(victim));

    assert_eq!(
        late.await.expect("it is served").status,
        200,
        "it ran when SIGTERM came"
    );
    for end in ends {
        let end = end.await.expect("its probes were well");
        assert_eq!(end.exit_code, "0", "{end:?}");
    }
    let mut answers = 0;
    for outcome in load.stop().await {
        host_of(Some(outcome));
        answers += 1;
    }
    for regular in regulars {
        answers += regular.stop().await;
    }
    say(&format!(
        "replaced every pod under load: no request lost, the last {answers} among them"
    ));
    for request in cluster.access_log().await {
        assert!(met_lanes_only(&request), "one was gone: {request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_pod_loses_no_get_though_its_address_lives_on() {
    let Some(cluster) = Cluster::up().await else {
        return;
    };
    // All at once, as they are applied: nginx starts when it has found the lanes.
    let lanes = cluster.start_several("app", 3);
    let nginx = cluster.start_several("nginx", 2);
    let (mut lanes, _nginx) = tokio::join!(lanes, nginx);
    let mut load = load(&cluster);
    served_by(&mut load, &lanes).await;

    cluster.kill(lanes.remove(0)).await;
    lanes.push(cluster.start("app").await);

    // Until the new one is known, and so the old one forgotten.
    served_by(&mut load, &lanes).await;
    for outcome in load.stop().await {
        host_of(Some(outcome));
    }
}

#[tokio::test]
async fn nginx_takes_the_config_map_as_it_is() {
    let Some((image, _turn)) = image_of("nginx").await else {
        return;
    };
    let files = TempDir::new().expect("there is room for temporary files");
    let mut check = Command::new("docker");
    check.args(["run", "--rm", "--read-only", "--tmpfs=/tmp"]);
    for (file, text) in manifests::config_files() {
        let path = files.path().join(&file);
        std::fs::write(&path, text).expect("the folder is ours");
        check.arg(format!(
            "--volume={}:/etc/nginx/lanes/{file}:ro",
            path.display()
        ));
    }
    output(check.args([&image, "-t"])).await;
}

/// About a third of what three lanes can do, each request on a connection of its own.
fn load(cluster: &Cluster) -> Load {
    Load::start(&cluster.base, poisson(1, 10.0, |_| 100))
}

/// Waits until each of these has given an answer; all answers have to be good.
async fn served_by(load: &mut Load, lanes: &[Pod]) {
    let mut missing: BTreeSet<String> = lanes.iter().map(|lane| lane.name.clone()).collect();
    while !missing.is_empty() {
        missing.remove(&host_of(load.next().await));
    }
}

/// A request that comes to this lane just before SIGTERM does: its client does not know yet that the lane ends.
fn late_request(lane: &Pod) -> tokio::task::JoinHandle<onelane_stack::Reply> {
    let app = manifests::object("Deployment", "app");
    let port = manifests::port(manifests::container(&app), "http");
    let url = format!("http://{}:{port}/sleep?ms=8000", lane.address);
    let just_before = lane.pre_stop.saturating_sub(Duration::from_secs(2));
    tokio::spawn(async move {
        tokio::time::sleep(just_before).await;
        in_background(client().get(url))
            .await
            .expect("it is served")
    })
}

/// Whether all lanes that were tried took the request, or said that they were busy. Between two lists of
/// lanes there may be none to try, which nginx logs under the name of them all.
fn met_lanes_only(request: &Value) -> bool {
    let words = |key: &str| {
        let text = request[key].as_str().expect("it is text");
        text.split([',', ':']).map(str::trim)
    };
    // host:port, host:port : host:port
    let lanes = words("lane").filter(|word| word.parse::<u16>().is_err());
    let mut tries = lanes.zip(words("lane_status"));
    tries.all(|(lane, status)| lane == "lanes" || matches!(status, "200" | "403"))
}
