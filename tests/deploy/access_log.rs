//! What nginx writes of each request, and who waits for that.

use std::fs;
use std::net::TcpListener;

use onelane_stack::{Compose, Local, client, docker_is_there, eventually, output};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

/// What a caller sends, and what is logged of it.
const NASTY: [(&[u8], &str); 17] = [
    (
        "naïve € 😀 \u{7ff}\u{800}\u{ffff}\u{10ffff}".as_bytes(),
        "naïve € 😀 \u{7ff}\u{800}\u{ffff}\u{10ffff}",
    ),
    (
        b"\"quotes\" and \\ \t \x01 \x7f",
        "\"quotes\" and \\ \t \u{1} \u{7f}",
    ),
    (b"alone \x80 after", "alone [not UTF-8]"),
    (b"\xbf", "[not UTF-8]"),
    (b"caf\xe9", "caf[not UTF-8]"),
    (b"\xff\xfe", "[not UTF-8]"),
    // Overlong.
    (b"..\xc0\xaf", "..[not UTF-8]"),
    (b"\xc1\xbf", "[not UTF-8]"),
    (b"\xe0\x9f\xbf", "[not UTF-8]"),
    (b"\xf0\x8f\xbf\xbf", "[not UTF-8]"),
    // Halves of a surrogate pair.
    (b"\xed\xa0\x80\xed\xbf\xbf", "[not UTF-8]"),
    // Beyond the last character.
    (b"\xf4\x90\x80\x80", "[not UTF-8]"),
    (b"\xf5\x80\x80\x80", "[not UTF-8]"),
    // Cut off.
    (b"\xc3", "[not UTF-8]"),
    (b"\xe2\x82", "[not UTF-8]"),
    (b"ok \xf0\x9f\x98", "ok [not UTF-8]"),
    (b"\xe2\x82\"}", "[not UTF-8]"),
];

/// The longest that fits into a header that nginx takes.
const LONG: usize = 7 * 1024;

#[tokio::test]
async fn every_line_is_json_whatever_callers_send() {
    let stack = Local::up(1).await;
    let (good, bad) = ("é".repeat(LONG / 2), "\u{7f}".repeat(LONG));
    let mut nasty: Vec<(Vec<u8>, String)> = vec![
        (good.clone().into(), good.clone()),
        (
            [good.as_bytes(), b"\xa0"].concat(),
            format!("{good}[not UTF-8]"),
        ),
        ([b"\x80", bad.as_bytes()].concat(), "[not UTF-8]".to_owned()),
    ];
    nasty.extend(NASTY.map(|(sent, logged)| (sent.to_vec(), logged.to_owned())));

    for (sent, _) in &nasty {
        let beginning = b"GET /fast HTTP/1.1\r\nHost: lanes\r\nUser-Agent: ";
        send(&stack.base, &[beginning, sent.as_slice()].concat()).await;
        send(
            &stack.base,
            &[b"GET /", sent.as_slice(), b" HTTP/1.1\r\nHost: lanes"].concat(),
        )
        .await;
    }

    let lines = eventually("a line for each", async || {
        let log = fs::read(stack.run.path().join("nginx.log")).expect("it is ours");
        // The rest are errors, which are no JSON and begin with their time.
        let lines = log
            .split(|byte| *byte == b'\n')
            .filter(|line| line.first() == Some(&b'{'));
        let lines: Vec<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();
        // Beside those of local/up.
        (lines.len() > 2 * nasty.len()).then_some(lines)
    })
    .await;
    let lines = lines.iter().map(|line| {
        let text = str::from_utf8(line);
        let text = text.unwrap_or_else(|err| panic!("{err}: {}", String::from_utf8_lossy(line)));
        serde_json::from_str(text).unwrap_or_else(|err| panic!("{err}: {text}"))
    });
    let lines: Vec<Value> = lines.collect();
    for (_, logged) in &nasty {
        let agent = lines
            .iter()
            .any(|line| line["user_agent"] == logged.as_str());
        assert!(agent, "no user agent {logged:?}");
        // The line ends where nginx sees that it is none.
        let path = format!("GET /{logged}");
        let request = lines.iter().filter_map(|line| line["request"].as_str());
        assert!(
            request.into_iter().any(|line| line.starts_with(&path)),
            "no {path:?}"
        );
    }
}

/// A request without its last two lines; the answer may be any.
async fn send(base: &str, request: &[u8]) {
    let address = base.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.expect("nginx listens");
    let request = [request, b"\r\nConnection: close\r\n\r\n"].concat();
    connection.write_all(&request).await.expect("it reads");
    let mut answer = Vec::new();
    connection
        .read_to_end(&mut answer)
        .await
        .expect("it answers");
    assert!(answer.starts_with(b"HTTP/1.1 "), "{answer:?}");
}

#[tokio::test]
async fn a_log_that_is_not_read_keeps_no_request_waiting() {
    if !docker_is_there().await {
        return;
    }
    let shipped = logging_of_every_service().await;
    // Where logs go is another, one that can be kept from taking them. What Docker does until then is the same.
    let reader = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    set_socket_recv_buffer_size(&reader, 4096).expect("it is a socket");
    let port = reader.local_addr().expect("it is bound").port();
    let logging = json!({ "driver": "syslog", "options": {
        "syslog-address": format!("tcp://127.0.0.1:{port}"),
        "mode": shipped["options"]["mode"],
        "max-buffer-size": shipped["options"]["max-buffer-size"],
    }});
    let Some(stack) = Compose::up_changed(1, &json!({ "nginx": { "logging": logging } })).await
    else {
        return;
    };

    // Gone before the stack is to end, for which Docker would wait in vain.
    let _reader = reader;
    // 20 MB, more than all buffers on the way have room for.
    let client = client();
    for _ in 0..20_000_000 / LONG {
        let request = client.get(format!("{}/fast", stack.base));
        let answer = request.header("User-Agent", "x".repeat(LONG)).send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
}

/// That all of them have, with bounds on disk and in memory.
async fn logging_of_every_service() -> Value {
    let mut config = Command::new("docker");
    config.args(["compose", "--profile=monitoring", "config", "--format=json"]);
    let config: Value = serde_json::from_str(&output(&mut config).await).expect("it is JSON");
    let services = config["services"].as_object().expect("they have names");
    let logging = services["nginx"]["logging"].clone();
    for (name, service) in services {
        assert_eq!(service["logging"], logging, "{name}");
    }
    for bound in ["max-buffer-size", "max-size", "max-file"] {
        assert!(logging["options"][bound].is_string(), "{bound}: {logging}");
    }
    logging
}
