//! Spans on their way to the thread that exports them. There are no more than a limit, whatever becomes of the collector.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use prometheus::IntCounterVec;
use tokio::sync::Notify;

use super::data::RequestSpans;
use crate::config::Traces;
use crate::trace::{NOT_EXPORTED, QUEUE_FULL, TOO_MANY};

/// The queue.
#[derive(Debug)]
pub(super) struct SpanQueue {
    state: Mutex<QueueState>,
    /// Told when there is something to do for the thread.
    news: Condvar,
    /// Told when the thread has done all.
    done: Notify,
    limits: Traces,
    lost: IntCounterVec,
}

#[derive(Debug, Default)]
struct QueueState {
    waiting: VecDeque<RequestSpans>,
    /// Spans of all of them.
    spans: usize,
    /// Whether there will be no more.
    ends: bool,
}

impl SpanQueue {
    pub(super) fn new(limits: &Traces, lost: &IntCounterVec) -> Self {
        Self {
            state: Mutex::default(),
            news: Condvar::new(),
            done: Notify::new(),
            limits: limits.clone(),
            lost: lost.clone(),
        }
    }

    /// Takes the spans of a request in, or counts them as lost. Never waits for the collector.
    pub(super) fn push(&self, request: RequestSpans) {
        self.lose(TOO_MANY, request.lost as usize);
        let count = request.spans.len();
        let mut state = self.state.lock();
        if state.ends || state.spans + count > self.limits.queue_max {
            drop(state);
            return self.lose(QUEUE_FULL, count);
        }
        let was_empty = state.waiting.is_empty();
        state.waiting.push_back(request);
        state.spans += count;
        if was_empty || state.spans >= self.limits.batch_max {
            self.news.notify_one();
        }
    }

    /// Waits for enough spans, or until the first have waited long enough. None when there will be no more.
    pub(super) fn next(&self) -> Option<Vec<RequestSpans>> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() && !state.ends {
            self.news.wait(&mut state);
        }
        let due = Instant::now() + self.limits.delay;
        while state.spans < self.limits.batch_max && !state.ends {
            if self.news.wait_until(&mut state, due).timed_out() {
                break;
            }
        }
        let mut batch = Vec::new();
        let mut count = 0;
        while count < self.limits.batch_max
            && let Some(request) = state.waiting.pop_front()
        {
            count += request.spans.len();
            batch.push(request);
        }
        state.spans -= count;
        (!batch.is_empty()).then_some(batch)
    }

    /// Counts spans that the collector did not take.
    pub(super) fn not_exported(&self, count: usize) {
        self.lose(NOT_EXPORTED, count);
    }

    fn lose(&self, reason: &str, count: usize) {
        if count > 0 {
            self.lost.with_label_values(&[reason]).inc_by(count as u64);
        }
    }

    /// Lets no more in.
    pub(super) fn end(&self) {
        self.state.lock().ends = true;
        self.news.notify_one();
    }

    /// Whether there will be no more.
    pub(super) fn ends(&self) -> bool {
        self.state.lock().ends
    }

    /// Says that the last one is exported.
    pub(super) fn finish(&self) {
        // Kept for one who asks later.
        self.done.notify_one();
    }

    /// Waits until the last one is exported.
    pub(super) async fn finished(&self) {
        self.done.notified().await;
    }
}
