//! The workers of a cluster: starts them, replaces them, and ends them, so that there are always as
//! many as wanted. The parent's loop tells it of every event and calls [`Fleet::maintain`] often.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::mpsc;

use super::awake::Awake;
use super::board::Board;
use super::member::{Member, Verdict};
use super::process::{self, WorkerEvent};
use super::report::{HEARTBEAT, Report};
use super::step::{Step, next_step};
use crate::backoff::Backoff;
use crate::child::{NeverReady, NotReady, orphans};
use crate::config::Settings;
use crate::guard::usage::ReapedUsage;
use crate::roster::Cause;
use crate::workload::LoadError;

/// The members are looked at every 20 ms. A longer gap is worth a line in the log.
const ABSENCE: Duration = Duration::from_secs(1);

/// The workers, as their parent keeps them.
pub(super) struct Fleet {
    listener: TcpListener,
    settings: Settings,
    target: usize,
    /// Oldest first.
    members: Vec<Member>,
    /// What they are judged by.
    awake: Awake,
    next_id: u64,
    backoff: Backoff,
    /// Whether any worker has ever listened. If not, there is no point in trying for ever.
    ever_ready: bool,
    used: ReapedUsage,
    /// Whether the members were told to end, all of them.
    ending: bool,
    cut: bool,
    events: mpsc::UnboundedSender<WorkerEvent>,
    board: Board,
}

impl Fleet {
    /// A fleet without workers yet. What happens to them is sent to `events`.
    pub(super) fn new(
        listener: TcpListener,
        settings: &Settings,
        events: mpsc::UnboundedSender<WorkerEvent>,
        board: Board,
    ) -> Self {
        Self {
            listener,
            settings: Settings {
                slots: 1,
                // Requests wait in the kernel's queue, which the parent watches. There is one place for a request that
                // is taken while the program that computes it ends.
                queue_max: 1,
                ..settings.clone()
            },
            target: settings.slots as usize,
            members: Vec::new(),
            awake: Awake::new(),
            next_id: 1,
            backoff: Backoff::default(),
            ever_ready: false,
            used: ReapedUsage::from_now_on(),
            ending: false,
            cut: false,
            events,
            board,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether at least one worker takes connections.
    pub(super) fn is_listening(&self) -> bool {
        self.members.iter().any(Member::is_listening)
    }

    /// Whether a worker that was told to finish, or to stop, left a request unanswered.
    pub(super) fn was_cut(&self) -> bool {
        self.cut
    }

    /// One worker more.
    pub(super) fn grow(&mut self) {
        self.target += 1;
        tracing::info!(workers = self.target, "one worker more");
    }

    /// One worker fewer, but never none.
    pub(super) fn shrink(&mut self) {
        self.target = (self.target - 1).max(1);
        tracing::info!(workers = self.target, "one worker fewer");
    }

    /// Replaces every worker there is.
    pub(super) fn roll(&mut self) {
        tracing::info!("replacing all workers");
        for member in &mut self.members {
            member.outdate(Cause::Reload);
        }
    }

    /// Tells every worker to finish.
    pub(super) fn drain(&mut self) {
        self.end(Signal::TERM);
    }

    /// Tells every worker to stop, whatever it does.
    pub(super) fn interrupt(&mut self) {
        self.end(Signal::INT);
    }

    /// Ends every worker.
    pub(super) fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    fn end(&mut self, signal: Signal) {
        self.ending = true;
        for member in &mut self.members {
            member.leave(Cause::Shutdown, signal, self.awake.time());
        }
    }

    /// Takes note of what happened. The error says that it makes no sense to go on.
    pub(super) fn note(&mut self, event: WorkerEvent) -> Result<(), NotReady> {
        match event {
            WorkerEvent::Reported(id, report) => self.hear(id, *report),
            WorkerEvent::Disconnected(id) => {
                if let Some(at) = self.position(id) {
                    self.announce(self.members[at].pid, "disconnect");
                }
                Ok(())
            }
            WorkerEvent::Exited(id, status) => self.bury(id, status),
        }
    }

    fn position(&self, id: u64) -> Option<usize> {
        self.members.iter().position(|member| member.id == id)
    }

    /// Counts and logs an event in a worker's life.
    fn announce(&self, pid: u32, event: &str) {
        self.board.event(event);
        tracing::info!(pid, "worker {event}");
    }

    /// A worker has reported. One that cannot load is replaced like any other that fails, as long as there is
    /// another one that serves.
    fn hear(&mut self, id: u64, report: Report) -> Result<(), NotReady> {
        let Some(at) = self.position(id) else {
            return Ok(());
        };
        let member = &mut self.members[at];
        let pid = member.pid;
        let events = member.hear(&report, self.awake.time());
        self.ever_ready |= member.is_listening();
        if member.has_proved_itself() {
            self.backoff.worked();
        }
        if let Some(why) = &report.stuck {
            tracing::error!(pid, why, "worker cannot stop its computation");
        }
        for event in events {
            self.announce(pid, event);
        }
        let failed = report.failed.clone();
        self.board.report(id, report);
        match failed {
            Some(why) if !self.is_listening() => Err(LoadError(why).into()),
            Some(why) => {
                tracing::error!(pid, why, "worker cannot load");
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A worker was reaped.
    fn bury(&mut self, id: u64, status: io::Result<ExitStatus>) -> Result<(), NotReady> {
        let Some(at) = self.position(id) else {
            return Ok(());
        };
        let member = self.members.remove(at);
        let used = self.used.next();
        let signal = status.as_ref().ok().and_then(ExitStatusExt::signal);
        let cause = member.cause_of_death(signal);
        self.board.event("exit");
        let lost_request = self.board.gone(id, cause, used);
        let succeeded = status.as_ref().is_ok_and(ExitStatus::success);
        // One that never reported had no request either, and may have died of a signal that it could
        // not handle yet.
        self.cut |= self.ending && member.has_reported() && !succeeded;
        let status = status.map_or_else(|err| err.to_string(), |status| status.to_string());
        tracing::info!(
            pid = member.pid,
            status,
            cause = cause.name(),
            lost_request,
            "worker exit"
        );
        if !member.is_staying() || member.has_proved_itself() {
            return Ok(());
        }
        self.failed(status)
    }

    /// Brings the fleet one step closer to what it should be. The error says that it makes no sense to
    /// go on.
    pub(super) fn maintain(&mut self) -> Result<(), NotReady> {
        self.judge()?;
        orphans::reap(|pid| self.members.iter().any(|member| member.pid == pid));
        match next_step(&self.members, self.target) {
            Step::Start => self.start_if_due(),
            Step::Release { at, cause } => {
                self.members[at].leave(cause, Signal::TERM, self.awake.time());
                Ok(())
            }
            Step::Wait => Ok(()),
        }
    }

    /// Starts a worker, unless a failure was too recent.
    fn start_if_due(&mut self) -> Result<(), NotReady> {
        if !self.backoff.delay().is_zero() {
            return Ok(());
        }
        let Err(err) = self.start() else {
            return Ok(());
        };
        let is_missing = matches!(
            err.kind(),
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::Unsupported
        );
        if is_missing && !self.ever_ready {
            return Err(err.into());
        }
        tracing::error!(%err, "no worker could be started");
        self.failed(err.to_string())
    }

    /// Counts a worker that failed before it was of use; `why` says how.
    fn failed(&mut self, why: String) -> Result<(), NotReady> {
        self.backoff.failed();
        if !self.ever_ready && self.backoff.is_hopeless() {
            return Err(NeverReady(why).into());
        }
        Ok(())
    }

    /// Kills workers that are silent, that cannot stop, or that take too long to leave.
    fn judge(&mut self) -> Result<(), NotReady> {
        let absence = self.awake.look();
        if absence > ABSENCE {
            tracing::warn!(seconds = absence.as_secs_f64(), "this process stood still");
        }
        // A healthy worker ends by itself after `shutdown_timeout`.
        let patience = self.settings.shutdown_timeout + HEARTBEAT;
        let now = self.awake.time();
        let mut never_ready = 0;
        for member in &mut self.members {
            match member.judge(patience, now) {
                Verdict::Well => {}
                Verdict::Lingering => member.send(Signal::KILL),
                Verdict::Stuck => member.leave(Cause::Hung, Signal::KILL, now),
                Verdict::Silent => {
                    tracing::error!(pid = member.pid, "worker is silent");
                    never_ready += usize::from(member.is_starting());
                    member.leave(Cause::Hung, Signal::KILL, now);
                }
            }
        }
        // Counted here because their successors may be started before they are reaped.
        (0..never_ready).try_for_each(|_| self.failed("it hung before it was ready".to_owned()))
    }

    fn start(&mut self) -> io::Result<()> {
        let id = self.next_id;
        self.next_id += 1;
        self.board.expect(id);
        let started = process::spawn(&self.listener, &self.settings);
        let child = started.inspect_err(|_| self.board.unborn(id))?;
        let pid = child.id().expect("it was not waited for yet");
        self.board.born(id, pid);
        self.announce(pid, "fork");
        let (signals, to_send) = mpsc::unbounded_channel();
        let events = self.events.clone();
        actix_rt::spawn(process::attend(id, pid, child, to_send, events));
        let member = Member::new(id, pid, signals, self.awake.time());
        self.members.push(member);
        Ok(())
    }
}
