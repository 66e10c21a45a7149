//! API keys: who may call, how much, and who gets to see a key.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::curl::{curl, secure};
use crate::files_of_nginx::Files;
use onelane_stack::{
    Compose, Local, Reply, ask, client, complaint, docker, eventually, get, in_background, output,
};

const MISS: &str = "nginx; fwd=uri-miss";
const HIT: &str = "nginx; hit";

/// A file of keys.
struct Keys(TempDir);

impl Keys {
    fn new() -> Self {
        Self(TempDir::new().expect("there is room for temporary files"))
    }

    fn file(&self) -> String {
        self.0.path().join("api-keys").display().to_string()
    }

    /// A key of this name from now on.
    async fn make(&self, name: &str) -> String {
        output(Command::new("local/api-key").args([name, &self.file()])).await
    }

    fn read(&self) -> String {
        fs::read_to_string(self.file()).expect("it is ours")
    }

    fn write(&self, text: &str) {
        fs::write(self.file(), text).expect("it is ours");
    }
}

/// Asks with this header.
async fn asked(base: &str, path: &str, name: &str, value: &str) -> Reply {
    ask(client().get(format!("{base}{path}")).header(name, value)).await
}

#[track_caller]
fn assert_refused(reply: &Reply, challenge: &str) {
    let reason = reply.json["reason"].as_str();
    assert_eq!((reply.status, reason), (401, Some("unauthorized")));
    assert_eq!(reply.header("www-authenticate"), challenge);
    assert_eq!(reply.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn who_has_a_key_is_served_and_who_has_none_is_not() {
    let keys = Keys::new();
    let (alice, bob) = (keys.make("alice").await, keys.make("bob").await);
    let stack = Local::up_with(1, &[("API_KEYS", &keys.file())]).await;
    let seven = "/prime?number=7";
    assert!(
        stack.said.contains("--header \"X-Api-Key: $KEY\""),
        "{}",
        stack.said
    );

    for key in [&alice, &bob] {
        for (name, value) in [
            ("X-Api-Key", key.clone()),
            ("Authorization", format!("Bearer {key}")),
            ("Authorization", format!("bearer  {key}")),
        ] {
            assert_eq!(asked(&stack.base, seven, name, &value).await.status, 200);
        }
    }
    let post = client().post(format!("{}/prime", stack.base));
    let json = serde_json::json!({ "number": 7 });
    assert_eq!(
        ask(post.header("X-Api-Key", &alice).json(&json))
            .await
            .status,
        200
    );

    let known = "Bearer error=\"invalid_token\"";
    assert_refused(&get(format!("{}{seven}", stack.base)).await, "Bearer");
    let (_, secret) = alice.split_once('.').expect("a name and a secret");
    let hash = keys.read();
    let hash = hash.lines().next().and_then(|line| line.split(' ').nth(1));
    for wrong in [
        alice.to_uppercase(),
        alice.to_lowercase(),
        format!("bob.{secret}"),
        format!("carol.{secret}"),
        format!("default.{secret}"),
        secret.to_owned(),
        format!("alice.{}", hash.expect("it has a hash")),
        format!("{alice}x"),
        format!("{alice} {alice}"),
        format!("{alice},{bob}"),
        "alice.".to_owned(),
        "x".repeat(7000),
    ] {
        assert_refused(&asked(&stack.base, seven, "X-Api-Key", &wrong).await, known);
    }
    for path in ["/?number=7", "/nowhere", "/?", "//", "/fast"] {
        assert_refused(&get(format!("{}{path}", stack.base)).await, "Bearer");
    }
    let basic = format!("Basic {alice}");
    assert_refused(
        &asked(&stack.base, seven, "Authorization", &basic).await,
        known,
    );
    let large = client()
        .post(format!("{}/prime", stack.base))
        .body("x".repeat(50_000));
    assert_refused(&ask(large).await, "Bearer");
}

/// What computes nothing: probes, the page, and a browser's question what it may send.
#[tokio::test]
async fn what_takes_no_lane_takes_no_key() {
    let keys = Keys::new();
    keys.make("alice").await;
    let stack = Local::up_with(1, &[("API_KEYS", &keys.file())]).await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(format!("{}{path}", stack.admin)).await.status, 200);
    }
    let url = |path: &str| format!("{}{path}", stack.base);
    assert_eq!(get(url("/")).await.status, 200);
    let options = client().request(reqwest::Method::OPTIONS, url("/prime"));
    assert_eq!(ask(options).await.status, 204);
}

#[tokio::test]
async fn each_key_has_limits_of_its_own() {
    let keys = Keys::new();
    let (alice, bob) = (keys.make("alice").await, keys.make("bob").await);
    let files = Files::copy();
    files.replace(
        "limits.conf",
        "limit_conn callers 64;",
        "limit_conn callers 2;",
    );
    let folder = files.path().to_str().expect("its path is ASCII");
    let settings = [("API_KEYS", &*keys.file()), ("NGINX_DIR", folder)];
    let stack = Local::up_with(4, &settings).await;
    let url = |path: &str| format!("{}{path}", stack.base);
    let long = || {
        let request = client().get(url("/sleep?ms=600000"));
        in_background(request.header("X-Api-Key", &alice))
    };
    let held = [long(), long()];
    stack.busy(2).await;
    let refused = asked(&stack.base, "/fast", "X-Api-Key", &alice).await;
    let reason = refused.json["reason"].as_str();
    assert_eq!((refused.status, reason), (429, Some("rate_limited")));
    assert_eq!(
        asked(&stack.base, "/fast", "X-Api-Key", &bob).await.status,
        200
    );
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn no_log_and_no_lane_has_a_key() {
    let keys = Keys::new();
    let alice = keys.make("alice").await;
    // This key is not in the file, but it may be a secret elsewhere.
    let strange = "mallory.0123456789012345678901234567890123456789012";
    let stack = Local::up_with(1, &[("API_KEYS", &keys.file()), ("CACHE", "16m")]).await;
    for key in [&alice, strange] {
        for path in ["/prime?number=7", "/prime?number=x", "/nowhere", "/fast"] {
            asked(&stack.base, path, "X-Api-Key", key).await;
            asked(&stack.base, path, "Authorization", &format!("Bearer {key}")).await;
        }
        // What nginx complains of in its other log.
        let large = client().post(format!("{}/fast", stack.base));
        let large = large.header("X-Api-Key", key).body("x".repeat(1_100_000));
        ask(large).await;
    }
    let lines = eventually("a line for each", async || {
        let log = stack.log("nginx");
        let lines = log.lines().filter(|line| line.starts_with('{'));
        let lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        (lines
            .iter()
            .filter(|line| line["request"] != "GET / HTTP/1.0")
            .count()
            >= 18)
            .then_some(lines)
    })
    .await;
    let names: Vec<_> = lines.iter().filter(|line| line["status"] == 200).collect();
    assert!(
        names.iter().any(|line| line["caller"] == "alice"),
        "{names:?}"
    );
    for log in ["nginx", "lane-1"] {
        let log = stack.log(log);
        for key in [&alice, strange] {
            let (_, secret) = key.split_once('.').expect("a name and a secret");
            assert!(!log.contains(secret), "{log}");
        }
    }
}

/// A lane that only listens, to say what it hears.
#[tokio::test]
async fn a_lane_is_told_the_name_of_the_caller_and_never_a_key() {
    let keys = Keys::new();
    let alice = keys.make("alice").await;
    let stack = Local::up_with(1, &[("API_KEYS", &keys.file()), ("TLS", "1")]).await;
    let lane = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = lane.local_addr().expect("it is bound");
    let upstream = stack.run.path().join("conf/upstream.conf");
    fs::write(upstream, format!("server {address};\n")).expect("it is ours");
    for pid in stack.pids("nginx") {
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("it runs");
    }
    let url = format!("{}/fast", secure(&stack.base));
    let (key, bearer) = (
        format!("X-Api-Key: {alice}"),
        format!("Authorization: Bearer {alice}"),
    );
    let options = [
        "--header",
        &key,
        "--header",
        &bearer,
        "--header",
        "X-Caller: mallory",
    ];

    // Until nginx has read it, the other lane answers.
    let asking = eventually("a request", async || {
        let asked = curl(&url, &options);
        tokio::select! {
            _ = asked => None,
            accepted = lane.accept() => Some(accepted.expect("a connection").0),
        }
    })
    .await;
    let head = head(asking).await;
    assert!(head.contains("X-Caller: alice\r\n"), "{head}");
    assert!(head.contains("X-Forwarded-Proto: https\r\n"), "{head}");
    let (_, secret) = alice.split_once('.').expect("a name and a secret");
    for never in [
        secret,
        "mallory",
        "Authorization",
        "authorization",
        "X-Api-Key",
        "x-api-key",
    ] {
        assert!(!head.contains(never), "{head}");
    }
}

/// What comes on a connection before the body.
async fn head(mut connection: tokio::net::TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n")
        && connection
            .read_buf(&mut head)
            .await
            .expect("it says something")
            > 0
    {}
    connection
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .ok();
    String::from_utf8(head).expect("it is ASCII")
}

#[tokio::test]
async fn callers_share_no_answers_that_are_kept() {
    let keys = Keys::new();
    let (alice, bob) = (keys.make("alice").await, keys.make("bob").await);
    let settings = [("API_KEYS", &*keys.file()), ("CACHE", "16m")];
    let stack = Local::up_with(1, &settings).await;
    let seven = "/prime?number=7";
    for (key, told) in [(&alice, MISS), (&alice, HIT), (&bob, MISS), (&bob, HIT)] {
        let reply = asked(&stack.base, seven, "X-Api-Key", key).await;
        assert_eq!((reply.status, reply.header("cache-status")), (200, told));
    }
    assert_refused(&get(format!("{}{seven}", stack.base)).await, "Bearer");
}

#[tokio::test]
async fn plain_processes_take_other_keys_by_a_reload() {
    let keys = Keys::new();
    let alice = keys.make("alice").await;
    let stack = Local::up_with(1, &[("API_KEYS", &keys.file())]).await;
    let reload = || {
        let mut reload = Command::new("local/reload");
        reload.env("RUN_DIR", stack.run.path());
        reload
    };
    takes_others(&stack.base, &keys, &alice, reload).await;

    let said = complaint(stack.up_again().env("API_KEYS", "no/such/file")).await;
    assert!(said.contains("'no/such/file'"), "{said}");
    keys.write("alice");
    let said = complaint(stack.up_again().env("LANES", "2")).await;
    assert!(said.ends_with("Nothing was changed"), "{said}");
    let said = output(stack.up_again().env("API_KEYS", "0")).await;
    assert!(said.contains("→ 0"), "{said}");
    assert_eq!(get(format!("{}/fast", stack.base)).await.status, 200);
}

#[tokio::test]
async fn containers_take_other_keys_by_a_reload() {
    let keys = Keys::new();
    let alice = keys.make("alice").await;
    let settings = [("API_KEYS", &*keys.file()), ("TLS", "1")];
    let Some(stack) = Compose::up_with(1, &settings).await else {
        return;
    };
    let fast = format!("{}/fast", secure(&stack.base));
    let key = format!("X-Api-Key: {alice}");
    assert_eq!(curl(&fast, &[]).await.status, 401);
    let answer = curl(&fast, &["--header", &key]).await;
    assert_eq!((&*answer.version, answer.status), ("2", 200));
    assert!(stack.nginx().await.is_healthy().await);
    output(stack.up_again().env("TLS", "0")).await;
    takes_others(&stack.base, &keys, &alice, || stack.reload_command()).await;

    // What comes back by itself knows them as well.
    docker(["restart", &stack.nginx().await.container]).await;
    eventually("nginx", async || {
        let request = client().get(format!("{}/fast", stack.base)).send().await;
        (request.ok()?.status() == 401).then_some(())
    })
    .await;
}

/// By reloads: one more key, one less; a file that is none changes nothing.
async fn takes_others(base: &str, keys: &Keys, alice: &str, reload: impl Fn() -> Command) {
    let status = async |key: &str| asked(base, "/fast", "X-Api-Key", key).await.status;
    let bob = keys.make("bob").await;
    assert_eq!((status(alice).await, status(&bob).await), (200, 401));
    output(&mut reload()).await;
    assert_eq!((status(alice).await, status(&bob).await), (200, 200));

    let good = keys.read();
    for (text, why) in [
        (
            format!("{good}{bob}\n"),
            "line 3 of the API keys is not a name and a hash",
        ),
        (
            format!("{good}bob 1234567890123456789012\n"),
            "two API keys of the name bob",
        ),
        ("# none\n".to_owned(), "there is no API key"),
        (
            "include 1234567890123456789012\n".to_owned(),
            "no caller can be called",
        ),
    ] {
        keys.write(&text);
        let failed = reload()
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .await;
        let failed = failed.expect("it is there");
        let said = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert!(!failed.status.success() && said.contains(why), "{said}");
        assert!(!said.contains(&bob), "{said}");
        assert!(
            said.ends_with("nginx goes on with what it has read before\n"),
            "{said}"
        );
        assert_eq!((status(alice).await, status(&bob).await), (200, 200));
    }

    let (_, second) = good.split_once('\n').expect("two lines");
    keys.write(&format!(
        "# who may call\r\n\n{}",
        second.replace('\n', "\r\n")
    ));
    output(&mut reload()).await;
    assert_eq!((status(alice).await, status(&bob).await), (401, 200));
}
