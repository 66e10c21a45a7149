//! HTTP/2: whatever holds of a connection with HTTP/1.1 holds of each stream.

use rustix::process::{Signal, kill_process};

use crate::curl::{curl, secure};
use crate::files_of_nginx::Files;
use crate::frames::{Connection, Event};
use onelane_stack::{Local, eventually};

/// Of one connection: docker/listen.conf.
const STREAMS: u32 = 16;
/// Of one client: ask.conf.
const LARGE_UPLOADS: usize = 64;

async fn up(lanes: usize) -> Local {
    Local::up_with(lanes, &[("TLS", "1")]).await
}

/// Options of curl for a body of this file, whose length no header tells.
fn unsized_body<'a>(method: &'a str, file: &'a str) -> [&'a str; 8] {
    let (json, no_length) = ("Content-Type: application/json", "Content-Length:");
    [
        "--request",
        method,
        "--upload-file",
        file,
        "--header",
        json,
        "--header",
        no_length,
    ]
}

#[tokio::test]
async fn every_answer_is_the_same() {
    let stack = up(1).await;
    let files = Files::copy();
    let file = |name: &str, length: usize| {
        let padding = "a".repeat(length);
        files.write(name, &format!("{{\"number\":7,\"x\":\"{padding}\"}}"));
        files.path().join(name).display().to_string()
    };
    let (large, larger) = (file("large", 100_000), file("larger", 1_100_000));
    let (at_large, at_larger) = (format!("@{large}"), format!("@{larger}"));
    let long = format!("X-Long: {}", "a".repeat(9000));
    let many: Vec<String> = (0..70).map(|number| format!("X-{number}: 1")).collect();
    let many = many.iter().flat_map(|header| ["--header", header]);

    for (path, options, status, reason) in [
        ("/prime?number=7", vec![], 200, ""),
        ("/prime", vec!["--json", "{\"number\":7}"], 200, ""),
        ("/prime", vec!["--json", &at_large], 200, ""),
        ("/prime", unsized_body("POST", &large).to_vec(), 200, ""),
        ("/prime", vec!["--json", &at_larger], 413, "body_too_large"),
        (
            "/prime",
            unsized_body("POST", &larger).to_vec(),
            413,
            "body_too_large",
        ),
        (
            "/prime",
            unsized_body("GET", &larger).to_vec(),
            413,
            "body_too_large",
        ),
        ("/prime?number=x", vec![], 400, "bad_request"),
        ("/nowhere", vec![], 404, "not_found"),
        (
            "/prime",
            vec!["--request", "DELETE"],
            405,
            "method_not_allowed",
        ),
        (
            "/prime",
            vec!["--request", "TRACE"],
            405,
            "method_not_allowed",
        ),
        ("/fast", many.collect(), 431, "bad_request"),
        // All headers together have 16 KiB, each of them, too.
        ("/fast", vec!["--header", &long], 200, ""),
    ] {
        let answer = curl(&format!("{}{path}", secure(&stack.base)), &options).await;
        let seen = (&*answer.version, answer.status, answer.reason());
        assert_eq!(seen, ("2", status, reason), "{path}");
        assert_ne!(answer.header("x-request-id"), "", "{path}");
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_frees_its_lane_and_leaves_the_others() {
    let stack = up(2).await;
    let mut connection = Connection::open(&stack.base).await;
    connection.request(1, "GET", "/sleep?ms=600000", true).await;
    let first = stack.busy(1).await.remove(0);
    connection.request(3, "GET", "/sleep?ms=1000", true).await;
    stack.busy(2).await;

    connection.reset(1).await;

    eventually("a free lane", async || {
        (!stack.is_busy(&first).await).then_some(())
    })
    .await;
    assert_eq!(connection.next().await, (3, Event::Status(200)));
    connection.request(5, "GET", "/fast", true).await;
    assert_eq!(connection.next().await, (5, Event::Status(200)));
}

#[tokio::test]
async fn a_post_whose_lane_dies_is_never_repeated() {
    let stack = up(2).await;
    let mut connection = Connection::open(&stack.base).await;
    connection.request(1, "POST", "/sleep", false).await;
    connection.data(1, b"{\"ms\":600000}").await;
    // One stream more, which says where the first one is: nowhere, until its body is there.
    connection.request(3, "GET", "/fast", true).await;
    assert_eq!(connection.next().await, (3, Event::Status(200)));
    connection.end(1).await;
    let lane = stack.busy(1).await.remove(0);

    kill_process(stack.pids(&lane)[0], Signal::KILL).expect("it runs");

    assert_eq!(connection.next().await, (1, Event::Status(502)));
    let other = if lane == "lane-1" { "lane-2" } else { "lane-1" };
    assert!(!stack.log(other).contains("\"POST\""), "it was sent again");
}

#[tokio::test]
async fn streams_count_as_connections_do() {
    let files = Files::copy();
    files.replace(
        "limits.conf",
        "limit_conn requests 256;",
        "limit_conn requests 3;",
    );
    let folder = files.path().to_str().expect("its path is ASCII");
    let stack = Local::up_with(1, &[("TLS", "1"), ("NGINX_DIR", folder)]).await;
    let mut connection = Connection::open(&stack.base).await;
    for stream in [1, 3, 5, 7] {
        connection
            .request(stream, "GET", "/sleep?ms=600000", true)
            .await;
    }
    assert_eq!(connection.next().await, (7, Event::Status(429)));
    assert_eq!(connection.max_streams, Some(STREAMS));
    // From another connection, too.
    let answer = curl(&format!("{}/fast", secure(&stack.base)), &[]).await;
    assert_eq!((answer.status, answer.reason()), (429, "rate_limited"));
}

/// Where nothing tells how long it is.
#[tokio::test]
async fn bodies_without_a_length_count_as_large_ones() {
    let stack = up(1).await;
    let mut connections = Vec::new();
    let mut begun = 0;
    while begun < LARGE_UPLOADS {
        let mut connection = Connection::open(&stack.base).await;
        // One of them has to be left for a question.
        for stream in 1..STREAMS {
            if begun < LARGE_UPLOADS {
                connection
                    .request(2 * stream - 1, "POST", "/sleep", false)
                    .await;
                connection.data(2 * stream - 1, b" ").await;
                begun += 1;
            }
        }
        connection.request(101, "GET", "/fast", true).await;
        assert_eq!(connection.next().await, (101, Event::Status(200)));
        connections.push(connection);
    }
    let connection = &mut connections[0];
    connection.request(103, "POST", "/sleep", false).await;
    assert_eq!(connection.next().await, (103, Event::Status(503)));
}

/// Nor does a body that no header announces get into the cache.
#[tokio::test]
async fn a_hidden_body_is_no_part_of_a_question_that_is_kept() {
    let stack = Local::up_with(1, &[("TLS", "1"), ("CACHE", "16m")]).await;
    let url = format!("{}/prime", secure(&stack.base));
    let files = Files::copy();
    files.write("body", "{\"number\":7}");
    let body = files.path().join("body").display().to_string();
    let hidden = unsized_body("GET", &body);
    for _ in 0..2 {
        let answer = curl(&url, &hidden).await;
        assert_eq!((answer.status, answer.reason()), (400, "bad_request"));
    }
    assert_eq!(curl(&url, &[]).await.status, 400);
    let seven = format!("{url}?number=7");
    for options in [&hidden[..], &[]] {
        let answer = curl(&seven, options).await;
        assert_eq!((answer.status, &answer.json["number"]), (200, &7.into()));
    }
}
