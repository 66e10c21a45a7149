//! What a process does to itself before anything else: its limits, its signals, its descriptors, and its
//! end when its parent ends. No other process could do that without a race.

pub mod usage;

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::process::{
    Pid, Signal, getppid, kill_current_process_group, set_parent_process_death_signal,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::needs::Needs;

/// The first descriptor that is not standard input, output or error.
const FIRST_OWN_FD: i32 = 3;

/// Keeps descriptors that this process was started with by mistake from its own children. Descriptors
/// that are opened later are close-on-exec anyway.
pub fn inherit_nothing() {
    close_fds::set_fds_cloexec(FIRST_OWN_FD, &[]);
}

/// Has the kernel end this process before the server when memory runs out. Where this is not allowed, only limits
/// protect the server.
pub fn go_before_the_server() {
    fs::write("/proc/self/oom_score_adj", "1000").ok();
}

/// Has the kernel kill this process when the thread that started it ends. The error says that `parent`
/// has ended already.
pub fn die_with(parent: i32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).needs("prctl")?;
    if getppid().map(Pid::as_raw_pid) != Some(parent) {
        return Err(io::Error::other("the parent is gone"));
    }
    Ok(())
}

/// Ends this process at once, with all that it has started and that is in its group. No destructor and no exit
/// handler runs, of a library either.
pub fn end_group() {
    kill_current_process_group(Signal::KILL).ok();
}

/// Makes SIGTERM, SIGINT and SIGHUP do nothing to this process and to those that it forks. systemd, for
/// one, sends them to every process of a service, but only the server should act on them: it lets its
/// children finish, or ends them by SIGKILL.
///
/// The signals get handlers without effect instead of being ignored or blocked, because handlers are reset
/// in a program that a workload starts. Such a program can be ended by these signals as usual.
pub fn leave_signals_to_the_server() -> io::Result<()> {
    let unread = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        flag::register(signal, unread.clone()).needs("rt_sigaction")?;
    }
    Ok(())
}

/// How long a thread that has been joined may still be seen.
const LINGERING: Duration = Duration::from_secs(1);

/// Fails if this process has more than one thread: those would be missing in its copies, with what they
/// hold.
pub fn is_alone() -> io::Result<()> {
    let start = Instant::now();
    loop {
        let threads = fs::read_dir("/proc/self/task")
            .needs("/proc/self/task")?
            .count();
        if threads == 1 {
            return Ok(());
        }
        if start.elapsed() > LINGERING {
            return Err(io::Error::other(format!(
                "threads are left running ({}), and copies of this process would lack them: start them in `enter`",
                threads - 1
            )));
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// The data of this process in bytes, as [`limit_memory`] counts it.
pub fn data_bytes() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status").needs("/proc/self/status")?;
    let data = status.lines().find_map(|line| {
        let kib = line.strip_prefix("VmData:")?.trim().strip_suffix(" kB")?;
        kib.parse::<u64>().ok()
    });
    let kib = data.ok_or_else(|| io::Error::other("/proc/self/status has no VmData"))?;
    Ok(kib << 10)
}

/// Limits the memory of this process to `bytes` of data, private mappings included. An allocation beyond
/// that fails, which ends a Rust program with SIGABRT.
pub fn limit_memory(bytes: u64) -> io::Result<()> {
    lower(Resource::RLIMIT_DATA, bytes)
}

/// Gives this process `more` CPU time from now on, rounded up to whole seconds. After that the kernel
/// ends it by SIGXCPU.
pub fn limit_cpu(more: Duration) -> io::Result<()> {
    let total = usage::of_this_process().cpu.saturating_add(more);
    lower(Resource::RLIMIT_CPU, whole_seconds(total))
}

/// Rounded up: 0 would be no time at all.
pub fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Sets the soft limit and leaves the hard one, so that it can be raised again.
fn lower(resource: Resource, current: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(resource).needs("prlimit64")?;
    setrlimit(resource, current.min(hard), hard).needs("prlimit64")
}
