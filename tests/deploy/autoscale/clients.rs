//! Clients that ask without a pause, every other one by POST, which nobody repeats.

use futures_util::future::join_all;
use onelane_stack::{ask, client};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Far too many for two lanes.
const CLIENTS: usize = 12;

pub(crate) struct Clients {
    tasks: Vec<JoinHandle<()>>,
    /// How many of them ask.
    asking: watch::Sender<usize>,
}

impl Clients {
    pub(crate) fn start(base: &str) -> Self {
        let asking = watch::Sender::new(CLIENTS);
        let ask = |at| tokio::spawn(ask_on(at, format!("{base}/sleep"), asking.subscribe()));
        Self {
            tasks: (0..CLIENTS).map(ask).collect(),
            asking,
        }
    }

    /// Only so many go on.
    pub(crate) fn only(&self, few: usize) {
        self.asking.send_replace(few);
    }

    /// Waits for their last answers.
    pub(crate) async fn stop(self) {
        self.asking.send_replace(0);
        for ended in join_all(self.tasks).await {
            ended.expect("each request is served or refused");
        }
    }
}

async fn ask_on(at: usize, url: String, asking: watch::Receiver<usize>) {
    let client = client();
    while at < *asking.borrow() {
        let request = match at % 2 {
            0 => client.post(&url).json(&json!({ "ms": 100 })),
            _ => client.get(format!("{url}?ms=100")),
        };
        let reply = ask(request).await;
        // One that is refused, because a lane has its queue full, is told so and asks again.
        let is_refused = (reply.status, reply.json["reason"].as_str()) == (503, Some("queue_full"));
        assert!(reply.status == 200 || is_refused, "{}", reply.json);
    }
}
