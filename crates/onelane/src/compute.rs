//! The role of the processes that compute for a server: the fork server, and its children.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Write, stderr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use rustix::stdio::{dup2_stdin, dup2_stdout};

use crate::child::{self, ChildPipes, NotReady};
use crate::config::{Mode, Settings};
use crate::executor::{self, JobEnd, PipeOutlet, Question};
use crate::folder::Folders;
use crate::guard::{self, usage};
use crate::ipc::{self, MessageInbox};
use crate::needs::Needs;
use crate::roster::ProgramNews;
use crate::service::Service;
use crate::trace::{Spans, TraceContext};
use crate::workload::{Follow, Job, Parcel, Workloads};

/// Runs the fork server, which obeys the server at the other end of `control`. Every child that it forks
/// goes on here, too, and answers jobs.
pub fn run(
    parent: i32,
    control: OwnedFd,
    service: &Service,
    settings: &Settings,
) -> io::Result<()> {
    let prepared = match prepare(parent, service, settings) {
        Ok(prepared) => prepared,
        Err(why) => {
            child::give_up(&control, &why);
            return Ok(());
        }
    };
    let limit = || {
        limit_memory(settings, prepared.data_bytes)?;
        guard::limit_cpu(settings.child_cpu_time)
    };
    match child::serve(control, limit)? {
        Some(ends) => answer(ends, prepared, settings),
        None => Ok(()),
    }
}

/// What every child inherits.
struct Prepared {
    workloads: Workloads,
    rehearsal: Rehearsal,
    /// How many bytes of data there are with all that.
    data_bytes: u64,
}

fn prepare(parent: i32, service: &Service, settings: &Settings) -> Result<Prepared, NotReady> {
    guard::die_with(parent)?;
    guard::leave_signals_to_the_server()?;
    // A workload that reads standard input finds nothing, and what it prints goes to the log.
    dup2_stdin(File::open("/dev/null").needs("/dev/null")?).needs("dup2")?;
    dup2_stdout(stderr()).needs("dup2")?;
    guard::go_before_the_server();
    let workloads = Workloads::load(&service.workloads, &settings.own, guard::is_alone)?;
    let rehearsal = Rehearsal::new()?;
    // What is done once in a process, its copies need not do again.
    rehearsal.play(&workloads)?;
    Ok(Prepared {
        workloads,
        rehearsal,
        data_bytes: guard::data_bytes()?,
    })
}

/// The limit of memory is for what the process needs beside the data that it has `inherited`.
fn limit_memory(settings: &Settings, inherited: u64) -> io::Result<()> {
    if settings.child_memory_mib > 0 {
        guard::limit_memory(inherited.saturating_add(settings.child_memory_mib << 20))?;
    }
    Ok(())
}

/// Without this, the copies of a process would all draw the same random numbers.
fn draw_own_numbers() {
    let mut seed = DefaultHasher::new();
    (std::process::id(), Instant::now()).hash(&mut seed);
    fastrand::seed(seed.finish());
}

/// A job that is computed before the first real one comes, and its answer dropped. A process that was just forked
/// gets each page of its memory, and of its program, when it first uses it. After this it has those that are needed for
/// any job, and no job waits for them.
struct Rehearsal {
    question: BytesMut,
    nowhere: PipeOutlet,
}

impl Rehearsal {
    fn new() -> io::Result<Self> {
        let (trace, spans) = <(TraceContext, Spans)>::default();
        let folder = Folders::none().next().place().clone();
        let limit = Duration::from_secs(1);
        let (parcel, _) = Job::rehearsal().pack(String::new(), (trace, &spans), limit, folder);
        let nowhere = File::options().write(true).open("/dev/null");
        Ok(Self {
            question: ipc::frame(&Question::Job(Box::new(parcel)))?,
            nowhere: PipeOutlet(Arc::new(nowhere.needs("/dev/null")?)),
        })
    }

    fn play(&self, workloads: &Workloads) -> io::Result<()> {
        match MessageInbox::default().read(&mut &self.question[..])? {
            Some(Question::Job(parcel)) => compute(
                *parcel,
                Bytes::new(),
                workloads,
                &Told::default(),
                &self.nowhere,
            ),
            _ => Err(io::Error::other("the rehearsal is a job")),
        }
    }
}

/// Computes one job after the other, until there are no more; in `fork` one, after which this process ends.
fn answer(ends: ChildPipes, prepared: Prepared, settings: &Settings) -> io::Result<()> {
    let Prepared {
        mut workloads,
        rehearsal,
        data_bytes,
    } = prepared;
    limit_memory(settings, data_bytes)?;
    draw_own_numbers();
    let told = Arc::new(Told::default());
    let follow: Arc<dyn Follow> = told.clone();
    workloads.enter(1, &follow).map_err(io::Error::other)?;
    rehearsal.play(&workloads)?;
    drop(rehearsal);
    let is_for_one = settings.mode == Mode::Fork;
    if is_for_one {
        // Ahead of the job, which need not wait for it.
        guard::limit_cpu(settings.child_cpu_time)?;
    }
    let mut jobs = File::from(ends.jobs);
    let answers = Arc::new(File::from(ends.answers));
    let mut inbox = MessageInbox::default();
    while let Some(question) = inbox.read(&mut jobs)? {
        let told = match question {
            Question::Ready => (&*answers).write_all(&ipc::frame(&told.take())?),
            Question::Job(parcel) => {
                let body = inbox.read_bytes(parcel.body_bytes, &mut jobs)?;
                if !is_for_one {
                    guard::limit_cpu(settings.child_cpu_time)?;
                }
                let outlet = PipeOutlet(answers.clone());
                let told = compute(*parcel, body, &workloads, &told, &outlet);
                if is_for_one && told.is_ok() {
                    guard::end_group();
                }
                told
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
        made_folder: call.has_folder(),
    };
    outlet.tell(outcome, end)
}
