//! Clients that ask on and on: short and long, with and without a body.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use onelane_stack::{ask, client};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Fewer than the lanes that are left at the worst of times let wait.
const CLIENTS: usize = 8;

/// More than nginx sends to a lane that has no slot for it.
const LARGE: usize = 100_000;

/// What a client was told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) id: String,
    pub(super) is_post: bool,
    pub(super) status: u16,
    /// Null where there was an answer as asked for.
    pub(super) reason: Value,
}

pub(super) struct Clients {
    tasks: Vec<JoinHandle<Vec<Told>>>,
    answered: watch::Sender<usize>,
    end: watch::Sender<bool>,
}

impl Clients {
    pub(super) fn start(base: &str) -> Self {
        let (answered, end) = (watch::Sender::new(0), watch::Sender::new(false));
        let count = Arc::new(AtomicUsize::new(0));
        let ask = || {
            ask_until(
                base.to_owned(),
                count.clone(),
                answered.clone(),
                end.subscribe(),
            )
        };
        Self {
            tasks: (0..CLIENTS).map(|_| tokio::spawn(ask())).collect(),
            answered,
            end,
        }
    }

    /// Waits for so many more answers, but not for long: what is disturbed may keep all clients waiting.
    pub(super) async fn go_on(&self, more: usize) {
        let mut answered = self.answered.subscribe();
        let enough = *answered.borrow() + more;
        let wait = answered.wait_for(|answered| *answered >= enough);
        timeout(Duration::from_secs(3), wait).await.ok();
    }

    /// What they were told in all.
    pub(super) async fn stop(self) -> Vec<Told> {
        self.end.send_replace(true);
        let told = join_all(self.tasks).await.into_iter();
        told.flat_map(|told| told.expect("each has an answer"))
            .collect()
    }
}

async fn ask_until(
    base: String,
    count: Arc<AtomicUsize>,
    answered: watch::Sender<usize>,
    end: watch::Receiver<bool>,
) -> Vec<Told> {
    let client = client();
    let mut all = Vec::new();
    while !*end.borrow() {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let id = format!("soak-{number}");
        let (request, is_post) = request(&client, &base, number);
        let reply = ask(request.header("X-Request-Id", &id)).await;
        all.push(Told {
            id,
            is_post,
            status: reply.status,
            reason: reply.json["reason"].clone(),
        });
        answered.send_modify(|answered| *answered += 1);
    }
    all
}

/// Every kind in turn, and whether it is a POST.
fn request(client: &Client, base: &str, number: usize) -> (RequestBuilder, bool) {
    let post = |ms: u64, padding: usize| {
        let request = client.post(format!("{base}/sleep"));
        let body = format!("{}{}", json!({ "ms": ms }), " ".repeat(padding));
        (
            request.header(CONTENT_TYPE, "application/json").body(body),
            true,
        )
    };
    let get = |path: &str| (client.get(format!("{base}{path}")), false);
    match number % 10 {
        0 => get("/sleep?ms=300"),
        1 => post(100, 0),
        2 | 5 => get("/wait?ms=5"),
        3 => get("/sleep?ms=10"),
        4 => post(5, 0),
        6 => post(5, LARGE),
        _ => get("/fast"),
    }
}
