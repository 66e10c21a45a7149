//! Hosts with IPv4 and IPv6, and with IPv6 alone.
//!
//! Elsewhere a health check or a count of waiting connections knew only IPv4. Right is that `[::]` is for both,
//! in every mode and role, and that nothing needs an address of IPv4.

use std::net::{Ipv6Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use rstest::rstest;

use super::attempt::{Attempt, Outcome, server_on};
use crate::faults::skip;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{PATIENCE, onelane};

/// Serves, and answers its own probe, at this address. In a cluster the queue is counted, too.
fn assert_serves_at(address: &str, mode: Mode) {
    let attempt = Attempt::new(server_on(mode, address), |mut command| {
        command.spawn().unwrap()
    });
    assert_eq!(
        attempt.outcome(),
        Ok(Outcome::Served),
        "{mode} at {address}"
    );
}

#[rstest]
fn every_mode_serves_on_ipv6_and_on_both(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
    #[values("[::1]:0", "[::]:0")] address: &str,
) {
    if TcpStream::connect_timeout(&SocketAddr::from((Ipv6Addr::LOCALHOST, 1)), PATIENCE)
        .is_err_and(|err| err.kind() != std::io::ErrorKind::ConnectionRefused)
    {
        return skip("there is no IPv6");
    }
    assert_serves_at(address, mode);
}

/// Run by the next test, where there is no IPv4.
#[rstest]
#[ignore = "for a host without IPv4"]
fn inside(#[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode) {
    let ipv4 = TcpStream::connect_timeout(&"127.0.0.1:1".parse().unwrap(), Duration::from_secs(1));
    let kind = ipv4.unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::NetworkUnreachable);
    assert_serves_at("[::]:0", mode);
}

#[test]
fn every_mode_serves_where_there_is_no_ipv4() {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", script]);
        command
    };
    let alone = "ip link set lo up && ip -4 address flush dev lo";
    if !unshare(alone).status().is_ok_and(|status| status.success()) {
        return skip("this user may not have a network of its own");
    }
    let mut tests = unshare(&format!("{alone} && exec \"$0\" \"$@\""));
    tests.arg(std::env::current_exe().unwrap());
    let output = tests.args(["host::network::inside", "--ignored"]).output();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("5 passed"),
        "{told}"
    );
}

/// What is wrong with an address is said before anything is bound.
#[rstest]
#[case::a_name("localhost:5000")]
#[case::no_brackets("::1:5000")]
#[case::no_port("[::]")]
fn an_address_that_is_none_is_a_clear_error(#[case] address: &str) {
    let output = onelane().args(["--listen", address]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains(address) && told.contains("--listen"),
        "{told}"
    );
}

/// This address is for documentation: no machine has it.
#[test]
fn an_address_that_is_not_ours_is_a_clear_error() {
    let output = onelane()
        .args(["--listen", "[2001:db8::1]:0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    let line = "drills: cannot listen on [2001:db8::1]:0: ";
    assert!(
        told.lines()
            .last()
            .is_some_and(|last| last.starts_with(line)),
        "{told}"
    );
}
