use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use rstest::rstest;
use rustix::process::Signal;

use super::process::until;
use super::request::named;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, Lane};

const CLIENTS: usize = 8;

/// What the clients know.
#[derive(Default)]
struct Tally {
    sent: AtomicUsize,
    ending: AtomicBool,
    answered: Mutex<BTreeSet<String>>,
}

impl Tally {
    /// Sends one request after the other until the server no longer answers.
    async fn keep_asking(&self, lane: &Lane) {
        loop {
            let id = format!("load-{}", self.sent.fetch_add(1, Ordering::SeqCst));
            match named(lane, "/wait?ms=2", &id).await {
                Ok(answer) => {
                    if answer.status != 200 {
                        assert_eq!(answer.status, 503, "{answer:?}");
                        let reason = answer.reason();
                        assert_eq!((answer.status, reason.as_str()), (503, "draining"));
                    }
                    self.answered.lock().unwrap().insert(id);
                }
                Err(err) => {
                    let is_ending = self.ending.load(Ordering::SeqCst);
                    assert!(is_ending, "{id} failed before the end: {err:?}");
                    return;
                }
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_server_that_ends_under_load_answers_whatever_it_has_accepted(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let slots = if mode == Blocking { 1 } else { 2 };
    let mut lane = lane::with_slots(mode, slots, &[]);
    let tally = Tally::default();
    let clients = join_all((0..CLIENTS).map(|_| tally.keep_asking(&lane)));
    let end = async {
        until("under load", || {
            tally.answered.lock().unwrap().len() > 20 * CLIENTS
        })
        .await;
        tally.ending.store(true, Ordering::SeqCst);
        lane.signal(Signal::TERM);
    };
    tokio::join!(clients, end);
    assert_eq!(lane.wait_for_exit().code(), Some(0));
    let answered = tally.answered.into_inner().unwrap();
    until("the whole log", || accepted(&lane).len() >= answered.len()).await;
    assert_eq!(accepted(&lane), answered);
}

/// Whatever the server has begun to look at.
fn accepted(lane: &Lane) -> BTreeSet<String> {
    let lines = lane.log(|line| line["message"] == "request");
    let ids = lines
        .iter()
        .map(|line| line["request_id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}
