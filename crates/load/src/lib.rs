//! Load, for tests and benches: a small open-loop generator, and clients in a closed loop.
//!
//! Open loop: every request is sent at the moment the trace intends, whatever became of the
//! earlier ones, and its response time counts from that moment. A closed loop (or a stop-watch
//! started when the socket happens to be free) slows down together with the server and hides
//! the very queueing that is to be measured.

mod clients;
mod trace;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::sync::mpsc;

pub use clients::Clients;
pub use trace::{Arrival, poisson};

/// More than a lane lets a request wait: it is only there so that an answer that never comes is
/// counted as an error instead of hanging the load.
const TIMEOUT: Duration = Duration::from_secs(130);

/// What became of one request.
#[derive(Debug)]
pub struct Outcome {
    /// What was asked, and when.
    pub arrival: Arrival,
    /// From the intended arrival to the last byte of the answer.
    pub response: Duration,
    /// An error here means that no complete HTTP answer came.
    pub answer: Result<Answer, String>,
}

/// The parts of an answer that tests and benches look at.
#[derive(Debug)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// `X-Served-By`: who answered.
    pub served_by: Option<String>,
    /// `Retry-After`: when to come back, in seconds.
    pub retry_after: Option<String>,
}

impl Outcome {
    /// The status, or 0 where no answer came.
    pub fn status(&self) -> u16 {
        self.answer.as_ref().map_or(0, |answer| answer.status)
    }

    /// The lane's machine or container, of `X-Served-By: host/pid`.
    pub fn host(&self) -> Option<&str> {
        let served_by = self.answer.as_ref().ok()?.served_by.as_ref()?;
        served_by.split('/').next()
    }
}

/// A running load: outcomes arrive in the order in which the answers do.
pub struct Load {
    outcomes: mpsc::UnboundedReceiver<Outcome>,
    stopped: Arc<AtomicBool>,
}

impl Load {
    /// Starts to play `trace` against `base` (`http://host:port`). Call it inside a tokio runtime.
    pub fn start(
        base: &str,
        trace: impl IntoIterator<Item = Arrival, IntoIter: Send> + Send + 'static,
    ) -> Self {
        Self::with_patience(TIMEOUT, base, trace)
    }

    /// The same, by clients who leave when they have waited so long.
    pub fn with_patience(
        patience: Duration,
        base: &str,
        trace: impl IntoIterator<Item = Arrival, IntoIter: Send> + Send + 'static,
    ) -> Self {
        let (sender, outcomes) = mpsc::unbounded_channel();
        let stopped = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Handle::current();
        let base = base.to_owned();
        let client = reqwest::Client::builder()
            .timeout(patience)
            .build()
            .expect("a client without TLS needs nothing that could be missing");
        let stop = Arc::clone(&stopped);
        // A thread of its own, because tokio's timer rounds up to whole milliseconds, as much
        // as a fifth of the shortest request here.
        thread::spawn(move || {
            let start = Instant::now();
            for arrival in trace {
                let intended = start + arrival.at;
                thread::sleep(intended.saturating_duration_since(Instant::now()));
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let request = client.get(format!("{base}{}", arrival.path()));
                let sender = sender.clone();
                runtime.spawn(async move {
                    let answer = send(request).await.map_err(|err| format!("{err:?}"));
                    // The receiver is gone only when the caller has given up the whole load.
                    let _ = sender.send(Outcome {
                        arrival,
                        response: intended.elapsed(),
                        answer,
                    });
                });
            }
        });
        Self { outcomes, stopped }
    }

    /// The next outcome, or nothing once the trace has ended and every answer is in.
    pub async fn next(&mut self) -> Option<Outcome> {
        self.outcomes.recv().await
    }

    /// Sends nothing more and waits for the answers under way.
    pub async fn stop(mut self) -> Vec<Outcome> {
        self.stopped.store(true, Ordering::Relaxed);
        self.rest().await
    }

    /// Waits for the end of the trace and all answers.
    pub async fn rest(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(outcome) = self.next().await {
            outcomes.push(outcome);
        }
        outcomes
    }
}

/// Work served within `time`, as a share of what `lanes` can do in it.
pub fn goodput(outcomes: &[Outcome], lanes: u32, time: Duration) -> f64 {
    let in_time = outcomes
        .iter()
        .filter(|outcome| outcome.status() == 200 && outcome.arrival.at + outcome.response < time);
    let work: Duration = in_time
        .map(|outcome| Duration::from_millis(outcome.arrival.sleep_ms))
        .sum();
    work.as_secs_f64() / (f64::from(lanes) * time.as_secs_f64())
}

async fn send(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let answer = Answer {
        status: response.status().as_u16(),
        served_by: header(response.headers(), "x-served-by"),
        retry_after: header(response.headers(), RETRY_AFTER.as_str()),
    };
    response.bytes().await?;
    Ok(answer)
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
