use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use rstest::rstest;
use tempfile::TempDir;

use crate::lane::{self, onelane};

fn examples(arguments: &[&str]) -> Output {
    onelane().arg("examples").args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = examples(arguments);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_example_is_a_command_that_says_what_it_asks() {
    let odd = "/echo?number=8&text=it%27s%20%22$HOME%22%20%7B1,2%7D%20%5B3-4%5D%20%60id%60%20%5C%20%23%3C%7B%7D%3E";
    let thing = r#"{"count":3,"name":"it'\''s </textarea>{}"}"#;
    let expected = [
        "curl 'http://localhost:5000/echo?number=7'  # Seven",
        &format!("seq 2 | xargs -P 2 -I{{}} curl -s 'http://localhost:5000{odd}'  # <script>\"&'"),
        "curl -X PUT --data-binary '@FILE' -H 'Content-Type: application/octet-stream' 'http://localhost:5000/mirror'  # There and back",
        &format!(
            "curl -X PUT --data-raw '{thing}' -H 'Content-Type: application/json' 'http://localhost:5000/take/%7Bid%7D'  # A thing"
        ),
        "seq 12 | xargs -P 12 -I{} curl -s 'http://localhost:5000/wait?ms=300'  # Twelve at once",
        "curl 'http://localhost:5000/sleep?ms=2000'  # Two seconds of sleep",
        "curl 'http://localhost:5000/fast'  # Nothing at all",
    ];
    assert_eq!(printed(&[]).lines().collect::<Vec<_>>(), expected);
}

#[rstest]
#[case("http://192.0.2.7:8080")]
#[case("http://192.0.2.7:8080/")]
#[case("https://lanes.example/a/b")]
#[case("http://[2001:db8::1]:80")]
fn they_are_sent_where_one_wants(#[case] url: &str) {
    let first = format!(
        "curl '{}/echo?number=7'  # Seven",
        url.trim_end_matches('/')
    );
    assert_eq!(printed(&[url]).lines().next(), Some(first.as_str()));
}

#[rstest]
#[case("sh")]
#[case("bash")]
#[tokio::test]
async fn a_shell_and_curl_send_what_was_declared(#[case] shell: &str) {
    // In place of curl, it tells what it got.
    let folder = TempDir::new().unwrap();
    let curl = folder.path().join("curl");
    fs::write(
        &curl,
        "#!/bin/sh\nfor last; do :; done\nprintf '%s\\n' \"$last\"\n",
    )
    .unwrap();
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        folder.path().display(),
        std::env::var("PATH").unwrap()
    );
    let script = printed(&["http://lanes.example"]);

    let output = Command::new(shell)
        .args(["-c", &script])
        .env("PATH", path)
        .output()
        .unwrap();

    assert!(output.status.success(), "{output:?}");
    let urls = String::from_utf8(output.stdout).unwrap();
    let paths: Vec<_> = urls
        .lines()
        .map(|url| url.strip_prefix("http://lanes.example").unwrap())
        .collect();
    assert_eq!(paths.len(), 1 + 2 + 1 + 1 + 12 + 1 + 1);
    assert_eq!(paths[1], paths[2]);
    let lane = lane::start(&[]);
    assert_eq!(lane.get(paths[0]).await.json()["number"], 7);
    let odd = r#"it's "$HOME" {1,2} [3-4] `id` \ #<{}>"#;
    assert_eq!(lane.get(paths[1]).await.json()["text"], odd);
}

#[rstest]
#[case("")]
#[case("localhost:5000")]
#[case("ftp://localhost")]
#[case("http://localhost/?query")]
#[case("http://local host")]
fn what_is_no_url_is_a_2(#[case] url: &str) {
    let output = examples(&[url]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(&format!("'{url}'")), "{stderr}");
}

#[test]
fn what_cannot_be_printed_is_a_1() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = onelane().arg("examples").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("drills: ") && stderr.lines().count() == 1,
        "{stderr}"
    );
}

#[test]
fn each_route_is_a_line_with_its_methods_and_its_body() {
    let output = onelane().arg("routes").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    for line in [
        "GET,POST /sleep application/json 1048576",
        "POST /take/bytes image/png,text/* 8388608",
        "GET /take/{id}",
        "POST /take/{id} application/x-www-form-urlencoded 1048576",
        "PUT /take/{id} application/json 1000",
        "GET,POST /kept/{how} application/json 1048576 max-age=60",
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "{line}: {printed}"
        );
    }
}
