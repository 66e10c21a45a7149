//! Clients that ask without a pause.

use std::time::Duration;

use futures_util::future::join_all;
use onelane_stack::ask;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::requests::Request;

/// One more than there are lanes at most.
const CLIENTS: usize = 4;

pub(super) struct Load {
    clients: Vec<JoinHandle<()>>,
    answered: watch::Sender<usize>,
    end: watch::Sender<bool>,
}

impl Load {
    pub(super) fn start(base: &str, requests: &[Request]) -> Self {
        let (answered, end) = (watch::Sender::new(0), watch::Sender::new(false));
        let client = || {
            let asking = ask_until(
                base.to_owned(),
                requests.to_vec(),
                answered.clone(),
                end.subscribe(),
            );
            tokio::spawn(asking)
        };
        Self {
            clients: (0..CLIENTS).map(|_| client()).collect(),
            answered,
            end,
        }
    }

    /// Waits for so many more answers.
    pub(super) async fn answered(&self, more: usize) {
        let mut answered = self.answered.subscribe();
        let enough = *answered.borrow() + more;
        let wait = answered.wait_for(|answered| *answered >= enough);
        timeout(Duration::from_mins(1), wait)
            .await
            .expect("clients go on asking")
            .expect("it is ours");
    }

    /// Every request was answered as it should be.
    pub(super) async fn stop(self) {
        self.end.send_replace(true);
        for client in join_all(self.clients).await {
            client.expect("nothing is lost");
        }
    }
}

async fn ask_until(
    base: String,
    requests: Vec<Request>,
    answered: watch::Sender<usize>,
    end: watch::Receiver<bool>,
) {
    for request in requests.iter().cycle() {
        if *end.borrow() {
            return;
        }
        let mut reply = ask(request.to(&base)).await;
        // It has waited for seconds, and its lane goes: the balancer has no more rounds for it (README, Limits).
        while request.slow && reply.json["reason"] == "no_lane" {
            reply = ask(request.to(&base)).await;
        }
        request.is_answered_by(&reply);
        answered.send_modify(|answered| *answered += 1);
    }
}
