//! One worker's process, from its start to its end.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::report::Report;
use crate::config::Settings;
use crate::ipc::MessageInbox;
use crate::logging;
use crate::needs::Needs;
use crate::reexec;

/// How long to wait for more from the pipe of a worker that has ended.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// What happened to the worker with this id.
#[derive(Debug)]
pub(super) enum WorkerEvent {
    Reported(u64, Box<Report>),
    /// It closed its report pipe.
    Disconnected(u64),
    /// It was reaped.
    Exited(u64, io::Result<ExitStatus>),
}

/// Starts a worker that accepts from `listener`. To be called on the main thread, which lives as long as
/// the process: the kernel kills a worker when the thread that started it ends.
pub(super) fn spawn(listener: &TcpListener, settings: &Settings) -> io::Result<Child> {
    let (_, briefing) = reexec::brief(&settings.to_json(), &[listener.as_fd()])?;
    let mut command = Command::from(reexec::command("worker", logging::stdio()));
    command
        .stdin(Stdio::from(briefing))
        .stdout(Stdio::piped())
        .spawn()
        .needs("/proc/self/exe")
}

/// Sends a signal to a worker, which is the head of `group`. Programs that its request has started get
/// only KILL: the request may need them until it is done.
fn tell(group: Pid, signal: Signal) {
    let told = match signal {
        Signal::KILL => kill_process_group(group, signal),
        _ => kill_process(group, signal),
    };
    // It may be gone already.
    told.ok();
}

/// Looks after one worker until it is reaped: passes its reports on, sends it signals, and tells of its
/// end.
pub(super) async fn attend(
    id: u64,
    pid: u32,
    mut child: Child,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    events: mpsc::UnboundedSender<WorkerEvent>,
) {
    let mut inbox = MessageInbox::default();
    let mut reports = child.stdout.take().expect("it was spawned with a pipe");
    let mut connected = true;
    let group = Pid::from_raw(pid.cast_signed()).expect("a process id is never 0");
    let status = loop {
        tokio::select! {
            report = inbox.receive::<Report>(&mut reports), if connected => {
                if let Ok(Some(report)) = report {
                    events.send(WorkerEvent::Reported(id, Box::new(report))).ok();
                } else {
                    connected = false;
                    events.send(WorkerEvent::Disconnected(id)).ok();
                    if report.is_err() {
                        // After a report that cannot be read, the next ones cannot either: it has to be
                        // replaced.
                        kill_process_group(group, Signal::KILL).ok();
                    }
                }
            }
            // It is not reaped yet, so that its process id is still its own.
            Some(signal) = signals.recv() => {
                tell(group, signal);
            }
            status = child.wait() => break status,
        }
    };
    // What it started may still run. The group's number is not used again before all of it is gone.
    kill_process_group(group, Signal::KILL).ok();
    // Its last reports are still in the pipe. A process that it left behind may keep that open, so that
    // the wait for its end has a limit.
    while connected {
        let report = timeout(LAST_WORDS, inbox.receive::<Report>(&mut reports)).await;
        connected = matches!(report, Ok(Ok(Some(_))));
        events
            .send(match report {
                Ok(Ok(Some(report))) => WorkerEvent::Reported(id, Box::new(report)),
                _ => WorkerEvent::Disconnected(id),
            })
            .ok();
    }
    events.send(WorkerEvent::Exited(id, status)).ok();
}
