//! Random requests, and bytes that are none, through nginx: whatever one client sends, another one gets its own answer,
//! and the lanes serve no request that nginx has not seen.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use onelane_requests::random::{self, Sent, named};
use onelane_stack::{Local, eventually};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LANES: usize = 2;

/// Requests are waited for rather than refused, and none takes long.
const SETTINGS: [(&str, &str); 2] = [
    ("ONELANE_QUEUE_MAX", "1000"),
    ("ONELANE_REQUEST_TIMEOUT", "1s"),
];

/// A server that sends nothing for so long waits for more, or has no more to send.
const SILENCE: Duration = Duration::from_millis(300);

/// A server that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn no_client_gets_anothers_answer_or_hides_a_request() {
    let stack = Local::up_with(LANES, &SETTINGS).await;
    let address = stack.base.trim_start_matches("http://");
    let count = tokio::task::block_in_place(|| {
        random::check(random::connection, async |sent| {
            let (heard, other) = tokio::join!(send(address, &sent), ask(address));
            other?;
            check(&sent, &heard?)
        })
    });
    eprintln!("nginx: {count} connections");
    eventually("nginx to tell of all that lanes have served", async || {
        let seen = requests(&stack, "nginx");
        let mut served = requests(&stack, "lane-1");
        for (request, count) in requests(&stack, "lane-2") {
            *served.entry(request).or_default() += count;
        }
        let hidden = |(request, count): (&String, &usize)| seen.get(request) < Some(count);
        let hidden = served
            .iter()
            .find(|(request, count)| hidden((request, count)));
        hidden.inspect(|hidden| eprintln!("hidden: {hidden:?}"));
        (!served.is_empty() && hidden.is_none()).then_some(())
    })
    .await;
}

/// Sends all of it, and a request behind it. Returns all that came.
async fn send(address: &str, sent: &Sent) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect(address)
        .await
        .map_err(|err| err.to_string())?;
    let (mut from, mut to) = stream.split();
    let last = b"GET /fast HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: last\r\n\r\n";
    let write = async {
        for piece in sent.pieces().chain([&last[..]]) {
            if to.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        to
    };
    let mut heard = Vec::new();
    // A reset is an end, too.
    let read = async {
        while matches!(
            timeout(SILENCE, from.read_buf(&mut heard)).await,
            Ok(Ok(1..))
        ) {}
    };
    let talk = timeout(PATIENCE, async { tokio::join!(write, read) });
    let (mut to, ()) = talk.await.map_err(|_elapsed| "it hangs")?;
    to.shutdown().await.ok();
    let rest = timeout(PATIENCE, from.read_to_end(&mut heard)).await;
    rest.map_err(|_elapsed| "it hangs, although its client has left")?
        .ok();
    Ok(heard)
}

/// Another client meanwhile. Its answer is its own.
async fn ask(address: &str) -> Result<(), String> {
    let (id, number) = (named(fastrand::u32(..)), fastrand::u16(..));
    let asked = format!(
        "GET /prime?number={number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: {id}\r\n\r\n"
    );
    let talk = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(asked.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(PATIENCE, talk)
        .await
        .map_err(|_elapsed| "the other client waits in vain")?;
    let answer = answer.map_err(|err| format!("the other client: {err}"))?;
    let is_own = answer.starts_with("HTTP/1.1 200 ")
        && answer.matches("HTTP/1.1").count() == 1
        && answer
            .to_lowercase()
            .contains(&format!("\nx-request-id: {id}\r"))
        && answer.contains(&format!("\"number\":{number},"));
    is_own
        .then_some(())
        .ok_or_else(|| format!("not to {asked}: {answer}"))
}

/// Every id that came was sent, or is one of nginx.
fn check(sent: &Sent, heard: &[u8]) -> Result<(), String> {
    let heard = String::from_utf8_lossy(heard).to_lowercase();
    let sent = String::from_utf8_lossy(&sent.bytes).to_lowercase();
    let ids = heard
        .split("\nx-request-id: ")
        .skip(1)
        .filter_map(|rest| rest.split('\r').next());
    for id in ids {
        if id != "last" && id.len() != 32 && !sent.contains(id) {
            return Err(format!("another's answer, {id}: {heard}"));
        }
    }
    Ok(())
}

/// How often each id was served, as a log tells.
fn requests(stack: &Local, log: &str) -> BTreeMap<String, usize> {
    let log = fs::read(stack.run.path().join(format!("{log}.log"))).expect("it is ours");
    let lines = log.split(|byte| *byte == b'\n');
    let lines = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut counts = BTreeMap::new();
    for line in lines {
        let is_request =
            line["request"].is_string() || line["message"] == "request" && line["level"] == "INFO";
        if let Some(id) = line["request_id"].as_str().filter(|_| is_request) {
            let smuggled = ["request", "uri"].iter().any(|name| {
                line[name]
                    .as_str()
                    .unwrap_or_default()
                    .contains("/smuggled")
            });
            *counts.entry(format!("{id} {smuggled}")).or_default() += 1;
        }
    }
    counts
}
