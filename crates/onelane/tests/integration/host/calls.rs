//! System calls that are not there: filters of sandboxes, kernels that are older than the program.
//!
//! Elsewhere a filter without `pidfd_open` made a server say that it is ready and answer 503 to everybody.
//! Right is to do without, or to end before that with one line that names the call.

use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::thread;

use libc::{
    AF_INET6, EACCES, EAFNOSUPPORT, EINVAL, ENOSYS, EPERM, SYS_accept4, SYS_clone, SYS_clone3,
    SYS_close_range, SYS_epoll_create1, SYS_epoll_ctl, SYS_eventfd2, SYS_getpeername,
    SYS_getrandom, SYS_getrusage, SYS_getsockname, SYS_getsockopt, SYS_ioctl, SYS_kill,
    SYS_memfd_create, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pipe2, SYS_ppoll, SYS_prctl,
    SYS_prlimit64, SYS_recvfrom, SYS_recvmsg, SYS_sched_getaffinity, SYS_sendmsg, SYS_sendto,
    SYS_setpgid, SYS_shutdown, SYS_socket, SYS_socketpair, SYS_statx, SYS_uname, SYS_wait4,
    SYS_waitid,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use super::attempt::{Attempt, Outcome, server_on};
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};

const MODES: &[Mode] = &[Blocking, Threads, Fork, Pool, Cluster];
const NONE: &[Mode] = &[];
const WITH_CHILDREN: &[Mode] = &[Fork, Pool, Cluster];
const WITH_A_FORK_SERVER: &[Mode] = &[Fork, Pool];

/// What a filter says, and what an old kernel says.
const ABSENT: &[i32] = &[EPERM, ENOSYS];

/// A call, which argument has which value where only some of them are denied, the errors that it gives, which
/// modes cannot do without it, and what they call it.
type Case = (
    i64,
    Option<(u8, u64)>,
    &'static [i32],
    &'static [Mode],
    &'static str,
);

#[rustfmt::skip]
const CASES: &[Case] = &[
    (SYS_pidfd_open, None, ABSENT, NONE, "pidfd_open"),
    (SYS_pidfd_send_signal, None, ABSENT, NONE, "pidfd_send_signal"),
    (SYS_waitid, None, ABSENT, NONE, "waitid"),
    (SYS_close_range, None, ABSENT, NONE, "close_range"),
    // The C library tries the older one only then.
    (SYS_clone3, None, &[ENOSYS], NONE, "clone3"),
    (SYS_getrandom, None, ABSENT, NONE, "getrandom"),
    (SYS_sched_getaffinity, None, ABSENT, NONE, "sched_getaffinity"),
    (SYS_statx, None, ABSENT, NONE, "statx"),
    (SYS_uname, None, ABSENT, NONE, "uname"),
    (SYS_getpeername, None, ABSENT, NONE, "getpeername"),
    (SYS_getsockopt, None, ABSENT, NONE, "getsockopt"),
    (SYS_shutdown, None, ABSENT, NONE, "shutdown"),
    // PR_SET_CHILD_SUBREAPER
    (SYS_prctl, Some((0, 36)), ABSENT, NONE, "prctl"),
    // PR_SET_NAME, which names threads
    (SYS_prctl, Some((0, 15)), ABSENT, NONE, "prctl"),
    // vm.memfd_noexec=2 takes none without MFD_NOEXEC_SEAL, and before Linux 6.3 there is none with it.
    (SYS_memfd_create, Some((1, 1)), &[EACCES], NONE, "memfd_create"),
    (SYS_memfd_create, Some((1, 9)), &[EINVAL], NONE, "memfd_create"),
    // A kernel without IPv6.
    (SYS_socket, Some((0, AF_INET6 as u64)), &[EAFNOSUPPORT], NONE, "socket"),
    (SYS_eventfd2, None, ABSENT, MODES, "eventfd2"),
    (SYS_epoll_create1, None, ABSENT, MODES, "epoll_create1"),
    (SYS_epoll_ctl, None, ABSENT, MODES, "epoll_ctl"),
    (SYS_socketpair, None, ABSENT, MODES, "socketpair"),
    (SYS_accept4, None, ABSENT, MODES, "accept4"),
    (SYS_recvfrom, None, ABSENT, MODES, "recvfrom"),
    (SYS_sendto, None, ABSENT, MODES, "sendto"),
    (SYS_getsockname, None, ABSENT, MODES, "getsockname"),
    (SYS_prlimit64, None, ABSENT, MODES, "prlimit64"),
    (SYS_getrusage, None, ABSENT, MODES, "getrusage"),
    // That of either listener may come first.
    (SYS_ioctl, None, ABSENT, MODES, ""),
    (SYS_sendmsg, None, ABSENT, WITH_CHILDREN, "sendmsg"),
    (SYS_recvmsg, None, ABSENT, WITH_CHILDREN, "recvmsg"),
    (SYS_memfd_create, None, ABSENT, WITH_CHILDREN, "memfd_create"),
    // PR_SET_PDEATHSIG
    (SYS_prctl, Some((0, 1)), ABSENT, WITH_CHILDREN, "prctl"),
    (SYS_kill, None, ABSENT, WITH_CHILDREN, "kill"),
    (SYS_wait4, None, ABSENT, WITH_CHILDREN, "wait4"),
    (SYS_setpgid, None, ABSENT, WITH_CHILDREN, "/proc/self/exe"),
    (SYS_pipe2, None, ABSENT, MODES, ""),
    (SYS_ppoll, None, ABSENT, WITH_A_FORK_SERVER, "ppoll"),
    // Without the flags of threads: fork.
    (SYS_clone, None, ABSENT, WITH_A_FORK_SERVER, "fork"),
];

/// Starts a process that gets this error from this call, and so do its children.
fn spawn_without(mut command: Command, case: &Case, errno: i32) -> Child {
    let (call, argument, ..) = *case;
    let rules = argument.map(|(at, value)| {
        let (length, same) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
        let condition = SeccompCondition::new(at, length, same, value);
        SeccompRule::new(vec![condition.unwrap()]).unwrap()
    });
    let filter = SeccompFilter::new(
        BTreeMap::from([(call, rules.into_iter().collect())]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno.cast_unsigned()),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let filter: BpfProgram = filter.unwrap().try_into().unwrap();
    // A filter is for one thread and what it starts.
    let filtered = thread::spawn(move || {
        apply_filter(&filter).unwrap();
        command.spawn().unwrap()
    });
    filtered.join().unwrap()
}

/// What is not as it should be.
fn complaint(case: &Case, errno: i32, mode: Mode) -> Option<String> {
    let (_, argument, _, needed_by, name) = *case;
    // Where it listens unless it is told.
    let attempt = Attempt::new(server_on(mode, "[::]:0"), |command| {
        spawn_without(command, case, errno)
    });
    let outcome = attempt.outcome();
    let is_right = match &outcome {
        Ok(Outcome::Served) => !needed_by.contains(&mode),
        Ok(Outcome::Refused(line)) => {
            let is_clear = line.starts_with("drills: cannot start: ") && line.contains(name);
            needed_by.contains(&mode) && is_clear
        }
        Err(_) => false,
    };
    (!is_right).then(|| format!("{mode} without {name} {argument:?} ({errno}): {outcome:?}"))
}

#[test]
fn without_a_system_call_a_server_serves_or_says_what_is_missing() {
    let cases = CASES.iter().flat_map(|case| {
        let errors = case.2.iter();
        errors.flat_map(move |errno| MODES.iter().map(move |mode| (case, *errno, *mode)))
    });
    let cases = Mutex::new(cases);
    let next = || cases.lock().unwrap().next();
    let complaints = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((case, errno, mode)) = next() {
                    let complaint = complaint(case, errno, mode);
                    complaints.lock().unwrap().extend(complaint);
                }
            });
        }
    });
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
