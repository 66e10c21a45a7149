//! A fresh child process for every job: nothing of one request is left for the next. A few children are forked
//! ahead of their jobs, so that no job waits for a fork.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::remote::{self, Employed};
use super::{Answer, Failure, Ticket};
use crate::backoff::Backoff;
use crate::child::{ChildHandle, NeverReady, NotReady, Nursery};
use crate::roster::{Cause, Usage};
use crate::workload::Job;

/// Children that compute one job and end.
#[derive(Debug)]
pub struct Fork(Arc<SharedFork>);

#[derive(Debug)]
struct SharedFork {
    nursery: Nursery,
    /// So many children are kept ready.
    spare: usize,
    state: Mutex<ForkState>,
    /// Told when a child is to be forked.
    needed: Notify,
}

#[derive(Debug, Default)]
struct ForkState {
    /// Those without a job so far, oldest first.
    ready: VecDeque<ChildHandle>,
    backoff: Backoff,
}

impl Fork {
    /// An executor that gets its children from `nursery`, and keeps `spare` of them ready.
    pub fn new(nursery: Nursery, spare: u32) -> Self {
        Self(Arc::new(SharedFork {
            nursery,
            spare: spare as usize,
            state: Mutex::default(),
            needed: Notify::new(),
        }))
    }

    /// Waits until children can be had, and those that are kept ready are there. Called once.
    pub async fn start(&self) -> Result<(), NotReady> {
        let shared = &self.0;
        shared.nursery.ready().await?;
        while shared.is_short() {
            shared.pause().await;
            let started = remote::start(&shared.nursery).await;
            let state = &mut *shared.state.lock();
            match started {
                Ok(child) => {
                    state.ready.push_back(child);
                    state.backoff.worked();
                }
                Err(err) => {
                    state.backoff.failed();
                    if state.backoff.is_hopeless() {
                        return Err(NotReady::Children(NeverReady(err.to_string())));
                    }
                }
            }
        }
        tokio::spawn(shared.clone().maintain());
        Ok(())
    }

    /// Waits until there will be none any more.
    pub async fn failure(&self) -> NotReady {
        self.0.nursery.failure().await
    }

    /// Computes `job` in a child that is killed when its time is over, or when the future or the answer is
    /// dropped. `permit` is held until the child has ended, and its memory is free.
    pub async fn run(
        &self,
        ticket: Ticket,
        job: Job,
        permit: impl Send + 'static,
    ) -> Result<Answer, Failure> {
        let started = self.0.take().map_or_else(|| self.0.nursery.fork(), Ok);
        let child = started.map_err(|err| Failure::NotStarted(err.to_string()))?;
        child.keep(permit);
        let limit = ticket.limit;
        remote::compute(child, job, ticket, limit).await
    }
}

impl SharedFork {
    fn is_short(&self) -> bool {
        self.state.lock().ready.len() < self.spare
    }

    /// Takes the oldest child that is ready, if there is one.
    fn take(&self) -> Option<ChildHandle> {
        let child = loop {
            // Not in the `match` below, which would hold the lock through its whole block.
            let oldest = self.state.lock().ready.pop_front();
            let mut child = oldest?;
            match child.fault() {
                None => break child,
                Some(cause) => self.lose(child, cause),
            }
        };
        // It has lived until its job.
        self.state.lock().backoff.worked();
        // Which happens when the child has that.
        self.needed.notify_one();
        Some(child)
    }

    /// Keeps children ready. One that is lost before its job is replaced after a pause.
    async fn maintain(self: Arc<Self>) {
        loop {
            while self.is_short() {
                self.pause().await;
                // How long that takes is no fault of a child's. If it fails for good, the server ends.
                self.nursery.ready().await.ok();
                match self.nursery.fork() {
                    Ok(child) => self.state.lock().ready.push_back(child),
                    Err(err) => {
                        tracing::error!(%err, "no child is kept ready");
                        self.state.lock().backoff.failed();
                    }
                }
            }
            tokio::select! {
                () = self.needed.notified() => {}
                () = self.nursery.loss() => self.bury(),
            }
        }
    }

    async fn pause(&self) {
        let delay = self.state.lock().backoff.delay();
        if !delay.is_zero() {
            sleep(delay).await;
        }
    }

    /// Removes children that have ended before their job, or that sent something without being asked.
    fn bury(&self) {
        let all = std::mem::take(&mut self.state.lock().ready);
        for mut child in all {
            match child.fault() {
                None => self.state.lock().ready.push_back(child),
                Some(cause) => self.lose(child, cause),
            }
        }
    }

    fn lose(&self, child: ChildHandle, cause: Cause) {
        self.state.lock().backoff.failed();
        self.nursery.roster().replaced(cause);
        self.needed.notify_one();
        child.end(cause);
    }
}

impl Employed for ChildHandle {
    fn child(&mut self) -> &mut ChildHandle {
        self
    }

    fn done(self, _: Usage, _: bool) {
        // Its slot waits for it, but the client does not.
        tokio::spawn(self.complete());
    }

    fn failed(self, cause: Cause) {
        self.end(cause);
    }
}
