//! Child processes that stay. Each computes one job after the other. The next job goes to the child
//! that was used last, because its caches are warm. A child that failed in any way is never used again.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::remote::{self, Employed};
use super::{Answer, Failure, Ticket};
use crate::backoff::Backoff;
use crate::child::{ChildHandle, ChildLost, NeverReady, NotReady, Nursery};
use crate::jitter::with_jitter;
use crate::roster::{Cause, Usage};
use crate::workload::Job;

/// A set of children. Once started, a task keeps it at its size until the runtime ends.
#[derive(Debug)]
pub struct Pool(Arc<SharedPool>);

#[derive(Debug)]
struct SharedPool {
    nursery: Nursery,
    size: usize,
    /// Jobs after which a child is replaced, within 10 %; 0 is never.
    max_jobs: u32,
    state: Mutex<PoolState>,
    /// Told when a child has become idle.
    ready: Notify,
    /// Told when a child has to be replaced.
    needed: Notify,
}

#[derive(Debug, Default)]
struct PoolState {
    /// A stack: the child that was used last is on top.
    idle: Vec<PooledChild>,
    /// Children, both idle and busy.
    alive: usize,
    /// Those among the alive that have done all their jobs and are to be replaced.
    spent: usize,
    backoff: Backoff,
}

#[derive(Debug)]
struct PooledChild {
    child: ChildHandle,
    /// Jobs that it has computed.
    jobs: u32,
    max_jobs: u32,
}

impl Pool {
    /// A pool for `size` children, none of which is started yet.
    pub fn new(nursery: Nursery, size: u32, max_jobs: u32) -> Self {
        Self(Arc::new(SharedPool {
            nursery,
            size: size as usize,
            max_jobs,
            state: Mutex::default(),
            ready: Notify::new(),
            needed: Notify::new(),
        }))
    }

    /// Waits until there will be no children any more.
    pub async fn failure(&self) -> NotReady {
        self.0.nursery.failure().await
    }

    /// Starts all children and waits until they are ready. Called once.
    pub async fn start(&self) -> Result<(), NotReady> {
        let shared = &self.0;
        shared.nursery.ready().await?;
        while shared.state.lock().alive < shared.size {
            shared.pause().await;
            let outcome = shared.add().await;
            let backoff = &mut shared.state.lock().backoff;
            match outcome {
                Ok(()) => backoff.worked(),
                Err(err) if backoff.is_hopeless() => {
                    return Err(NotReady::Children(NeverReady(err.to_string())));
                }
                Err(_) => {}
            }
        }
        tokio::spawn(shared.clone().maintain());
        Ok(())
    }

    /// Computes `job` in a child that is killed when its time is over, or when the future or the answer is
    /// dropped. A job that reached a child is never given to another one.
    pub async fn run(
        &self,
        ticket: Ticket,
        job: Job,
        permit: impl Send + 'static,
    ) -> Result<Answer, Failure> {
        if !self.0.nursery.is_ready() {
            return Err(Failure::NotStarted(
                "the children are started anew".to_owned(),
            ));
        }
        let start = Instant::now();
        let Ok(lease) = timeout(ticket.limit, self.0.take()).await else {
            return Err(Failure::NotStarted("none became ready in time".to_owned()));
        };
        let left = ticket.limit.saturating_sub(start.elapsed());
        let employed = Hired {
            lease,
            _permit: Box::new(permit),
        };
        remote::compute(employed, job, ticket, left).await
    }
}

/// A child that is in use, and the slot that it is used on.
struct Hired {
    lease: ChildLease,
    _permit: Box<dyn Any + Send>,
}

impl Employed for Hired {
    fn child(&mut self) -> &mut ChildHandle {
        &mut self.lease.member().child
    }

    fn done(mut self, used: Usage, panicked: bool) {
        if panicked {
            return self.failed(Cause::Crashed);
        }
        self.child().vacate(used);
        self.lease.give_back();
    }

    fn failed(self, cause: Cause) {
        self.lease.discard(cause);
    }
}

impl SharedPool {
    /// Waits until a child is idle and takes the one that was used last.
    async fn take(self: &Arc<Self>) -> ChildLease {
        loop {
            let ready = self.ready.notified();
            // Not in the `if let` below, which would hold the lock through its whole block.
            let idle = self.state.lock().idle.pop();
            if let Some(member) = idle {
                let mut lease = ChildLease {
                    pool: self.clone(),
                    member: Some(member),
                };
                match lease.member().child.fault() {
                    None => return lease,
                    Some(cause) => {
                        self.state.lock().note_early_end(lease.member(), cause);
                        lease.discard(cause);
                    }
                }
                continue;
            }
            ready.await;
        }
    }

    /// Keeps the pool at its size. A child that is lost is replaced at once, or after a pause if it had
    /// never computed anything. A child that is spent leaves after its successor is ready.
    async fn maintain(self: Arc<Self>) {
        loop {
            self.bury();
            while self.state.lock().is_short(self.size) {
                self.pause().await;
                if let Err(err) = self.add().await {
                    tracing::error!(%err, "no child for the pool");
                }
            }
            tokio::select! {
                () = self.needed.notified() => {}
                () = self.nursery.loss() => {}
            }
        }
    }

    async fn pause(&self) {
        let delay = self.state.lock().backoff.delay();
        sleep(delay).await;
    }

    /// Starts one child and waits until it is ready.
    async fn add(&self) -> Result<(), ChildLost> {
        let child = remote::start(&self.nursery).await;
        let mut state = self.state.lock();
        match child {
            Ok(child) => {
                state.alive += 1;
                state.idle.push(PooledChild {
                    child,
                    jobs: 0,
                    max_jobs: with_jitter(self.max_jobs),
                });
                state.retire_surplus(self.size);
                self.ready.notify_one();
                Ok(())
            }
            Err(err) => {
                state.backoff.failed();
                Err(err)
            }
        }
    }

    /// Removes idle children that have ended, or that sent something without being asked.
    fn bury(&self) {
        let mut state = self.state.lock();
        for mut member in std::mem::take(&mut state.idle) {
            match member.child.fault() {
                None => state.idle.push(member),
                Some(cause) => {
                    state.note_early_end(&member, cause);
                    state.lose(&member, cause, &self.nursery);
                    member.child.end(cause);
                }
            }
        }
    }
}

impl PoolState {
    fn is_short(&self, size: usize) -> bool {
        self.alive < size + self.spent
    }

    /// Ends idle children that are spent, as long as there are more than `size`.
    fn retire_surplus(&mut self, size: usize) {
        while self.alive > size {
            let Some(at) = self.idle.iter().position(PooledChild::is_spent) else {
                return;
            };
            self.idle.remove(at).child.end(Cause::Recycled);
            self.alive -= 1;
            self.spent -= 1;
        }
    }

    /// Takes a child off the books that was lost for `cause`.
    fn lose(&mut self, member: &PooledChild, cause: Cause, nursery: &Nursery) {
        self.alive -= 1;
        if member.is_spent() {
            self.spent -= 1;
        } else {
            nursery.roster().replaced(cause);
        }
    }

    /// For a child that has ended while it was idle. Before its first job that is a failure, as if it
    /// had never started; in a job it is the job's, and the next child is needed at once.
    fn note_early_end(&mut self, member: &PooledChild, cause: Cause) {
        if member.jobs == 0 && cause == Cause::Crashed {
            self.backoff.failed();
        }
    }
}

impl PooledChild {
    fn is_spent(&self) -> bool {
        self.max_jobs > 0 && self.jobs >= self.max_jobs
    }
}

/// A child that is in use. One whose lease is dropped in the middle of a job is not used again.
struct ChildLease {
    pool: Arc<SharedPool>,
    member: Option<PooledChild>,
}

impl ChildLease {
    fn member(&mut self) -> &mut PooledChild {
        self.member
            .as_mut()
            .expect("a lease has its child until it ends")
    }

    /// Returns a child that can be used again.
    fn give_back(mut self) {
        let mut member = self.member.take().expect("a lease ends once");
        let mut state = self.pool.state.lock();
        state.backoff.worked();
        member.jobs += 1;
        if member.is_spent() && member.jobs == member.max_jobs {
            state.spent += 1;
            self.pool.nursery.roster().replaced(Cause::Recycled);
            self.pool.needed.notify_one();
        }
        state.idle.push(member);
        state.retire_surplus(self.pool.size);
        self.pool.ready.notify_one();
    }

    /// Ends a child that cannot be used again.
    fn discard(mut self, cause: Cause) {
        self.lose(cause);
    }

    fn lose(&mut self, cause: Cause) {
        if let Some(member) = self.member.take() {
            self.pool
                .state
                .lock()
                .lose(&member, cause, &self.pool.nursery);
            member.child.end(cause);
            self.pool.needed.notify_one();
        }
    }
}

impl Drop for ChildLease {
    fn drop(&mut self) {
        self.lose(Cause::Cancelled);
    }
}
