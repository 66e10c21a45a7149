//! A closed loop: clients that ask without a pause, each as soon as it has its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Only there so that clients that get no more answers fail a test instead of hanging it.
const PATIENCE: Duration = Duration::from_mins(2);

/// Clients that ask until they are stopped, and what each of their requests came to.
pub struct Clients<T> {
    tasks: Vec<JoinHandle<Vec<T>>>,
    answered: watch::Sender<usize>,
    end: watch::Sender<bool>,
}

impl<T: Send + 'static> Clients<T> {
    /// Starts `count` of them. `ask` sends a request, whose number it gets, and returns what it came to.
    pub fn start<A, R>(count: usize, ask: A) -> Self
    where
        A: Fn(usize) -> R + Send + Sync + 'static,
        R: Future<Output = T> + Send + 'static,
    {
        let (answered, end) = (watch::Sender::new(0), watch::Sender::new(false));
        let (ask, next) = (Arc::new(ask), Arc::new(AtomicUsize::new(0)));
        let client = || {
            let (ask, next) = (ask.clone(), next.clone());
            let (answered, end) = (answered.clone(), end.subscribe());
            async move {
                let mut all = Vec::new();
                while !*end.borrow() {
                    all.push(ask(next.fetch_add(1, Ordering::Relaxed)).await);
                    answered.send_modify(|answered| *answered += 1);
                }
                all
            }
        };
        Self {
            tasks: (0..count).map(|_| tokio::spawn(client())).collect(),
            answered,
            end,
        }
    }

    /// Waits for so many more answers.
    pub async fn answered(&self, more: usize) {
        let mut answered = self.answered.subscribe();
        let enough = *answered.borrow() + more;
        let wait = answered.wait_for(|answered| *answered >= enough);
        timeout(PATIENCE, wait)
            .await
            .expect("clients go on asking")
            .expect("it is ours");
    }

    /// Waits for the answers under way. What all requests came to; a client that has panicked fails the test.
    pub async fn stop(self) -> Vec<T> {
        self.end.send_replace(true);
        let mut all = Vec::new();
        for task in self.tasks {
            all.extend(task.await.expect("each has its answer"));
        }
        all
    }
}
