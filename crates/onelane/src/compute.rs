//! The role of the processes that compute for a server: the fork server, and its children.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write, stderr, stdin};
use std::os::fd::AsFd;

use rustix::stdio::{dup2_stdin, dup2_stdout};

use crate::child::{self, Ends, guard, usage};
use crate::config::Settings;
use crate::executor::{self, Failure, Question, Reply};
use crate::ipc::{self, Inbox};
use crate::service::Service;
use crate::workload::Parcel;

/// Runs the fork server, which obeys the server at the other end of standard input. Every child that it
/// forks goes on here, too, and answers jobs.
pub fn run(parent: i32, service: &Service, settings: &Settings) -> io::Result<()> {
    guard::die_with(parent)?;
    guard::leave_signals_to_the_server()?;
    let control = stdin().as_fd().try_clone_to_owned()?;
    // A workload that reads standard input finds nothing, and what it prints goes to the log.
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(stderr())?;
    // When memory runs out, the kernel kills a child rather than the server. Where this is not allowed,
    // only the child's own limit protects the server.
    fs::write("/proc/self/oom_score_adj", "1000").ok();
    match child::serve(control)? {
        Some(ends) => answer(ends, service, settings),
        None => Ok(()),
    }
}

/// Computes one job after the other, until there are no more.
fn answer(ends: Ends, service: &Service, settings: &Settings) -> io::Result<()> {
    if settings.child_memory_mib > 0 {
        guard::limit_memory(settings.child_memory_mib << 20)?;
    }
    let mut jobs = File::from(ends.jobs);
    let mut answers = File::from(ends.answers);
    let mut inbox = Inbox::default();
    while let Some(question) = inbox.read(&mut jobs)? {
        let frame = match question {
            Question::Ready => ipc::frame(&()),
            Question::Job(parcel) => {
                guard::limit_cpu(settings.child_cpu_time)?;
                ipc::frame(&compute(parcel, service))
            }
        };
        match answers.write_all(&frame?) {
            // The server has closed its end: it no longer wants the answer, and will kill this child.
            Err(err) if err.kind() == ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    Ok(())
}

fn compute(parcel: Parcel, service: &Service) -> Reply {
    let (outcome, events) = match parcel.unpack(&service.workloads) {
        // Nothing interrupts this call: a child that is to stop is killed.
        Ok((job, call)) => (executor::compute(job, &call), call.events()),
        Err(err) => (Err(Failure::Crashed(err.to_string())), Vec::new()),
    };
    Reply {
        outcome,
        used: usage::of_this_process(),
        events,
    }
}
