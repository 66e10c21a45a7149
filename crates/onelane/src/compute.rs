//! The role of the processes that compute for a server: the fork server, and its children.

use std::fs::File;
use std::io::{self, ErrorKind, Write, stderr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::stdio::{dup2_stdin, dup2_stdout};

use crate::child::{self, ChildPipes, NotReady};
use crate::config::Settings;
use crate::executor::{self, JobEnd, PipeOutlet, Question};
use crate::guard::{self, usage};
use crate::ipc::{self, MessageInbox};
use crate::needs::Needs;
use crate::roster::ProgramNews;
use crate::service::Service;
use crate::workload::{Follow, Parcel, Workloads};

/// Runs the fork server, which obeys the server at the other end of `control`. Every child that it forks
/// goes on here, too, and answers jobs.
pub fn run(
    parent: i32,
    control: OwnedFd,
    service: &Service,
    settings: &Settings,
) -> io::Result<()> {
    let (workloads, inherited) = match prepare(parent, service, settings) {
        Ok(prepared) => prepared,
        Err(why) => {
            child::give_up(&control, &why);
            return Ok(());
        }
    };
    let limit = || {
        limit_memory(settings, inherited)?;
        guard::limit_cpu(settings.child_cpu_time)
    };
    match child::serve(control, limit)? {
        Some(ends) => answer(ends, workloads, settings, inherited),
        None => Ok(()),
    }
}

/// What every child inherits: the loaded workloads, and how many bytes of data there are with them.
fn prepare(
    parent: i32,
    service: &Service,
    settings: &Settings,
) -> Result<(Workloads, u64), NotReady> {
    guard::die_with(parent)?;
    guard::leave_signals_to_the_server()?;
    // A workload that reads standard input finds nothing, and what it prints goes to the log.
    dup2_stdin(File::open("/dev/null").needs("/dev/null")?).needs("dup2")?;
    dup2_stdout(stderr()).needs("dup2")?;
    guard::go_before_the_server();
    let workloads = Workloads::load(&service.workloads, &settings.own, guard::is_alone)?;
    Ok((workloads, guard::data_bytes()?))
}

/// The limit of memory is for what the process needs beside the data that it has `inherited`.
fn limit_memory(settings: &Settings, inherited: u64) -> io::Result<()> {
    if settings.child_memory_mib > 0 {
        guard::limit_memory(inherited.saturating_add(settings.child_memory_mib << 20))?;
    }
    Ok(())
}

/// Computes one job after the other, until there are no more.
fn answer(
    ends: ChildPipes,
    mut workloads: Workloads,
    settings: &Settings,
    inherited: u64,
) -> io::Result<()> {
    limit_memory(settings, inherited)?;
    let told = Arc::new(Told::default());
    let follow: Arc<dyn Follow> = told.clone();
    workloads.enter(1, &follow).map_err(io::Error::other)?;
    let mut jobs = File::from(ends.jobs);
    let answers = Arc::new(File::from(ends.answers));
    let mut inbox = MessageInbox::default();
    while let Some(question) = inbox.read(&mut jobs)? {
        let told = match question {
            Question::Ready => (&*answers).write_all(&ipc::frame(&told.take())?),
            Question::Job(parcel) => {
                let body = inbox.read_bytes(parcel.body_bytes, &mut jobs)?;
                guard::limit_cpu(settings.child_cpu_time)?;
                compute(
                    *parcel,
                    body,
                    &workloads,
                    &told,
                    &PipeOutlet(answers.clone()),
                )
            }
        };
        match told {
            // The server has closed its end: it no longer wants the answer, and will kill this child.
            Err(err) if err.kind() == ErrorKind::BrokenPipe => break,
            told => told?,
        }
    }
    Ok(())
}

/// What became of programs that stay, until the server hears of it.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<ProgramNews>>);

impl Told {
    fn take(&self) -> Vec<ProgramNews> {
        std::mem::take(&mut self.0.lock())
    }
}

impl Follow for Told {
    fn news(&self, news: ProgramNews) {
        self.0.lock().push(news);
    }

    // This process computes only when it is asked to, and waits for its program then.
    fn missing(&self, _: usize) {}
}

fn compute(
    parcel: Parcel,
    body: Bytes,
    workloads: &Workloads,
    told: &Told,
    outlet: &PipeOutlet,
) -> io::Result<()> {
    let start = Instant::now();
    let Some((job, call)) = parcel.unpack(body, workloads) else {
        return Err(io::Error::other("there is no such workload"));
    };
    // Nothing interrupts this call: a child that is to stop is killed.
    let call = call.through(outlet.clone());
    let outcome = executor::compute(job, workloads, &call);
    let end = JobEnd {
        compute: start.elapsed(),
        used: usage::of_this_process(),
        events: call.events(),
        spans: call.spans().report(),
        news: told.take(),
    };
    outlet.tell(outcome, end)
}
