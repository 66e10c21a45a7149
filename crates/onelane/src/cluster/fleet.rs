//! The workers of a cluster: who there is, who is to come and who is to go. Called from one place
//! only, which tells it what happened; it starts, stops and counts.

use std::io;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::mpsc;

use super::board::Board;
use super::process::{self, Event};
use super::report::{HEARTBEAT, Report};
use crate::child::{Backoff, NeverReady, orphans, usage};
use crate::config::Settings;
use crate::roster::{Cause, Usage};

/// Silence after which a worker is given up. It reports every second, from a thread that never
/// computes.
const SILENCE: Duration = HEARTBEAT.saturating_mul(5);

/// Time between two looks at the workers after which none is judged: this process did not run, or
/// nothing here did, and what they have said is not read yet. It looks every 20 ms.
const ABSENCE: Duration = Duration::from_secs(1);

/// A worker that has served nothing for so long, and then ends, had been fine.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Workers beyond the target while others are replaced: the new one comes before the old one goes.
const SURGE: usize = 1;

/// The workers.
pub(super) struct Fleet {
    listener: TcpListener,
    settings: Settings,
    target: usize,
    workers: Vec<Worker>,
    /// When they were judged last.
    judged: Instant,
    next_id: u64,
    backoff: Backoff,
    ever_ready: bool,
    used: Usage,
    ending: bool,
    cut: bool,
    events: mpsc::UnboundedSender<Event>,
    board: Board,
}

struct Worker {
    id: u64,
    pid: u32,
    since: Instant,
    heard: Instant,
    stage: Stage,
    /// Why it is to be replaced.
    outdated: Option<Cause>,
    signals: mpsc::UnboundedSender<Signal>,
    /// The last one, if any: it may have died of that.
    signal: Option<Signal>,
    report: Option<Report>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    Online,
    Listening,
    /// It was told to finish, or killed, because of this.
    Leaving(Cause, Instant),
}

impl Fleet {
    /// No workers yet; `events` is where their doings are heard.
    pub(super) fn new(
        listener: TcpListener,
        settings: &Settings,
        events: mpsc::UnboundedSender<Event>,
        board: Board,
    ) -> Self {
        Self {
            listener,
            settings: Settings {
                slots: 1,
                // They wait in the kernel's queue, and the parent looks after that.
                queue_max: 0,
                ..settings.clone()
            },
            target: settings.slots as usize,
            workers: Vec::new(),
            judged: Instant::now(),
            next_id: 1,
            backoff: Backoff::default(),
            ever_ready: false,
            used: Usage::default(),
            ending: false,
            cut: false,
            events,
            board,
        }
    }

    /// Whether all are gone.
    pub(super) fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// Whether anybody takes connections.
    pub(super) fn is_listening(&self) -> bool {
        self.workers
            .iter()
            .any(|worker| worker.stage == Stage::Listening)
    }

    /// Whether a worker left a request unanswered when it was told to finish, or to stop.
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
        for worker in &mut self.workers {
            worker.outdated.get_or_insert(Cause::Reload);
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
        for worker in &mut self.workers {
            worker.leave(Cause::Shutdown, signal);
        }
    }

    /// Takes note of what happened. The error says that it makes no sense to go on.
    pub(super) fn note(&mut self, event: Event) -> Result<(), NeverReady> {
        match event {
            Event::Reported(id, report) => {
                self.heard(id, *report);
                Ok(())
            }
            Event::Disconnected(id) => {
                if let Some(worker) = self.worker(id) {
                    let pid = worker.pid;
                    self.board.event("disconnect");
                    tracing::info!(pid, "worker disconnect");
                }
                Ok(())
            }
            Event::Exited(id, status) => self.bury(id, status),
        }
    }

    fn worker(&mut self, id: u64) -> Option<&mut Worker> {
        self.workers.iter_mut().find(|worker| worker.id == id)
    }

    fn heard(&mut self, id: u64, report: Report) {
        let Some(worker) = self.workers.iter_mut().find(|worker| worker.id == id) else {
            return;
        };
        worker.heard = Instant::now();
        let pid = worker.pid;
        if worker.stage == Stage::Starting {
            worker.stage = Stage::Online;
            self.board.event("online");
            tracing::info!(pid, "worker online");
        }
        if worker.stage == Stage::Online && report.listening {
            worker.stage = Stage::Listening;
            self.ever_ready = true;
            self.board.event("listening");
            tracing::info!(pid, "worker listening");
        }
        if report.spent {
            worker.outdated.get_or_insert(Cause::Recycled);
        }
        if worker.has_served(&report) {
            self.backoff.worked();
        }
        if let Some(why) = &report.stuck {
            tracing::error!(pid, why, "worker cannot stop its computation");
            worker.leave(Cause::Hung, Signal::KILL);
        }
        self.board.report(id, report.clone());
        worker.report = Some(report);
    }

    fn bury(&mut self, id: u64, status: io::Result<ExitStatus>) -> Result<(), NeverReady> {
        let Some(at) = self.workers.iter().position(|worker| worker.id == id) else {
            return Ok(());
        };
        let worker = self.workers.remove(at);
        let before = std::mem::replace(&mut self.used, usage::of_children());
        let used = Usage {
            cpu: self.used.cpu.saturating_sub(before.cpu),
            max_rss_bytes: self.used.max_rss_bytes,
        };
        let cause = worker.cause_of_death(&status);
        self.board.event("exit");
        let lost_request = self.board.gone(id, cause, used);
        let succeeded = status.as_ref().is_ok_and(ExitStatus::success);
        // One that never reported had no request either, and may not even know the signal.
        self.cut |= self.ending && worker.report.is_some() && !succeeded;
        let status = status.map_or_else(|err| err.to_string(), |status| status.to_string());
        tracing::info!(
            pid = worker.pid,
            status,
            cause = cause.name(),
            lost_request,
            "worker exit"
        );
        if !worker.is_staying() || worker.was_fine() {
            return Ok(());
        }
        self.failed(status)
    }

    /// Brings the fleet closer to what it should be. To be called often. The error says that it makes
    /// no sense to go on.
    pub(super) fn maintain(&mut self) -> Result<(), NeverReady> {
        self.give_up_the_silent()?;
        orphans::reap(|pid| self.workers.iter().any(|worker| worker.pid == pid));
        let staying = self.workers.iter().filter(|worker| worker.is_staying());
        let fresh = staying.clone().filter(|worker| worker.outdated.is_none());
        let (staying, fresh) = (staying.count(), fresh.count());
        if fresh < self.target && staying < self.target + SURGE {
            return self.start_if_due();
        }
        if staying > self.target {
            self.release_one();
        }
        Ok(())
    }

    fn start_if_due(&mut self) -> Result<(), NeverReady> {
        if !self.backoff.delay().is_zero() {
            return Ok(());
        }
        let Err(err) = self.start() else {
            return Ok(());
        };
        tracing::error!(%err, "no worker could be started");
        self.failed(err.to_string())
    }

    /// A worker came to nothing, because of `why`.
    fn failed(&mut self, why: String) -> Result<(), NeverReady> {
        self.backoff.failed();
        if !self.ever_ready && self.backoff.is_hopeless() {
            return Err(NeverReady(why));
        }
        Ok(())
    }

    /// Lets one go that is not needed: an outdated one as soon as its successor listens, or else the
    /// youngest.
    fn release_one(&mut self) {
        let staying = || self.workers.iter().filter(|worker| worker.is_staying());
        let listening = staying().filter(|worker| worker.stage == Stage::Listening);
        let enough = listening.count() > self.target;
        let mut staying = self.workers.iter_mut().filter(|worker| worker.is_staying());
        let outdated = staying.find_map(|worker| Some((worker.outdated?, worker)));
        match outdated {
            Some((cause, worker)) if enough => worker.leave(cause, Signal::TERM),
            Some(_) => {}
            None => {
                let staying = self.workers.iter_mut().filter(|worker| worker.is_staying());
                if let Some(youngest) = staying.last() {
                    youngest.leave(Cause::Surplus, Signal::TERM);
                }
            }
        }
    }

    fn give_up_the_silent(&mut self) -> Result<(), NeverReady> {
        let absence = std::mem::replace(&mut self.judged, Instant::now()).elapsed();
        if absence > ABSENCE {
            tracing::warn!(seconds = absence.as_secs_f64(), "this process stood still");
            self.workers.iter_mut().for_each(Worker::excuse);
        }
        // The worker keeps to the same limit by itself, as long as it is well.
        let patience = self.settings.shutdown_timeout + HEARTBEAT;
        let mut unborn = 0;
        for worker in &mut self.workers {
            match worker.stage {
                Stage::Leaving(_, since) if since.elapsed() > patience => {
                    worker.send(Signal::KILL);
                }
                Stage::Leaving(..) => {}
                stage if worker.heard.elapsed() > SILENCE => {
                    tracing::error!(pid = worker.pid, "worker is silent");
                    worker.leave(Cause::Hung, Signal::KILL);
                    unborn += usize::from(stage == Stage::Starting);
                }
                _ => {}
            }
        }
        // Now, and not when they are buried: the next ones are about to be started.
        (0..unborn).try_for_each(|_| self.failed("it hung before it was ready".to_owned()))
    }

    fn start(&mut self) -> io::Result<()> {
        let id = self.next_id;
        self.next_id += 1;
        self.board.expect(id);
        let started = process::spawn(&self.listener, &self.settings);
        let child = started.inspect_err(|_| self.board.unborn(id))?;
        let pid = child.id().expect("it was not waited for yet");
        self.board.born(id, pid);
        self.board.event("fork");
        tracing::info!(pid, "worker fork");
        let (signals, orders) = mpsc::unbounded_channel();
        actix_rt::spawn(process::attend(id, pid, child, orders, self.events.clone()));
        self.workers.push(Worker {
            id,
            pid,
            since: Instant::now(),
            heard: Instant::now(),
            stage: Stage::Starting,
            outdated: None,
            signals,
            signal: None,
            report: None,
        });
        Ok(())
    }
}

impl Worker {
    fn is_staying(&self) -> bool {
        !matches!(self.stage, Stage::Leaving(..))
    }

    /// Sends it `signal`. The first reason to leave is the one that counts.
    fn leave(&mut self, cause: Cause, signal: Signal) {
        if self.is_staying() {
            self.stage = Stage::Leaving(cause, Instant::now());
        }
        self.send(signal);
    }

    fn send(&mut self, signal: Signal) {
        self.signal = Some(signal);
        // It may be gone already.
        self.signals.send(signal).ok();
    }

    /// Why it has ended. That it was told to leave is not the reason if something else killed it first,
    /// except at the end of all, when nobody asks.
    fn cause_of_death(&self, status: &io::Result<ExitStatus>) -> Cause {
        let signal = status.as_ref().ok().and_then(ExitStatusExt::signal);
        let is_ours = signal.is_none() || signal == self.signal.map(Signal::as_raw);
        match self.stage {
            Stage::Leaving(cause, _) if is_ours || cause == Cause::Shutdown => cause,
            _ => Cause::Crashed,
        }
    }

    /// Counts its silence, or the time that it takes to leave, from now on.
    fn excuse(&mut self) {
        self.heard = Instant::now();
        if let Stage::Leaving(_, since) = &mut self.stage {
            *since = Instant::now();
        }
    }

    /// One that ends because of its first request was fine, too: the next is wanted at once.
    fn has_served(&self, report: &Report) -> bool {
        report
            .slot
            .as_ref()
            .is_some_and(|slot| slot.requests_served > 0)
            || report.has_request()
            || self.stage == Stage::Listening && self.since.elapsed() > STABLE_AFTER
    }

    fn was_fine(&self) -> bool {
        self.report
            .as_ref()
            .is_some_and(|report| self.has_served(report))
    }
}
