//! Clients that ask on and on: short and long, with and without a body.

use std::time::Duration;

use onelane_stack::{ask, client};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
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

pub(super) struct Clients(onelane_load::Clients<Told>);

impl Clients {
    pub(super) fn start(base: &str) -> Self {
        let (client, base) = (client(), base.to_owned());
        Self(onelane_load::Clients::start(CLIENTS, move |number| {
            let (request, is_post) = request(&client, &base, number);
            tell(format!("soak-{number}"), request, is_post)
        }))
    }

    /// Waits for so many more answers, but not for long: what is disturbed may keep all clients waiting.
    pub(super) async fn go_on(&self, more: usize) {
        let answers = self.0.answered(more);
        timeout(Duration::from_secs(3), answers).await.ok();
    }

    /// What they were told in all.
    pub(super) async fn stop(self) -> Vec<Told> {
        self.0.stop().await
    }
}

async fn tell(id: String, request: RequestBuilder, is_post: bool) -> Told {
    let reply = ask(request.header("X-Request-Id", &id)).await;
    Told {
        id,
        is_post,
        status: reply.status,
        reason: reply.json["reason"].clone(),
    }
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
