//! What happens to a lane, or to nginx. Afterwards all is as before, but for what grows again by itself.

use std::fs;

use onelane_stack::{Compose, Lane, docker, eventually, get, output, skip};
use rand::RngExt;
use rand::rngs::StdRng;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::LANES;
use super::clients::Clients;

/// So many requests are answered while something is disturbed.
const MEANWHILE: usize = 50;

#[derive(Debug, Clone, Copy)]
pub(super) enum Chaos {
    /// A lane crashes. Docker starts it anew.
    Crash,
    /// The operator kills a lane and starts it later.
    Kill,
    Stop,
    Restart,
    /// More lanes, and as many as before.
    Scale,
    Pause,
    /// nginx reads its files anew.
    Reload,
    /// What a lane logs is not read.
    LogStall,
}

impl Chaos {
    pub(super) const ALL: [Self; 8] = [
        Self::Crash,
        Self::Kill,
        Self::Stop,
        Self::Restart,
        Self::Scale,
        Self::Pause,
        Self::Reload,
        Self::LogStall,
    ];

    /// Returns when it is over.
    pub(super) async fn happen(self, stack: &Compose, clients: &Clients, random: &mut StdRng) {
        let mut lanes = stack.lanes().await;
        let lane = lanes.swap_remove(random.random_range(0..lanes.len()));
        let container = lane.container.as_str();
        let (action, undo) = match self {
            Self::Kill => ("kill", "start"),
            Self::Stop => ("stop", "start"),
            Self::Pause => ("pause", "unpause"),
            Self::Restart => {
                docker(["restart", container]).await;
                return clients.go_on(MEANWHILE).await;
            }
            Self::Crash => return crash(&lane).await,
            Self::LogStall => return stall(&lane).await,
            Self::Scale => {
                stack.scale(LANES + random.random_range(1..=2)).await;
                clients.go_on(MEANWHILE).await;
                return stack.scale(LANES).await;
            }
            Self::Reload => {
                output(&mut stack.reload_command()).await;
                return clients.go_on(MEANWHILE).await;
            }
        };
        docker([action, container]).await;
        clients.go_on(MEANWHILE).await;
        docker([undo, container]).await;
    }
}

async fn crash(lane: &Lane) {
    let Some((process, _)) = processes(lane).await else {
        return;
    };
    kill_process(process, Signal::KILL).expect("it is there");
    eventually("a lane that was started anew", async || {
        let anew = process_of(lane).await?;
        (anew != process).then_some(())
    })
    .await;
}

/// Until the lane has given up the first lines.
async fn stall(lane: &Lane) {
    let Some((_, reader)) = processes(lane).await else {
        return;
    };
    let _stalled = Stalled::new(reader);
    // Each answered at once, by a long line.
    let nothing = format!("http://{}:5000/{}", lane.address, "x".repeat(3000));
    eventually("lines of log that are lost", async || {
        assert_eq!(get(nothing.clone()).await.status, 404);
        (lane.metric("onelane_log_lines_dropped_total").await > 0.0).then_some(())
    })
    .await;
}

/// A process that does nothing until this is dropped.
struct Stalled(Pid);

impl Stalled {
    fn new(process: Pid) -> Self {
        kill_process(process, Signal::STOP).expect("it is there");
        Self(process)
    }
}

impl Drop for Stalled {
    fn drop(&mut self) {
        // It may be gone, if the test fails.
        let _ = kill_process(self.0, Signal::CONT);
    }
}

/// The process of a lane and the one that reads its log, where they are processes of this machine and
/// ours to signal.
async fn processes(lane: &Lane) -> Option<(Pid, Pid)> {
    let process = process_of(lane).await.expect("it runs");
    let reader = test_kill_process(process)
        .ok()
        .and_then(|()| parent(process));
    let reader = reader.filter(|reader| {
        let command = fs::read_to_string(format!("/proc/{reader}/cmdline"));
        command.is_ok_and(|command| command.contains(&lane.container))
    });
    if reader.is_none() {
        skip("the processes of containers are not to be seen, or not ours");
    }
    Some((process, reader?))
}

/// Nothing while it does not run.
async fn process_of(lane: &Lane) -> Option<Pid> {
    let pid = docker(["inspect", "--format", "{{.State.Pid}}", &lane.container]).await;
    Pid::from_raw(pid.parse().expect("a number"))
}

fn parent(process: Pid) -> Option<Pid> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    Pid::from_raw(parent.trim().parse().ok()?)
}
