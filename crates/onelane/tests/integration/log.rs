use humantime_serde::re::humantime::parse_rfc3339;
use reqwest::Method;
use rstest::rstest;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{Lane, onelane, send};

#[rstest]
fn the_first_line_names_both_addresses_and_the_mode(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = Lane::of(mode, &[]);
    let first = &lane.log(|_| true)[0];
    assert_eq!(first["message"], "listening");
    assert_eq!(first["mode"], mode.to_string());
    for address in ["listen", "admin_listen"] {
        let address = first[address].as_str().unwrap();
        std::net::TcpStream::connect(address).unwrap();
    }
}

#[rstest]
#[tokio::test]
async fn each_request_is_one_line_with_its_times(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = Lane::of(mode, &[]);
    let request = lane.request(Method::GET, "/echo?number=7");
    let request = request
        .header("x-request-id", "my-request")
        .header("user-agent", "tester/1");
    let answer = send(request).await;
    let line = lane.logged(|line| line["request_id"] == "my-request").await;
    assert_eq!(line["message"], "request");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["uri"], "/echo?number=7");
    assert_eq!(line["status"], 200);
    assert_eq!(line["client"], "127.0.0.1");
    assert_eq!(line["user_agent"], "tester/1");
    assert_eq!(line["bytes"], answer.text.len());
    assert_eq!(line["compute_ms"], answer.timing("compute"));
    assert_eq!(line["queue_ms"], answer.timing("queue"));
    assert!(line["duration_ms"].is_number());
    // `onelane-plan` reads this and `compute_ms`; its own tests have a log that was recorded once.
    parse_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
}

#[rstest]
#[tokio::test]
async fn a_refused_request_is_logged_with_its_reason(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = Lane::of(mode, &[]);
    lane.get("/echo?number=x").await;
    let line = lane.logged(|line| line["status"] == 400).await;
    assert_eq!(line["reason"], "bad_request");
}

#[test]
fn the_log_can_be_text() {
    let mut child = onelane()
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--log-format", "text"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stderr = child.stderr.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stderr), &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        line.contains("INFO") && line.contains("listening listen=127.0.0.1:"),
        "{line}"
    );
}
