//! Clients that ask without a pause, every other time by POST, which nginx does not repeat.

use onelane_load::Clients;
use onelane_stack::{ask, client};
use serde_json::json;

pub(crate) fn start(count: usize, base: &str) -> Clients<()> {
    let (client, url) = (client(), format!("{base}/sleep"));
    Clients::start(count, move |number| {
        let request = match number % 2 {
            0 => client.post(&url).json(&json!({ "ms": 100 })),
            _ => client.get(format!("{url}?ms=100")),
        };
        async {
            let reply = ask(request).await;
            // One that is refused, because a lane has its queue full, is told so and asks again.
            let reason = reply.json["reason"].as_str();
            let is_refused = (reply.status, reason) == (503, Some("queue_full"));
            assert!(reply.status == 200 || is_refused, "{}", reply.json);
        }
    })
}
