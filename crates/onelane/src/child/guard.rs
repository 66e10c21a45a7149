//! What a child does about itself, first thing: nobody else can do it safely.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::usage;

/// The first descriptor that is not standard input, output or error.
const FIRST_OWN_FD: i32 = 3;

/// Keeps descriptors that this process was started with, by mistake of whoever did, from its
/// children. All that are opened later close themselves already.
pub fn inherit_nothing() {
    close_fds::set_fds_cloexec(FIRST_OWN_FD, &[]);
}

/// Has the kernel kill this process when the thread that started it ends. The error says that
/// `parent` was gone before.
pub fn die_with(parent: i32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid().map(Pid::as_raw_pid) != Some(parent) {
        return Err(io::Error::other("the parent is gone"));
    }
    Ok(())
}

/// Has SIGTERM, SIGINT and SIGHUP do nothing to this process, nor to those that it forks. Whoever sends
/// them to every process of a service, as systemd does, means the server, which lets its children
/// finish, or ends them by SIGKILL.
///
/// With handlers that do as good as nothing, because those are reset in a program that a workload starts. It
/// would inherit signals that are ignored or blocked, and could not be ended as usual.
pub fn leave_signals_to_the_server() -> io::Result<()> {
    let unread = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        flag::register(signal, unread.clone())?;
    }
    Ok(())
}

/// Limits the memory of this process to `bytes` of data, private mappings included; what exceeds
/// it fails to be allocated, which ends a Rust program with SIGABRT.
pub fn limit_memory(bytes: u64) -> io::Result<()> {
    lower(Resource::Data, bytes)
}

/// Limits the CPU time of this process from now on, in whole seconds, rounded up. The kernel
/// enforces it with SIGXCPU.
pub fn limit_cpu(more: Duration) -> io::Result<()> {
    let total = usage::of_this_process().cpu.saturating_add(more);
    lower(
        Resource::Cpu,
        total.as_secs() + u64::from(total.subsec_nanos() > 0),
    )
}

/// Sets the limit that counts and leaves the one up to which it may be raised again.
fn lower(resource: Resource, current: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let current = maximum.map_or(current, |maximum| current.min(maximum));
    let limits = Rlimit {
        current: Some(current),
        maximum,
    };
    Ok(setrlimit(resource, limits)?)
}
