//! The same question, asked by many or asked again: computed once, where there is a cache, and given to all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use onelane_stack::{Compose, Local, Reply, ask, client, docker, eventually, get, in_background};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A prime that takes a second or two to divide by all that is divided by.
const SOME: &str = "/prime?number=6000000001";
/// Some more of them.
const OTHERS: [&str; 2] = ["/prime?number=6000000029", "/prime?number=6000000047"];

async fn up(lanes: usize, settings: &[(&str, &str)]) -> Local {
    let settings = [&[("CACHE", "64m")], settings].concat();
    Local::up_with(lanes, &settings).await
}

/// Of each of so many requests, what it was told of the cache.
fn told(replies: &[Reply]) -> BTreeMap<&str, usize> {
    let mut told = BTreeMap::new();
    for reply in replies {
        assert_eq!(reply.status, 200, "{}", reply.json);
        *told.entry(reply.header("cache-status")).or_default() += 1;
    }
    told
}

const HIT: &str = "nginx; hit";
const MISS: &str = "nginx; fwd=uri-miss";

fn ask_often(stack: &Local, path: &str, times: usize) -> Vec<JoinHandle<Reply>> {
    let (client, url) = (client(), format!("{}{path}", stack.base));
    let ask = |_| in_background(client.get(&url));
    (0..times).map(ask).collect()
}

async fn all(asked: Vec<JoinHandle<Reply>>) -> Vec<Reply> {
    let mut replies = Vec::new();
    for reply in asked {
        replies.push(reply.await.expect("it was sent"));
    }
    replies
}

/// A lane as a process here.
struct Process {
    pid: Pid,
    listen: String,
    admin: String,
}

impl Process {
    fn all(stack: &Local, count: usize) -> Vec<Self> {
        let numbers = 1..=count;
        let of = |number| {
            let name = format!("lane-{number}");
            let log = stack.log(&name);
            let mut lines = log.lines().map(parse);
            let line = lines.find(|line| line["message"] == "listening");
            let line = line.expect("it listens");
            let url = |key: &str| format!("http://{}", line[key].as_str().expect("an address"));
            Self {
                pid: stack.pids(&name)[0],
                listen: url("listen"),
                admin: url("admin_listen"),
            }
        };
        numbers.map(of).collect()
    }

    async fn is_busy(&self) -> bool {
        get(format!("{}/status", self.admin)).await.json["slots"][0]["state"] == "busy"
    }
}

/// The lane that computes.
async fn busy(lanes: &[Process]) -> &Process {
    eventually("a busy lane", async || {
        for lane in lanes {
            if lane.is_busy().await {
                return Some(lane);
            }
        }
        None
    })
    .await
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|err| panic!("{err}: {line}"))
}

/// The status of each computation of this path, by the logs of the lanes: so many at least, which are there a moment
/// after nginx has been told.
async fn computations(stack: &Local, lanes: usize, path: &str, least: usize) -> Vec<u64> {
    eventually("lines of log", async || {
        let logs = (1..=lanes).map(|number| stack.log(&format!("lane-{number}")));
        let requests: Vec<Value> = logs
            .flat_map(|log| log.lines().map(parse).collect::<Vec<_>>())
            .filter(|line| line["message"] == "request" && line["uri"] == path)
            .collect();
        let status = |line: &Value| line["status"].as_u64().expect("a status");
        (requests.len() >= least).then(|| requests.iter().map(status).collect())
    })
    .await
}

/// What nginx has noted of so many requests for this path.
async fn noted(stack: &Local, path: &str, requests: usize) -> Vec<Value> {
    eventually("lines of log", async || {
        let log = stack.log("nginx");
        let asks = format!(" {path} ");
        let lines = log.lines().filter(|line| line.contains(&asks));
        let lines: Vec<_> = lines.map(parse).collect();
        (lines.len() == requests).then_some(lines)
    })
    .await
}

#[tokio::test]
async fn a_hundred_who_ask_the_same_at_once_are_one_computation() {
    let stack = up(2, &[]).await;
    let replies = all(ask_often(&stack, SOME, 100)).await;

    assert_eq!(told(&replies), BTreeMap::from([(HIT, 99), (MISS, 1)]));
    assert_eq!(computations(&stack, 2, SOME, 1).await, [200]);
    let ids = replies.iter().map(|reply| reply.header("x-request-id"));
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), 100, "each has its own");
    let lines = noted(&stack, SOME, 100).await;
    let hits = lines.iter().filter(|line| line["cache"] == "HIT");
    assert_eq!(hits.count(), 99);
    let waits = lines.iter().filter(|line| line["queue_ms"] != "");
    assert_eq!(waits.count(), 1, "the others have not queued");
}

#[tokio::test]
async fn an_answer_is_kept_for_all_clients_and_all_ways_of_asking() {
    let stack = up(1, &[]).await;
    let url = format!("{}/prime?number=7", stack.base);
    let asked =
        async |method, name, value| ask(client().request(method, &url).header(name, value)).await;
    // HEAD fetches all of it.
    let first = asked(Method::HEAD, "Accept", "*/*").await;
    let tag = first.header("etag");
    assert_eq!((first.status, first.header("cache-status")), (200, MISS));
    assert_eq!(first.header("cache-control"), "public, max-age=86400");

    for (method, name, value, status) in [
        (Method::GET, "Accept", "*/*", 200),
        (Method::HEAD, "Accept", "*/*", 200),
        (Method::GET, "Authorization", "Bearer me", 200),
        (Method::GET, "Cookie", "who=me", 200),
        (Method::GET, "Cache-Control", "no-cache", 200),
        (Method::GET, "Range", "bytes=0-3", 200),
        (Method::GET, "If-None-Match", "\"another\"", 200),
        (Method::GET, "If-None-Match", tag, 304),
        (Method::HEAD, "If-None-Match", tag, 304),
    ] {
        let body = method == Method::GET && status == 200;
        let reply = asked(method, name, value).await;
        assert_eq!(reply.status, status, "{name}: {value}");
        assert_eq!(reply.json["number"] == 7, body, "{name}: {value}");
        assert_eq!(reply.header("cache-status"), HIT, "{name}: {value}");
        for name in ["etag", "cache-control", "date", "x-served-by"] {
            assert_eq!(reply.header(name), first.header(name), "{name}");
        }
    }
    assert_eq!(computations(&stack, 1, "/prime?number=7", 1).await.len(), 1);
}

/// Nor is it for others to wait for.
#[tokio::test]
async fn nothing_else_has_to_do_with_the_cache() {
    let stack = up(1, &[]).await;
    let url = |path| format!("{}{path}", stack.base);
    let prime = url("/prime?number=7");
    assert_eq!(get(prime.clone()).await.header("cache-status"), MISS);
    let json = client().post(url("/prime")).body("{\"number\":7}");
    for request in [
        json.header("Content-Type", "application/json"),
        client().get(&prime).body("7"),
        client().get(&prime).header("X-Timeout", "5"),
        client().get(url("/?number=7")),
        client().get(url("/fast")),
    ] {
        let what = format!("{request:?}");
        let reply = ask(request).await;
        assert_eq!(
            (reply.status, reply.header("cache-status")),
            (200, ""),
            "{what}"
        );
    }
}

#[tokio::test]
async fn errors_are_not_kept() {
    let stack = up(1, &[("ONELANE_REQUEST_TIMEOUT", "100ms")]).await;
    let long = "/prime?number=29355126551";
    for (path, status) in [("/prime?number=x", 400), (long, 504)] {
        for _ in 0..2 {
            let reply = get(format!("{}{path}", stack.base)).await;
            let seen = (reply.status, reply.header("cache-status"));
            assert_eq!(seen, (status, MISS), "{path}");
        }
        assert_eq!(computations(&stack, 1, path, 2).await.len(), 2);
    }
}

/// A page must not be told what is for a page of another site.
#[tokio::test]
async fn an_answer_that_varies_is_kept_for_each() {
    let sites = ["https://a.example", "https://b.example"];
    let stack = up(1, &[("ONELANE_CORS_ORIGINS", &sites.join(","))]).await;
    for told in [MISS, HIT] {
        for site in sites {
            let request = client().get(format!("{}/prime?number=7", stack.base));
            let reply = ask(request.header("Origin", site)).await;
            assert_eq!(reply.header("access-control-allow-origin"), site);
            assert_eq!(reply.header("cache-status"), told, "{site}");
        }
    }
}

#[tokio::test]
async fn those_who_leave_take_nothing_from_the_others() {
    let stack = up(2, &[]).await;
    let lanes = Process::all(&stack, 2);
    let mut first = ask_often(&stack, SOME, 1);
    busy(&lanes).await;
    let mut others = ask_often(&stack, SOME, 3);
    // They are there when nginx knows of them: it counts itself as one, and who asks.
    let connections = 4 + 1;
    eventually("all of them", async || {
        let status = client()
            .get(format!("{}/stub_status", stack.admin))
            .send()
            .await;
        let text = status.expect("it answers").text().await.expect("words");
        let count = text
            .strip_prefix("Active connections: ")?
            .split(' ')
            .next()?;
        (count.parse::<usize>().ok()? >= connections).then_some(())
    })
    .await;
    for who in [&mut first, &mut others] {
        let leaving = who.pop().expect("there is one");
        leaving.abort();
        leaving.await.err();
    }

    assert_eq!(told(&all(others).await), BTreeMap::from([(HIT, 2)]));
    assert_eq!(computations(&stack, 2, SOME, 1).await, [200]);
}

#[tokio::test]
async fn a_lane_that_dies_while_it_computes_costs_no_client_its_answer() {
    let stack = up(2, &[]).await;
    let lanes = Process::all(&stack, 2);
    let asked = ask_often(&stack, SOME, 5);

    kill_process(busy(&lanes).await.pid, Signal::KILL).unwrap();

    assert_eq!(
        told(&all(asked).await),
        BTreeMap::from([(HIT, 4), (MISS, 1)])
    );
    assert_eq!(computations(&stack, 2, SOME, 1).await, [200]);
}

/// The one who asks goes from lane to lane, round by round, and the others stay behind it.
#[tokio::test]
async fn it_is_one_computation_where_all_lanes_are_busy() {
    let stack = up(2, &[]).await;
    let lanes = Process::all(&stack, 2);
    let work = lanes
        .iter()
        .map(|lane| in_background(client().get(format!("{}/sleep?ms=60000", lane.listen))));
    let work: Vec<_> = work.collect();
    for lane in &lanes {
        eventually("work", async || lane.is_busy().await.then_some(())).await;
    }
    let asked: Vec<_> = OTHERS
        .iter()
        .map(|path| ask_often(&stack, path, 10))
        .collect();
    // In the third round.
    eventually("hops", async || {
        let mut hops = 0.0;
        for lane in &lanes {
            let metrics = client().get(format!("{}/metrics", lane.admin)).send().await;
            let metrics = metrics.expect("it answers").text().await.expect("words");
            let count = metrics.lines().find_map(|line| {
                let count = line.strip_prefix("onelane_rejected_total{reason=\"busy\"} ")?;
                count.parse::<f64>().ok()
            });
            hops += count.unwrap_or_default();
        }
        (hops >= 16.0).then_some(())
    })
    .await;
    work.iter().for_each(JoinHandle::abort);

    for (asked, path) in asked.into_iter().zip(OTHERS) {
        assert_eq!(
            told(&all(asked).await),
            BTreeMap::from([(HIT, 9), (MISS, 1)])
        );
        assert_eq!(computations(&stack, 2, path, 1).await, [200]);
    }
}

/// Equal questions that come to nothing are asked one after the other, so more and more wait.
#[tokio::test]
async fn who_asks_in_vain_again_and_again_takes_no_places_of_others() {
    let stack = up(1, &[]).await;
    let culprit = reqwest::Client::builder().local_address(IpAddr::from([127, 0, 0, 2]));
    let culprit = culprit.build().expect("Linux has this address");
    let url = format!("{}/prime?number=x", stack.base);
    let asked = (0..1000).map(|_| in_background(culprit.get(&url)));
    let (told, mut refusals) = mpsc::channel(1000);
    for asked in asked.collect::<Vec<_>>() {
        let told = told.clone();
        tokio::spawn(async move {
            let reply = asked.await.expect("it was sent");
            told.send(reply).await.ok();
        });
    }
    drop(told);
    // Most wait, a few are answered.
    let mut refused = 0;
    while refused < 200 {
        let reply = refusals.recv().await.expect("more are refused than that");
        refused += usize::from(reply.json["reason"] == "queue_full");
    }

    let reply = get(format!("{}/prime?number=7", stack.base)).await;
    assert_eq!((reply.status, reply.header("cache-status")), (200, MISS));
    // It would serve those who wait first.
    kill_process(stack.pids("nginx")[0], Signal::TERM).unwrap();
}

#[tokio::test]
async fn without_a_cache_each_request_is_computed() {
    let stack = Local::up(2).await;
    let replies = all(ask_often(&stack, "/prime?number=7", 3)).await;
    assert_eq!(told(&replies), BTreeMap::from([("", 3)]));
    assert_eq!(
        computations(&stack, 2, "/prime?number=7", 3).await,
        [200; 3]
    );
}

/// A page of memory each: more than there is room for.
const ANSWERS: u32 = 6000;

#[tokio::test]
async fn in_a_container_it_is_as_large_as_it_was_told_to_be() {
    let Some(stack) = Compose::up_with(2, &[("CACHE", "16m")]).await else {
        return;
    };
    let client = client();
    let asking = (0..8).map(|part| {
        let (client, base) = (client.clone(), stack.base.clone());
        tokio::spawn(async move {
            for number in (part..ANSWERS).step_by(8) {
                // Trivial ones: they have small divisors.
                let url = format!("{base}/prime?number={}", number * 2 + 4);
                assert_eq!(ask(client.get(url)).await.status, 200);
            }
        })
    });
    for part in asking.collect::<Vec<_>>() {
        part.await.expect("all are answered, whatever is kept");
    }
    let last = format!("/prime?number={}", (ANSWERS - 1) * 2 + 4);
    let nginx = stack.nginx().await.container;
    let kept = async || {
        let used = docker(["exec", &nginx, "du", "-sk", "/var/cache/nginx"]).await;
        used.split_whitespace()
            .next()
            .and_then(|used| used.parse::<u64>().ok())
    };
    assert!(kept().await.expect("a size") <= 16 << 10);
    let limit = docker(["inspect", "--format", "{{.HostConfig.Memory}}", &nginx]).await;
    assert_eq!(limit, ((640 + 16) << 20).to_string());
    // There is room again.
    eventually("a hit", async || {
        (stack.get(&last).await.header("cache-status") == HIT).then_some(())
    })
    .await;
}
