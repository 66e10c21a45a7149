//! Elsewhere a load balancer that probes with HEAD takes a healthy server out of service, because HEAD is 404 or
//! 405 on its admin port, or waits for a body that never comes. Right: HEAD is GET without the body, headers and
//! all; OPTIONS tells the methods; whatever is not there is a problem that says so, on every port.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::lane;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};

/// As it came, down to the bytes after the head.
struct Raw {
    status: String,
    headers: BTreeMap<String, String>,
    body: String,
}

async fn ask(address: &str, method: &str, target: &str) -> Raw {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    Raw {
        status: lines.next().unwrap().to_owned(),
        headers: lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

impl Raw {
    /// Without what is another in each answer.
    fn shape(mut self, but: &[&str]) -> (String, BTreeMap<String, String>) {
        for name in ["date", "x-request-id", "server-timing"].iter().chain(but) {
            self.headers.remove(*name);
        }
        (self.status, self.headers)
    }

    #[track_caller]
    fn tells(self, allow: &str) {
        assert!(self.status.starts_with("HTTP/1.1 204 "), "{}", self.status);
        assert_eq!(
            (self.headers["allow"].as_str(), self.body.as_str()),
            (allow, "")
        );
        assert_eq!(self.headers.get("content-length"), None);
    }

    #[track_caller]
    fn refuses(self, status: u16, reason: &str, allow: Option<&str>) {
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(
            (&problem["status"], &problem["reason"]),
            (&status.into(), &reason.into())
        );
        assert!(self.status.starts_with(&format!("HTTP/1.1 {status} ")));
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers.get("allow").map(String::as_str), allow);
    }
}

/// HEAD against GET; the values of some headers may change between them.
async fn a_head_is_a_get_without_a_body(address: &str, target: &str, changing: &[&str]) {
    let get = ask(address, "GET", target).await;
    let head = ask(address, "HEAD", target).await;
    assert!(
        !get.body.is_empty() && head.body.is_empty(),
        "{target}: {}",
        head.body
    );
    assert_ne!(head.headers["content-length"], "0");
    assert_eq!(head.shape(changing), get.shape(changing), "{target}");
}

#[rstest]
#[tokio::test]
async fn the_public_side_takes_head_and_options_everywhere(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let public = lane.listen.as_str();
    for target in [
        "/",
        "/echo?number=7",
        "/echo?number=x",
        "/nowhere",
        "/panic",
    ] {
        a_head_is_a_get_without_a_body(public, target, &[]).await;
    }
    for path in ["/", "/?number=7", "/echo", "/fast"] {
        ask(public, "OPTIONS", path).await.tells("GET, HEAD, POST");
        for method in ["PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
            let refused = ask(public, method, path).await;
            refused.refuses(405, "method_not_allowed", Some("GET, HEAD, POST"));
        }
    }
    let all = ask(public, "OPTIONS", "*").await;
    all.tells("GET, HEAD, POST, PUT, PATCH, DELETE");
    for method in ["OPTIONS", "GET", "POST"] {
        let refused = ask(public, method, "/nowhere").await;
        refused.refuses(404, "not_found", None);
    }
}

#[rstest]
#[tokio::test]
async fn the_admin_side_takes_head_and_options_everywhere(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    lane.until_ready().await;
    let admin = lane.admin_listen.as_str();
    for path in ["/livez", "/readyz", "/metrics", "/status", "/"] {
        // Numbers become longer.
        let changing: &[_] = match path {
            "/metrics" | "/status" => &["content-length"],
            _ => &[],
        };
        a_head_is_a_get_without_a_body(admin, path, changing).await;
        ask(admin, "OPTIONS", path).await.tells("GET, HEAD");
        for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
            let refused = ask(admin, method, path).await;
            refused.refuses(405, "method_not_allowed", Some("GET, HEAD"));
        }
    }
    a_head_is_a_get_without_a_body(admin, "/nowhere", &[]).await;
    ask(admin, "OPTIONS", "*").await.tells("GET, HEAD");
    for method in ["GET", "OPTIONS", "POST"] {
        let refused = ask(admin, method, "/fast").await;
        refused.refuses(404, "not_found", None);
    }
}
