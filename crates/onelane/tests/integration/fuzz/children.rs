//! Random words of children to their server. Whatever a child says, its request has an answer, or its connection breaks,
//! and no other request suffers.

use std::io::Write;

use onelane_requests::corpus::RawAnswer;
use onelane_requests::random::{self, Sent, cut, mutated, named};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;
use rstest::rstest;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::faults::process::{Process, computing};
use crate::lane::Mode::{self, Fork, Pool};
use crate::lane::{self, Lane, PATIENCE};

/// More than a server needs for messages that are no longer than these.
const PEAK_MAX_KIB: u64 = 32 << 10;

#[rstest]
fn a_child_may_say_what_it_likes(#[values(Fork, Pool)] mode: Mode) {
    let lane = lane::with_slots(mode, 8, &["--queue-max", "100", "--request-timeout", "60s"]);
    let count = random::check(words, async |words| check(&lane, &words.bytes).await);
    eprintln!("{mode}: {count} children");
    random::block_on(async {
        lane.until_busy(0).await;
        lane.counted("http_requests_in_flight", 0.0).await;
        assert_eq!(lane.get("/fast").await.status, 200);
    });
    let peak = Process::of(&lane).peak_kib().expect("it is alive");
    assert!(peak < PEAK_MAX_KIB, "{peak} KiB");
}

/// Has a child say this, and end. Its words are read first.
async fn check(lane: &Lane, words: &[u8]) -> Result<(), String> {
    let id = named(fastrand::u32(..));
    let mut stream = TcpStream::connect(&lane.listen).await.unwrap();
    let asked = format!("GET /sleep?ms=3600000 HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let child = computing(lane, &id).await;
    let Some(mut answers) = child.try_answers() else {
        // It was killed for what it has said to the request before.
        return Ok(());
    };
    answers.write_all(words).unwrap();
    // The server may have done it already.
    kill_process(child.pid(), Signal::KILL).ok();
    let mut rest = Vec::new();
    let answer = RawAnswer::read(&mut stream, &mut rest, false);
    let answer = timeout(PATIENCE, answer)
        .await
        .map_err(|_elapsed| "it hangs")?;
    match answer {
        Ok(Some(answer)) if answer.header("x-request-id") != id => Err(format!("{answer:?}")),
        // It had begun, and its child was lost: not even its head may have come.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn words() -> impl Strategy<Value = Sent> {
    let frames =
        (said(), vec(any::<u8>(), 0..8)).prop_map(|(said, bytes)| [frame(&said), bytes].concat());
    cut(mutated(
        vec(frames, 1..4).prop_map(|frames| frames.concat()),
    ))
}

/// A message as processes send it to each other: its length in four bytes, then JSON.
fn frame(message: &Value) -> Vec<u8> {
    let json = message.to_string().into_bytes();
    let length = u32::try_from(json.len()).unwrap();
    [length.to_be_bytes().to_vec(), json].concat()
}

fn said() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => (head(), number(), end()).prop_map(|(head, length, end)| json!({"Whole": [head, length, end]})),
        2 => head().prop_map(|head| json!({"Begun": head})),
        2 => number().prop_map(|length| json!({"Piece": length})),
        1 => end().prop_map(|end| json!({"Ended": [{"Ok": null}, end]})),
        2 => (failure(), end()).prop_map(|(failure, end)| json!({"Ended": [{"Err": failure}, end]})),
    ]
}

fn head() -> impl Strategy<Value = Value> {
    let status = select(vec![
        200, 200, 200, 204, 304, 403, 499, 100, 101, 599, 600, 0, 65535, 70000, -1,
    ]);
    let content_type = select(vec![
        json!(null),
        json!("text/plain"),
        json!("a\r\nb: c"),
        json!(""),
        json!("ü"),
    ]);
    let headers = select(vec![
        json!([]),
        json!([["Retry-After", "3"]]),
        json!([["X-Accel-Redirect", "/"]]),
        json!([["Content-Length", "5"]]),
        json!([["", ""]]),
        json!([["A", "b\r\nC: d"]]),
        json!([["A", "\u{0}"]]),
        json!([["ETag", "\"a"]]),
        json!([["A"]]),
    ]);
    (status, content_type, headers).prop_map(|(status, content_type, headers)| {
        json!({"status": status, "content_type": content_type, "headers": headers})
    })
}

fn number() -> impl Strategy<Value = Value> {
    select(vec![
        json!(0),
        json!(1),
        json!(7),
        json!(100_000),
        json!(u64::from(u32::MAX)),
        json!(u64::MAX),
        json!(-1),
        json!(1.5),
    ])
}

fn end() -> impl Strategy<Value = Value> {
    let nanos = select(vec![0, 1, 999_999_999, 1_000_000_000, u32::MAX]);
    let events = select(vec![
        json!([]),
        json!([]),
        json!([event("images_total", &json!({"Counted": -1.0}))]),
        json!([event("cached_images", &json!({"Counted": 1e308}))]),
        json!([event("cached_images", &json!({"Set": -1e308}))]),
        json!([event(
            "image_megapixels",
            &json!({"Observed": {"counts": [u64::MAX, 7, 1], "sum": 1e308}})
        )]),
        json!([event("images_total", &json!("Counted"))]),
        json!(null),
    ]);
    (number(), nanos, number(), events).prop_map(|(secs, nanos, bytes, events)| {
        let time = json!({"secs": secs, "nanos": nanos});
        json!({"compute": time, "used": {"cpu": time, "max_rss_bytes": bytes}, "events": events})
    })
}

fn event(series: &str, change: &Value) -> Value {
    json!({"series": series, "value": null, "change": change})
}

fn failure() -> impl Strategy<Value = Value> {
    select(vec![
        json!("Panicked"),
        json!("DeadlineExceeded"),
        json!({"Invalid": "a\r\nb"}),
        json!({"Failed": "\u{0}"}),
        json!({"Crashed": ""}),
        json!({"NotStarted": "x"}),
        json!({"Problem": {"status": 999, "reason": "none"}}),
        json!("None"),
    ])
}
