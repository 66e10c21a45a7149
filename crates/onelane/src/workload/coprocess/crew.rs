//! The programs of one kind in a process: as many as it has slots, and a spare one if that is wanted. A thread keeps them
//! complete.

use std::fmt::Debug;
use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;

use super::one::{CoprocessLost, CoprocessPlan, StayingProgram};
use crate::backoff::Backoff;
use crate::keeper::{Keeping, ProgramHandle};
use crate::roster::{Cause, ProgramNews};
use crate::workload::{Call, Stop};

/// Is told what becomes of programs that stay.
pub trait Follow: Debug + Send + Sync {
    /// One is ready, or gone.
    fn news(&self, news: ProgramNews);
    /// For so many slots there is none that is ready.
    fn missing(&self, slots: usize);
}

#[derive(Debug)]
pub(super) struct Crew {
    plan: Arc<CoprocessPlan>,
    keeping: Keeping,
    slots: usize,
    follow: Arc<dyn Follow>,
    state: Mutex<CrewState>,
    /// Told when one has become idle, or when a call that waits for that is to look whether it was interrupted.
    changed: Condvar,
    /// Wakes the thread.
    bell: PipeWriter,
}

#[derive(Debug, Default)]
struct CrewState {
    idle: Vec<StayingProgram>,
    /// How many are spoken to.
    busy: usize,
    /// Those that are to end, and why.
    leaving: Vec<(StayingProgram, Cause)>,
    backoff: Backoff,
}

impl CrewState {
    fn alive(&self) -> usize {
        self.idle.len() + self.busy
    }
}

impl Crew {
    /// Starts them all and waits until they are ready. The error says why one is not.
    pub(super) fn start(
        plan: Arc<CoprocessPlan>,
        slots: usize,
        keeping: Keeping,
        follow: Arc<dyn Follow>,
    ) -> Result<Arc<Self>, String> {
        let (rung, bell) = bell().map_err(|err| err.to_string())?;
        let crew = Arc::new(Self {
            plan,
            keeping,
            slots,
            follow,
            state: Mutex::default(),
            changed: Condvar::new(),
            bell,
        });
        while crew.state.lock().alive() < crew.size() {
            crew.add()?;
        }
        let attended = Arc::downgrade(&crew);
        let thread = thread::Builder::new().name("coprocess".to_owned());
        let started = thread.spawn(move || attend(&attended, &rung));
        started.map_err(|err| err.to_string())?;
        Ok(crew)
    }

    fn size(&self) -> usize {
        self.slots + usize::from(self.plan.spare)
    }

    /// Lends one to a call. If the call is interrupted meanwhile, that is its end.
    pub(super) fn lend<T>(
        self: &Arc<Self>,
        call: &Call,
        speak: impl FnOnce(&mut StayingProgram) -> Result<T, CoprocessLost>,
    ) -> Result<T, Stop> {
        let mut lease = self.take(call)?;
        let one = lease.one.as_mut().expect("it was just taken");
        let end = one.end();
        let _hook = call.flag().on_raise(move || end.order());
        let lost = match speak(one) {
            Ok(answer) => {
                one.served += 1;
                lease.give_back();
                return Ok(answer);
            }
            Err(lost) => lost,
        };
        if let Err(interrupted) = call.check() {
            lease.cause = match call.remaining() {
                Some(Duration::ZERO) => Cause::Deadline,
                _ => Cause::Cancelled,
            };
            return Err(interrupted.into());
        }
        lease.cause = lost.cause();
        let name = self.plan.name();
        Err(Stop::Crashed(format!("{name} {}", lost.how())))
    }

    /// Waits for an idle one.
    fn take(self: &Arc<Self>, call: &Call) -> Result<CoprocessLease<'_>, Stop> {
        let crew = self.clone();
        let _hook = call.flag().on_raise(move || {
            // A call that waits has looked before, or will look after this.
            drop(crew.state.lock());
            crew.changed.notify_all();
        });
        let mut state = self.state.lock();
        loop {
            call.check()?;
            while let Some(mut one) = state.idle.pop() {
                match one.fault() {
                    None => {
                        state.busy += 1;
                        return Ok(CoprocessLease {
                            crew: self,
                            one: Some(one),
                            cause: Cause::Cancelled,
                        });
                    }
                    Some(cause) => self.dismiss(&mut state, one, cause),
                }
            }
            self.changed.wait(&mut state);
        }
    }

    /// Has one end.
    fn dismiss(&self, state: &mut CrewState, one: StayingProgram, cause: Cause) {
        state.leaving.push((one, cause));
        self.tell_missing(state);
        self.ring();
    }

    /// Wakes the thread.
    fn ring(&self) {
        // If the pipe is full, it has rung.
        (&self.bell).write_all(&[0]).ok();
    }

    fn tell_missing(&self, state: &CrewState) {
        self.follow
            .missing(self.slots.saturating_sub(state.alive()));
    }

    /// Ends those that are to leave, and starts others in their place.
    fn complete(&self) {
        self.look_after_the_idle();
        let leaving = std::mem::take(&mut self.state.lock().leaving);
        for (one, cause) in leaving {
            let pid = one.pid();
            drop(one);
            self.follow.news(ProgramNews::Gone { pid, cause });
        }
        while self.is_short() {
            let added = self.add();
            let backoff = &mut self.state.lock().backoff;
            match added {
                Ok(()) => backoff.worked(),
                Err(why) => {
                    tracing::error!(why, "a program that stays cannot be started");
                    backoff.failed();
                }
            }
        }
    }

    /// Whether another one is to be started, now.
    fn is_short(&self) -> bool {
        let state = self.state.lock();
        state.alive() < self.size() && state.backoff.delay().is_zero()
    }

    /// Finds those that have ended while they had nothing to do.
    fn look_after_the_idle(&self) {
        let mut state = self.state.lock();
        for mut one in std::mem::take(&mut state.idle) {
            match one.fault() {
                None => state.idle.push(one),
                Some(cause) => self.dismiss(&mut state, one, cause),
            }
        }
    }

    /// Starts one and waits until it is ready.
    fn add(&self) -> Result<(), String> {
        let start = Instant::now();
        let program = self.plan.name();
        let one = StayingProgram::start(&self.plan, self.keeping)
            .map_err(|why| format!("{program}: {why}"))?;
        let (pid, took) = (one.pid(), start.elapsed());
        self.follow.news(ProgramNews::Born { pid, program, took });
        let mut state = self.state.lock();
        state.idle.push(one);
        self.tell_missing(&state);
        self.changed.notify_one();
        Ok(())
    }

    /// Why one is not to serve another request.
    fn verdict(&self, one: &StayingProgram) -> Option<Cause> {
        let plan = &self.plan;
        if plan.requests > 0 && one.served >= one.requests_max {
            return Some(Cause::Recycled);
        }
        let is_bounded = plan.memory < u64::MAX;
        (is_bounded && one.memory() > plan.memory).then_some(Cause::Memory)
    }
}

/// Keeps a crew complete until it is gone.
fn attend(crew: &Weak<Crew>, rung: &PipeReader) {
    while let Some(attended) = crew.upgrade() {
        attended.complete();
        let (watched, pause) = {
            let state = attended.state.lock();
            let idle: Vec<ProgramHandle> = state.idle.iter().map(StayingProgram::end).collect();
            (idle, state.backoff.delay())
        };
        // Not held while this waits: dropping the last one ends all programs.
        drop(attended);
        wait(rung, &watched, pause);
    }
}

/// Waits until the bell rings, until one of these ends, or for the pause after a failure.
fn wait(mut rung: &PipeReader, watched: &[ProgramHandle], pause: Duration) {
    let fds = watched.iter().map(ProgramHandle::watched);
    let fds = [rung.as_fd()].into_iter().chain(fds);
    let mut fds: Vec<_> = fds
        .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
        .collect();
    let pause = Timespec::try_from(pause).ok().filter(|_| !pause.is_zero());
    // An error is as good as a ring: the caller looks again.
    poll(&mut fds, pause.as_ref()).ok();
    while rung.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
}

fn bell() -> io::Result<(PipeReader, PipeWriter)> {
    let (rung, bell) = pipe()?;
    ioctl_fionbio(&rung, true)?;
    ioctl_fionbio(&bell, true)?;
    Ok((rung, bell))
}

/// One that is spoken to. If it is not given back, it ends, for this cause.
struct CoprocessLease<'a> {
    crew: &'a Crew,
    one: Option<StayingProgram>,
    cause: Cause,
}

impl CoprocessLease<'_> {
    fn give_back(mut self) {
        let one = self.one.take().expect("a lease ends once");
        let verdict = self.crew.verdict(&one);
        let mut state = self.crew.state.lock();
        state.busy -= 1;
        match verdict {
            None => {
                state.idle.push(one);
                self.crew.changed.notify_one();
                // It watches it again.
                self.crew.ring();
            }
            Some(cause) => self.crew.dismiss(&mut state, one, cause),
        }
    }
}

impl Drop for CoprocessLease<'_> {
    fn drop(&mut self) {
        if let Some(one) = self.one.take() {
            let mut state = self.crew.state.lock();
            state.busy -= 1;
            self.crew.dismiss(&mut state, one, self.cause);
        }
    }
}
