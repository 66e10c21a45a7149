//! What `/status` tells, and what a server has to offer so that the admin side can look at it.
//!
//! The types here are JSON for people. They are made from the snapshots of the gate and the roster,
//! which are for code.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::roster::{ChildSnapshot, RosterSnapshot};

/// A server that can be looked at from another thread.
pub trait Inspect: Send + Sync + 'static {
    /// What `/status` tells.
    fn status(&self) -> ServerStatus;
    /// What `/metrics` tells, in the Prometheus text format.
    fn metrics(&self) -> String;
    /// Why only a new process would help; none if all is well.
    fn stuck(&self) -> Option<String>;
}

/// A server at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct ServerStatus {
    /// Every slot, in order.
    pub slots: Vec<SlotStatus>,
    /// The requests that wait.
    pub queue: QueueStatus,
    /// Requests that got no result so far, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Child processes.
    pub children: ChildrenStatus,
}

/// A slot at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlotStatus {
    /// Whether a request holds it.
    pub state: SlotState,
    /// The process that computes there. None while an idle slot has no process, as in `fork`.
    pub pid: Option<u32>,
    /// The request that holds it.
    pub request_id: Option<String>,
    /// How long that request has held it.
    pub request_age_ms: Option<u64>,
    /// Requests that have held it and are done.
    pub requests_served: u64,
}

/// Whether a request is being computed on a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotState {
    Idle,
    Busy,
}

/// The queue at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct QueueStatus {
    /// How many wait.
    pub depth: usize,
    /// How many may wait.
    pub limit: usize,
    /// How long the oldest has been waiting.
    pub oldest_wait_ms: Option<u64>,
}

/// Child processes at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct ChildrenStatus {
    /// Those alive, oldest first.
    pub alive: Vec<ChildStatus>,
    /// Started so far.
    pub spawned: u64,
    /// Ended so far, by cause.
    pub exited: BTreeMap<&'static str, u64>,
}

/// One child process.
#[derive(Debug, Clone, Serialize)]
pub struct ChildStatus {
    /// Its process id; of a program that stays, that of its keeper.
    pub pid: u32,
    /// The program that stays. None for a process of this program.
    pub program: Option<String>,
    /// How long it has been alive.
    pub age_ms: u64,
    /// The request that it works on.
    pub request_id: Option<String>,
    /// How long it has worked on it.
    pub request_age_ms: Option<u64>,
}

impl From<&RosterSnapshot> for ChildrenStatus {
    fn from(roster: &RosterSnapshot) -> Self {
        let exited = roster.exited.iter();
        Self {
            alive: roster.alive.iter().map(ChildStatus::from).collect(),
            spawned: roster.spawned,
            exited: exited
                .map(|(cause, count)| (cause.name(), *count))
                .collect(),
        }
    }
}

impl From<&ChildSnapshot> for ChildStatus {
    fn from(child: &ChildSnapshot) -> Self {
        let task = child.task.as_ref();
        Self {
            pid: child.pid,
            program: child.program.clone(),
            age_ms: whole_milliseconds(child.age),
            request_id: task.map(|task| task.request_id.clone()),
            request_age_ms: task.map(|task| whole_milliseconds(task.age)),
        }
    }
}

/// Rounded down, because the status is for people.
pub fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
