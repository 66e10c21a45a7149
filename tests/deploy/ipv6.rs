//! Where there is IPv6, and where there is nothing else.
//!
//! Elsewhere: a balancer that listens on IPv4 only is not found in a cluster of IPv6, one that insists on `[::]` does
//! not start where the kernel has no IPv6, and scripts wait for 127.0.0.1 where there is none. Right: lanes, nginx and
//! the scripts take what there is.

use std::env;

use onelane_stack::{Compose, Local, docker, get, output, skip};
use rustix::process::{getegid, geteuid};
use serde_json::json;
use tokio::process::Command;

use crate::engine::as_root;
use crate::files_of_nginx::Files;

/// A private network (RFC 4193).
const SUBNET: &str = "fd5a:1e00:5000::/64";

/// Runs what follows in a network that has a loopback, and no IPv4.
const ALONE: &str = r#"
    ip link set lo up && ip address delete 127.0.0.1/8 dev lo &&
    for address in fd5a::1 fd5a::2 fd5b::1; do ip address add $address/64 dev lo nodad || exit; done &&
    exec ${AS:+setpriv --clear-groups $AS} "$0" "$@""#;

/// One client has requests without a pause. Meanwhile this prints the status for another address of the same
/// network, once that is refused, and for one of another network.
const ASK: &str = r#"
    ask() { curl --silent --interface $1 --output /dev/null --write-out "%{http_code} " "http://[$1]:$NUMBER$2"; }
    local/up && local/reload || exit
    while :; do
        curl --silent --interface fd5a::1 "http://[fd5a::1]:$NUMBER/sleep?ms=8000"
    done >/dev/null 2>&1 &
    until ask fd5a::2 /fast | grep 429; do :; done
    ask fd5b::1 /fast
    kill $!
    local/down"#;

#[tokio::test]
async fn plain_processes_run_where_there_is_no_ipv4_and_a_client_is_its_network() {
    let files = Files::copy();
    files.replace(
        "limits.conf",
        "limit_conn requests 256;",
        "limit_conn requests 1;",
    );
    let (stack, up) = Local::prepare(2).await;
    let alone = |program: &[&str]| {
        let mut unshare = as_root("env");
        unshare.args(env::vars().map(|(name, value)| format!("{name}={value}")));
        for (name, value) in up.as_std().get_envs() {
            let value = value.unwrap_or_default().to_string_lossy();
            unshare.arg(format!("{}={value}", name.to_string_lossy()));
        }
        unshare.arg(format!("NGINX_DIR={}", files.path().display()));
        unshare.args([
            format!("NUMBER={0}", stack.port),
            format!("PORT=[::]:{0}", stack.port),
        ]);
        // As who it was before sudo.
        if !geteuid().is_root() {
            let (user, group) = (geteuid().as_raw(), getegid().as_raw());
            unshare.arg(format!("AS=--reuid {user} --regid {group}"));
        }
        unshare
            .args(["unshare", "--net", "sh", "-c", ALONE])
            .args(program);
        Command::from(unshare)
    };
    let can = alone(&["true"]).output().await;
    if !can.is_ok_and(|output| output.status.success()) {
        return skip(
            "a network without IPv4 takes unshare, ip, and root or sudo without a password",
        );
    }

    Local::build().await;
    let said = output(&mut alone(&["sh", "-c", ASK])).await;

    assert!(said.contains("lane(s) behind http://[::1]:"), "{said}");
    assert!(said.ends_with("429 \n200"), "{said}");
}

#[tokio::test]
async fn containers_speak_ipv6_from_end_to_end() {
    let files = Files::copy();
    // As where there is nothing else.
    let resolver = "resolver 127.0.0.11 valid=1s ipv4=off;\nresolver_timeout";
    files.replace("upstream.conf", "resolver_timeout", resolver);
    let volume = format!("{}:/etc/nginx/lanes:ro", files.path().display());
    let network = json!({ "enable_ipv6": true, "ipam": { "config": [{ "subnet": SUBNET }] } });
    let changes = json!({
        "services": { "nginx": { "volumes": [volume] } },
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
