//! Where there is IPv6, and where there is nothing else.
//!
//! Elsewhere: a balancer that listens on IPv4 only is not found in a cluster of IPv6, one that insists on `[::]` does
//! not start where the kernel has no IPv6, and scripts wait for 127.0.0.1 where there is none. Right: `[::]` is one
//! setting of a lane, nginx takes what there is, and so do the scripts.

use serde_json::json;
use tokio::process::Command;

use crate::ask::get;
use crate::common::{output, skip};
use crate::compose::{Compose, docker};
use crate::files_of_nginx::Files;
use crate::local::Local;

/// Nobody's, by RFC 4193.
const SUBNET: &str = "fd5a:1e00:5000::/64";

/// Runs what follows with a loopback that has no IPv4.
const ALONE: &str =
    "ip link set lo up && ip address delete 127.0.0.1/8 dev lo && exec \"$0\" \"$@\"";

#[tokio::test]
async fn plain_processes_run_where_there_is_no_ipv4() {
    let (_stack, up) = Local::prepare(1).await;
    let script = "local/up && curl --fail --silent \"http://[::1]:$PORT/fast\" && local/reload && local/down";
    let root = if rustix::process::geteuid().is_root() {
        ""
    } else {
        "--map-root-user"
    };
    let mut alone = Command::new("sh");
    let unshare = format!("exec unshare --net {root} sh -c '{ALONE}' sh -c '{script}'");
    alone.args(["-c", &unshare]);
    for (name, value) in up.as_std().get_envs() {
        alone.env(name, value.expect("it is set"));
    }
    let can = format!("unshare --net {root} sh -c '{ALONE}' true");
    let can = Command::new("sh").args(["-c", &can]).output().await;
    if !can.is_ok_and(|output| output.status.success()) {
        return skip("a network without IPv4 takes unshare, ip, and root or user namespaces");
    }

    let said = output(&mut alone).await;

    assert!(said.contains("lane(s) behind http://[::1]:"), "{said}");
    assert!(said.contains("\"ok\":true"), "{said}");
}

#[tokio::test]
async fn containers_speak_ipv6_from_end_to_end() {
    let files = Files::copy();
    // As in a cluster that has nothing else.
    files.replace("upstream.conf", "ipv6=off", "ipv4=off");
    let volume = format!("{}:/etc/nginx/lanes:ro", files.path().display());
    let lane = json!({ "ONELANE_LISTEN": "[::]:5000", "ONELANE_ADMIN_LISTEN": "[::]:9464" });
    let network = json!({ "enable_ipv6": true, "ipam": { "config": [{ "subnet": SUBNET }] } });
    let changes = json!({
        "services": { "app": { "environment": lane }, "nginx": { "volumes": [volume] } },
        "networks": { "default": network },
    });
    let Some(stack) = Compose::up_beside(&changes).await else {
        return;
    };
    let nginx = stack.nginx().await;
    let address = "{{range .NetworkSettings.Networks}}{{.GlobalIPv6Address}}{{end}}";
    let address = docker(["inspect", "--format", address, &nginx.container]).await;

    assert_eq!(
        get(format!("http://[{address}]:8080/fast")).await.status,
        200
    );
    assert_eq!(
        get(format!("http://[{address}]:8081/readyz")).await.status,
        200
    );
    assert_eq!(stack.get("/fast").await.status, 200, "and IPv4");
}
