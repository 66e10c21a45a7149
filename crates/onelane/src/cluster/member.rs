//! One member of the fleet: a worker as its parent sees it. What the worker itself does is in
//! `worker.rs`, and what the fleet does with its members in `fleet.rs`.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::mpsc;

use super::report::{HEARTBEAT, Report};
use crate::roster::Cause;

/// A worker that is silent for longer, while its parent is awake, is killed. A healthy one reports every
/// second, from a thread that never computes.
const SILENCE: Duration = HEARTBEAT.saturating_mul(5);

/// A worker that cannot stop its computation for so long is killed. One that has stood still may say so in one
/// report, because it had no time to stop it yet.
const STUCK: Duration = HEARTBEAT;

/// A worker that has listened for so long has proved that it works, even if no request came.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// A worker from its start until it is reaped. What it is judged by is read from its parent's [`Awake`](super::awake::Awake).
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) pid: u32,
    started: Instant,
    heard: Duration,
    /// Since when its reports say so.
    stuck: Option<Duration>,
    stage: MemberStage,
    outdated: Option<Cause>,
    has_reported: bool,
    has_served: bool,
    signals: mpsc::UnboundedSender<Signal>,
    last_signal: Option<Signal>,
}

/// How far a worker has come in its life. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MemberStage {
    Starting,
    /// It has reported, and takes no connections yet.
    Online,
    Listening,
    /// It was told to finish, or was killed: why, and when.
    Leaving(Cause, Duration),
}

/// Whether a member does what it should.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Well,
    /// It has not reported for too long.
    Silent,
    /// It cannot stop its computation.
    Stuck,
    /// It takes too long to leave.
    Lingering,
}

impl Member {
    /// A worker that was started just now. What is sent to `signals` reaches its process.
    pub(super) fn new(
        id: u64,
        pid: u32,
        signals: mpsc::UnboundedSender<Signal>,
        now: Duration,
    ) -> Self {
        Self {
            id,
            pid,
            started: Instant::now(),
            heard: now,
            stuck: None,
            stage: MemberStage::Starting,
            outdated: None,
            has_reported: false,
            has_served: false,
            signals,
            last_signal: None,
        }
    }

    pub(super) fn is_starting(&self) -> bool {
        self.stage == MemberStage::Starting
    }

    pub(super) fn is_listening(&self) -> bool {
        self.stage == MemberStage::Listening
    }

    /// Whether nothing has told it to leave so far.
    pub(super) fn is_staying(&self) -> bool {
        !matches!(self.stage, MemberStage::Leaving(..))
    }

    pub(super) fn has_reported(&self) -> bool {
        self.has_reported
    }

    /// Why the member is to be replaced, if it is.
    pub(super) fn outdated(&self) -> Option<Cause> {
        self.outdated
    }

    /// Marks the member as one to be replaced. The first reason is the one that counts.
    pub(super) fn outdate(&mut self, cause: Cause) {
        self.outdated.get_or_insert(cause);
    }

    /// Takes note of a report. Returns the events that it brings to light, by the names that they
    /// have in metrics.
    pub(super) fn hear(&mut self, report: &Report, now: Duration) -> Vec<&'static str> {
        self.heard = now;
        let since = self.stuck.unwrap_or(now);
        self.stuck = report.stuck.is_some().then_some(since);
        self.has_reported = true;
        let slot = report.slot.as_ref();
        // One that ends because of its first request had worked, too.
        self.has_served |=
            report.has_request() || slot.is_some_and(|slot| slot.requests_served > 0);
        if report.spent {
            self.outdate(Cause::Recycled);
        }
        let mut events = Vec::new();
        if self.stage == MemberStage::Starting {
            self.stage = MemberStage::Online;
            events.push("online");
        }
        if self.stage == MemberStage::Online && report.listening {
            self.stage = MemberStage::Listening;
            events.push("listening");
        }
        events
    }

    /// Whether it has shown that workers work: a crash after that is no reason to pause before the
    /// next start.
    pub(super) fn has_proved_itself(&self) -> bool {
        let is_stable = self.is_listening() && self.started.elapsed() > STABLE_AFTER;
        self.has_reported && (self.has_served || is_stable)
    }

    /// Tells the member to leave, by `signal`. The first cause is the one that counts.
    pub(super) fn leave(&mut self, cause: Cause, signal: Signal, now: Duration) {
        if self.is_staying() {
            self.stage = MemberStage::Leaving(cause, now);
        }
        self.send(signal);
    }

    pub(super) fn send(&mut self, signal: Signal) {
        self.last_signal = Some(signal);
        // The process may have ended already.
        self.signals.send(signal).ok();
    }

    /// Looks whether the member does what it should; `patience` is the time that it may take to leave.
    pub(super) fn judge(&self, patience: Duration, now: Duration) -> Verdict {
        match self.stage {
            MemberStage::Leaving(_, since) if now.saturating_sub(since) > patience => {
                Verdict::Lingering
            }
            MemberStage::Leaving(..) => Verdict::Well,
            _ if now.saturating_sub(self.heard) > SILENCE => Verdict::Silent,
            _ if self
                .stuck
                .is_some_and(|since| now.saturating_sub(since) > STUCK) =>
            {
                Verdict::Stuck
            }
            _ => Verdict::Well,
        }
    }

    /// Why the process ended, of `signal` or by itself. A member that was told to leave, but was killed
    /// by a signal that this parent did not send, has crashed. During a shutdown that makes no
    /// difference.
    pub(super) fn cause_of_death(&self, signal: Option<i32>) -> Cause {
        let is_ours = signal.is_none() || signal == self.last_signal.map(Signal::as_raw);
        match self.stage {
            MemberStage::Leaving(cause, _) if is_ours || cause == Cause::Shutdown => cause,
            _ => Cause::Crashed,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const KILLED: Option<i32> = Some(Signal::KILL.as_raw());

    /// A member without a process.
    pub(in crate::cluster) fn starting() -> Member {
        Member::new(1, 1, mpsc::unbounded_channel().0, Duration::ZERO)
    }

    pub(in crate::cluster) fn listening() -> Member {
        let mut member = starting();
        member.hear(&report(), Duration::ZERO);
        member
    }

    fn report() -> Report {
        Report {
            listening: true,
            ..Report::default()
        }
    }

    fn ago(duration: Duration) -> Instant {
        Instant::now().checked_sub(duration).unwrap()
    }

    #[test]
    fn each_stage_is_reached_once() {
        let mut member = starting();
        assert_eq!(member.hear(&Report::default(), Duration::ZERO), ["online"]);
        assert!(!member.is_starting() && !member.is_listening());
        assert_eq!(member.hear(&report(), Duration::ZERO), ["listening"]);
        assert!(member.is_listening());
        assert!(member.hear(&report(), Duration::ZERO).is_empty());
    }

    #[test]
    fn the_first_reason_to_be_replaced_is_the_one_that_counts() {
        let mut member = listening();
        let spent = Report {
            spent: true,
            ..report()
        };
        member.hear(&spent, Duration::ZERO);
        member.outdate(Cause::Reload);
        assert_eq!(member.outdated(), Some(Cause::Recycled));
    }

    #[test]
    fn a_member_has_proved_itself_once_it_has_listened_for_long_enough() {
        let mut member = listening();
        assert!(!member.has_proved_itself());
        member.started = ago(STABLE_AFTER * 2);
        assert!(member.has_proved_itself());
    }

    #[test]
    fn silence_is_noticed() {
        let mut member = listening();
        assert_eq!(member.judge(Duration::ZERO, SILENCE), Verdict::Well);
        let later = SILENCE * 2;
        assert_eq!(member.judge(Duration::ZERO, later), Verdict::Silent);
        member.hear(&report(), later);
        assert_eq!(member.judge(Duration::ZERO, later), Verdict::Well);
    }

    #[test]
    fn one_that_says_twice_that_it_cannot_stop_is_stuck() {
        let stuck = Report {
            stuck: Some("it cannot".to_owned()),
            ..report()
        };
        let mut member = listening();
        let late = STUCK * 2;
        member.hear(&stuck, Duration::ZERO);
        member.hear(&report(), STUCK);
        member.hear(&stuck, late);
        assert_eq!(member.judge(Duration::ZERO, late), Verdict::Well);
        member.hear(&stuck, late * 2);
        assert_eq!(member.judge(Duration::ZERO, late * 2), Verdict::Stuck);
    }

    #[test]
    fn one_that_leaves_may_be_silent_but_not_take_for_ever() {
        let mut member = listening();
        member.leave(Cause::Reload, Signal::TERM, Duration::ZERO);
        let late = SILENCE * 2;
        assert_eq!(member.judge(Duration::from_hours(1), late), Verdict::Well);
        assert_eq!(member.judge(Duration::ZERO, late), Verdict::Lingering);
    }

    #[test]
    fn an_exit_that_was_asked_for_has_the_cause_that_was_given_first() {
        let mut member = listening();
        member.leave(Cause::Reload, Signal::TERM, Duration::ZERO);
        member.leave(Cause::Shutdown, Signal::KILL, Duration::ZERO);
        assert_eq!(member.cause_of_death(None), Cause::Reload);
        assert_eq!(member.cause_of_death(KILLED), Cause::Reload);
    }

    #[test]
    fn an_end_that_was_not_asked_for_is_a_crash_except_in_a_shutdown() {
        let mut member = listening();
        assert_eq!(member.cause_of_death(KILLED), Cause::Crashed);
        member.leave(Cause::Reload, Signal::TERM, Duration::ZERO);
        assert_eq!(member.cause_of_death(KILLED), Cause::Crashed);
        let mut member = listening();
        member.leave(Cause::Shutdown, Signal::TERM, Duration::ZERO);
        assert_eq!(member.cause_of_death(KILLED), Cause::Shutdown);
    }
}
