//! The list of child processes: which are alive, what they work on, and why the others ended. The
//! status and the metrics are made from it.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// Why a child ended. The names are metric labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// It had done its only job.
    Completed,
    /// Its computation took too long, and it was killed.
    Deadline,
    /// Its client left, and it was killed.
    Cancelled,
    /// It ended before it was done: by itself, or killed from outside.
    Crashed,
    /// It used more CPU time than it may.
    CpuLimit,
    /// It sent something that is no valid message, and was killed.
    Garbled,
    /// It had served as many requests as it should (`max_requests`).
    Recycled,
    /// It was replaced because the server was told to (SIGHUP).
    Reload,
    /// The server was told to run fewer (SIGTTOU).
    Surplus,
    /// It was silent, or could not stop its computation, and was killed.
    Hung,
    /// It had more memory than it should keep.
    Memory,
    /// The server stopped.
    Shutdown,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 12] = [
        Self::Completed,
        Self::Deadline,
        Self::Cancelled,
        Self::Crashed,
        Self::CpuLimit,
        Self::Garbled,
        Self::Recycled,
        Self::Reload,
        Self::Surplus,
        Self::Hung,
        Self::Memory,
        Self::Shutdown,
    ];

    /// The label in metrics and status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::Crashed => "crashed",
            Self::CpuLimit => "cpu_limit",
            Self::Garbled => "garbled",
            Self::Recycled => "recycled",
            Self::Reload => "reload",
            Self::Surplus => "surplus",
            Self::Hung => "hung",
            Self::Memory => "memory",
            Self::Shutdown => "shutdown",
        }
    }
}

/// What happens to a program that stays. The process that has started it tells, wherever that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgramNews {
    /// It is ready.
    Born {
        pid: u32,
        program: String,
        /// How long it took until it was.
        took: Duration,
    },
    /// It has ended, and another one takes its place.
    Gone { pid: u32, cause: Cause },
}

/// What a process used in its life.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time, user and system.
    pub cpu: Duration,
    /// The most memory that was resident at once.
    pub max_rss_bytes: u64,
}

/// All children at one moment.
#[derive(Debug, Clone, Default)]
pub struct RosterSnapshot {
    /// Those alive, oldest first.
    pub alive: Vec<ChildSnapshot>,
    /// Started so far.
    pub spawned: u64,
    /// Ended so far, by cause.
    pub exited: BTreeMap<Cause, u64>,
    /// Ended and replaced so far, by cause.
    pub replaced: BTreeMap<Cause, u64>,
    /// CPU time that children have used. Those alive count as far as they report it.
    pub cpu: Duration,
    /// The most memory that any child ever had resident.
    pub max_rss_bytes: u64,
}

/// One child at one moment.
#[derive(Debug, Clone)]
pub struct ChildSnapshot {
    /// Its process id.
    pub pid: u32,
    /// What it is, if it is not this program.
    pub program: Option<String>,
    /// How long it has been alive.
    pub age: Duration,
    /// What it works on now.
    pub task: Option<TaskSnapshot>,
}

/// What a child works on.
#[derive(Debug, Clone)]
pub struct TaskSnapshot {
    /// The gate's slot.
    pub slot: usize,
    pub request_id: String,
    /// How long it has worked on it.
    pub age: Duration,
}

/// Written by the code that starts children, read by the admin side. Cheap to clone.
#[derive(Clone)]
pub struct Roster(Arc<SharedRoster>);

struct SharedRoster {
    state: Mutex<RosterState>,
    observe_start: Box<dyn Fn(Duration) + Send + Sync>,
}

#[derive(Debug, Default)]
struct RosterState {
    alive: BTreeMap<u64, ChildEntry>,
    spawned: u64,
    exited: BTreeMap<Cause, u64>,
    replaced: BTreeMap<Cause, u64>,
    /// By the children that have ended.
    used: Usage,
    /// Programs that stay, so far: they have the numbers from above down.
    programs: u64,
}

#[derive(Debug)]
struct ChildEntry {
    /// None until it has started.
    pid: Option<u32>,
    /// What it is, and the child that has started it, if it is not this program.
    program: Option<StartedProgram>,
    since: Instant,
    task: Option<ChildTask>,
    used: Usage,
}

#[derive(Debug)]
struct StartedProgram {
    name: String,
    /// None if this process has started it.
    owner: Option<u64>,
}

#[derive(Debug)]
struct ChildTask {
    slot: usize,
    request_id: String,
    since: Instant,
}

impl Debug for Roster {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.state.lock().fmt(formatter)
    }
}

impl Roster {
    /// An empty roster. `observe_start` is told how long each start of a child took.
    pub fn new(observe_start: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self(Arc::new(SharedRoster {
            state: Mutex::default(),
            observe_start: Box::new(observe_start),
        }))
    }

    /// A child was ordered. `id` is any number that no other child has.
    pub fn expect(&self, id: u64) {
        let child = ChildEntry {
            pid: None,
            program: None,
            since: Instant::now(),
            task: None,
            used: Usage::default(),
        };
        self.0.state.lock().alive.insert(id, child);
    }

    /// The child has started.
    pub fn born(&self, id: u64, pid: u32) {
        let mut state = self.0.state.lock();
        state.spawned += 1;
        if let Some(child) = state.alive.get_mut(&id) {
            (self.0.observe_start)(child.since.elapsed());
            child.pid = Some(pid);
            child.since = Instant::now();
        }
    }

    /// The child works on this request, be it for the first time or still.
    pub fn busy(&self, id: u64, slot: usize, request_id: &str) {
        if let Some(child) = self.0.state.lock().alive.get_mut(&id) {
            let task = child.task.as_ref();
            if task.is_some_and(|task| task.request_id == request_id) {
                return;
            }
            child.task = Some(ChildTask {
                slot,
                request_id: request_id.to_owned(),
                since: Instant::now(),
            });
        }
    }

    /// The child has nothing to do. `used` is what it has used in its whole life.
    pub fn idle(&self, id: u64, used: Usage) {
        if let Some(child) = self.0.state.lock().alive.get_mut(&id) {
            child.task = None;
            child.used = used;
        }
    }

    /// The child was reaped, or could not be started at all.
    pub fn gone(&self, id: u64, cause: Cause, used: Usage) {
        let mut state = self.0.state.lock();
        if state
            .alive
            .remove(&id)
            .is_some_and(|child| child.pid.is_some())
        {
            *state.exited.entry(cause).or_default() += 1;
            state.used = state.used.and(used);
        }
        // The programs that it had started have ended with it.
        let before = state.alive.len();
        state.alive.retain(|_, child| !child.is_of(Some(id)));
        let ended = (before - state.alive.len()) as u64;
        if ended > 0 {
            *state.exited.entry(cause).or_default() += ended;
        }
    }

    /// Something happened to a program that stays. `owner` is the child that has started it, if it was not this
    /// process.
    pub fn hear(&self, owner: Option<u64>, news: ProgramNews) {
        match news {
            ProgramNews::Born { pid, program, took } => {
                (self.0.observe_start)(took);
                let mut state = self.0.state.lock();
                state.spawned += 1;
                state.programs += 1;
                let child = ChildEntry {
                    pid: Some(pid),
                    program: Some(StartedProgram {
                        name: program,
                        owner,
                    }),
                    since: Instant::now(),
                    task: None,
                    used: Usage::default(),
                };
                let id = u64::MAX - state.programs;
                state.alive.insert(id, child);
            }
            ProgramNews::Gone { pid, cause } => {
                let mut state = self.0.state.lock();
                let is_it = |child: &ChildEntry| child.is_of(owner) && child.pid == Some(pid);
                let found = state.alive.iter().find(|(_, child)| is_it(child));
                let Some(id) = found.map(|(id, _)| *id) else {
                    return;
                };
                state.alive.remove(&id);
                *state.exited.entry(cause).or_default() += 1;
                *state.replaced.entry(cause).or_default() += 1;
            }
        }
    }

    /// Counts a child, ended or about to end, whose place another one takes.
    pub fn replaced(&self, cause: Cause) {
        *self.0.state.lock().replaced.entry(cause).or_default() += 1;
    }

    /// All children right now.
    pub fn snapshot(&self) -> RosterSnapshot {
        let state = self.0.state.lock();
        let all = state.alive.values().map(|child| child.used);
        let used = all.fold(state.used, Usage::and);
        RosterSnapshot {
            alive: state
                .alive
                .values()
                .filter_map(ChildEntry::snapshot)
                .collect(),
            spawned: state.spawned,
            exited: state.exited.clone(),
            replaced: state.replaced.clone(),
            cpu: used.cpu,
            max_rss_bytes: used.max_rss_bytes,
        }
    }
}

impl Usage {
    fn and(self, other: Self) -> Self {
        Self {
            // A child may say what it likes.
            cpu: self.cpu.saturating_add(other.cpu),
            max_rss_bytes: self.max_rss_bytes.max(other.max_rss_bytes),
        }
    }
}

impl ChildEntry {
    /// Whether it is a program that this owner has started.
    fn is_of(&self, owner: Option<u64>) -> bool {
        let program = self.program.as_ref();
        program.is_some_and(|program| program.owner == owner)
    }

    fn snapshot(&self) -> Option<ChildSnapshot> {
        Some(ChildSnapshot {
            pid: self.pid?,
            program: self.program.as_ref().map(|program| program.name.clone()),
            age: self.since.elapsed(),
            task: self.task.as_ref().map(|task| TaskSnapshot {
                slot: task.slot,
                request_id: task.request_id.clone(),
                age: task.since.elapsed(),
            }),
        })
    }
}
