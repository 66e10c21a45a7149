//! What a service's own tests start it with.

use std::net::TcpStream;
use std::process::{Command, Output};

use onelane::testing::{start, start_with};
use rstest::rstest;

use crate::BINARY;

/// Runs a single test of these in a process of its own, with this environment.
fn run_alone(test: &str, variable: (&str, &str)) -> Output {
    let test = format!("testing::{test}");
    let mut this = Command::new(std::env::current_exe().unwrap());
    this.args(["--exact", &test, "--include-ignored"]);
    this.env(variable.0, variable.1).output().unwrap()
}

#[rstest]
fn it_takes_requests_in_every_mode(
    #[values("blocking", "threads", "fork", "pool", "cluster")] mode: &str,
) {
    let service = start_with(BINARY, &["--mode", mode]);
    assert_eq!(service.get("/echo?number=7").json()["number"], 7);
    let answer = service.post("/echo", "application/json", br#"{"number":8}"#);
    assert_eq!((answer.status, &answer.json()["number"]), (200, &8.into()));
    let status = minreq::get(format!("{}/status", service.admin_url())).send();
    assert!(status.unwrap().as_str().unwrap().contains(mode));
}

#[test]
fn a_request_may_have_a_method_and_headers_of_ones_own() {
    let service = start(BINARY);
    let request = service.request("HEAD", "/echo?number=7");
    let answer = request.header("X-Request-Id", "mine").send();
    assert_eq!((answer.status, answer.text()), (200, String::new()));
    assert_eq!(answer.header("x-request-id"), Some("mine"));
    let answer = service.request("DELETE", "/echo").send();
    assert_eq!(answer.status, 405);
}

#[test]
fn its_log_is_there_to_be_read() {
    let service = start(BINARY);
    service.get("/echo?number=271828");
    let line = service.wait_for_line("271828");
    assert!(service.log_lines().contains(&line));
    assert!(service.log_lines()[0].contains("listening"));
}

#[test]
fn it_ends_with_the_test() {
    let service = start(BINARY);
    let address = service.url().strip_prefix("http://").unwrap().to_owned();
    TcpStream::connect(&address).unwrap();
    drop(service);
    TcpStream::connect(&address).unwrap_err();
}

#[test]
fn no_setting_is_inherited() {
    let output = run_alone("its_log_is_there_to_be_read", ("ONELANE_NONSENSE", "1"));
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_test_that_fails_shows_the_log() {
    let output = run_alone("fails", ("ANYTHING", "1"));
    assert!(!output.status.success());
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains(r#""message":"listening""#), "{shown}");
}

#[test]
#[ignore = "it fails on purpose, when it is run by the one above"]
fn fails() {
    let _service = start(BINARY);
    panic!("on purpose");
}

#[test]
#[should_panic(expected = "its log tells where it listens")]
fn a_program_that_does_not_start_is_not_waited_for() {
    start_with(BINARY, &["--slots", "2"]);
}
