//! The command line of every service: reads which role this process plays, and plays it.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use nix::sys::signal::SigSet;
use signal_hook::consts::SIGCHLD;
use signal_hook::flag;

use crate::child::NotReady;
use crate::config::{Flags, Mode, Settings};
use crate::logging::{self, Pen};
use crate::reexec::Briefing;
#[cfg(feature = "schema")]
use crate::schema;
use crate::server::{ServerEnd, StartError};
use crate::service::Service;
use crate::{cluster, compute, curl, http, keeper, probe, routes, server, status};

/// One request at a time, and all of a CPU for it.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand)]
enum Role {
    /// Serve requests (the default)
    Serve,
    /// Ask the server with these settings whether it is ready; exit 0 or 1
    Probe,
    /// Show what the server with these settings is doing: slots, queue, refusals, children; exit 0 or 1
    Status {
        /// As the JSON that its /status answers
        #[arg(long)]
        json: bool,
    },
    /// Print the effective settings as TOML
    Config,
    /// Print every route: methods, path, types and limit of its body
    Routes,
    /// Print requests to try, as commands to copy
    Examples {
        /// Where they are sent
        #[arg(default_value = "http://localhost:5000", value_parser = curl::base)]
        url: String,
    },
    /// Print what each workload takes and answers, as JSON Schema
    #[cfg(feature = "schema")]
    Schema,
    /// Compute for a server (started by it)
    #[command(hide = true)]
    Compute { parent: i32 },
    /// Keep a program (started by the process that computes)
    #[command(hide = true)]
    Keep { parent: i32 },
    /// Be one of a cluster (started by it)
    #[command(hide = true)]
    Worker { parent: i32 },
}

/// What a shell says of bad flags, too.
const BAD_FLAGS: u8 = 2;
/// The children fail, one after the other: starting again would not help.
const BAD_CHILDREN: u8 = 3;
/// A workload cannot be loaded.
const BAD_LOAD: u8 = 4;
/// `EX_SOFTWARE` of sysexits.h.
const BAD_SERVICE: u8 = 70;
/// `EX_OSERR` of sysexits.h.
const BAD_HOST: u8 = 71;
/// `EX_CONFIG` of sysexits.h.
const BAD_SETTINGS: u8 = 78;

impl Service {
    /// Plays the role that the command line names: serves, unless told otherwise. All of a service's
    /// `main`, because the engine starts the same program again for its children.
    ///
    /// Exits with 0 after a clean end; 1 when requests were cut or a listener could not be had; 2 for
    /// bad flags, 3 when children fail one after the other, 4 when a workload cannot be loaded, 70 for a
    /// service with a mistake in it, 71 when the kernel or the container lacks what the mode needs, 78 for
    /// bad settings.
    pub fn run(self) -> ExitCode {
        // Once in the life of a process, and needed until its end.
        let service: &'static Self = Box::leak(Box::new(self));
        let _last = logging::Finish;
        hear_signals();
        play(service).unwrap_or_else(|(code, message)| {
            logging::complain(&format!("{}: {message}\n", service.name));
            ExitCode::from(code)
        })
    }
}

/// Lets every signal come. The process that has started this one may have blocked some, or ignore that children end, and both
/// are inherited: a server would never hear that it is to stop, or not learn how a worker has ended. Where a
/// sandbox forbids this, nothing is lost unless that is so.
fn hear_signals() {
    // Threads and children have it from here.
    SigSet::empty().thread_set_mask().ok();
    // With any handler the kernel keeps the status of a child until it is asked for.
    flag::register(SIGCHLD, Arc::default()).ok();
}

/// An exit code, and one line that says why.
type Complaint = (u8, String);

fn play(service: &'static Service) -> Result<ExitCode, Complaint> {
    service
        .check(http::REASONS)
        .map_err(complain(BAD_SERVICE))?;
    let cli = parse(service)?;
    match cli.role.unwrap_or(Role::Serve) {
        Role::Routes => print(&routes::list(service)),
        Role::Examples { url } => print(&curl::commands(service, &url)),
        #[cfg(feature = "schema")]
        Role::Schema => print(&schema::document(service)),
        Role::Serve => {
            let settings = load(&cli.flags, service)?;
            log(service, &settings, Pen::ForAll)?;
            ended(match settings.mode {
                Mode::Cluster => cluster::run(service, &settings),
                _ => server::run(service, &settings),
            })
        }
        Role::Probe => done(probe::run(load(&cli.flags, service)?.admin_listen)),
        Role::Status { json } => {
            let admin_listen = load(&cli.flags, service)?.admin_listen;
            print(&status::run(admin_listen, json).map_err(complain(1))?)
        }
        Role::Config => print(&load(&cli.flags, service)?.to_toml()),
        Role::Keep { .. } => done(keeper::run()),
        Role::Worker { parent } => {
            let (briefing, settings) = briefed(service, Pen::Thread)?;
            ended(cluster::worker::run(parent, briefing, service, &settings))
        }
        Role::Compute { parent } => {
            let (briefing, settings) = briefed(service, Pen::Itself)?;
            done(compute::run(parent, briefing.socket, service, &settings))
        }
    }
}

fn load(flags: &Flags, service: &Service) -> Result<Settings, Complaint> {
    Settings::load(flags, &service.tables()).map_err(complain(BAD_SETTINGS))
}

/// What a server tells a process that it has started.
fn briefed(service: &Service, pen: Pen) -> Result<(Briefing, Settings), Complaint> {
    let briefing = Briefing::read().map_err(complain(1))?;
    let settings = Settings::from_json(&briefing.settings).map_err(complain(BAD_SETTINGS))?;
    log(service, &settings, pen)?;
    Ok((briefing, settings))
}

fn log(service: &Service, settings: &Settings, pen: Pen) -> Result<(), Complaint> {
    let started = logging::init(service, settings.log_format, settings.log_level, pen);
    started.map_err(|err| (BAD_HOST, format!("cannot start: the log: {err}")))
}

/// Prints what was asked for. Who stops to read has read enough.
fn print(text: &str) -> Result<ExitCode, Complaint> {
    let mut stdout = stdout();
    let printed = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    done(match printed {
        Err(err) if err.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(|err| format!("cannot print: {err}")),
    })
}

fn parse(service: &Service) -> Result<Cli, Complaint> {
    let command = Cli::command()
        .name(service.name)
        .version(service.versions());
    let parsed = command.try_get_matches();
    parsed
        .and_then(|matches| Cli::from_arg_matches(&matches))
        .map_err(|err| {
            if !err.use_stderr() {
                // It is help or the version, which this prints.
                err.exit();
            }
            (BAD_FLAGS, err.to_string().trim_end().to_owned())
        })
}

fn ended(end: Result<ServerEnd, StartError>) -> Result<ExitCode, Complaint> {
    match end {
        Ok(ServerEnd::Clean) => Ok(ExitCode::SUCCESS),
        Ok(ServerEnd::Cut) => Ok(ExitCode::FAILURE),
        Err(err @ StartError::Compute(NotReady::Children(_))) => Err(complain(BAD_CHILDREN)(err)),
        Err(err @ StartError::Compute(NotReady::Load(_))) => Err(complain(BAD_LOAD)(err)),
        Err(err @ (StartError::Start(_) | StartError::Compute(NotReady::Lacks(_)))) => {
            Err(complain(BAD_HOST)(err))
        }
        Err(err @ StartError::Listen(..)) => Err(complain(1)(err)),
    }
}

fn done(outcome: Result<(), impl Display>) -> Result<ExitCode, Complaint> {
    outcome.map(|()| ExitCode::SUCCESS).map_err(complain(1))
}

fn complain<E: Display>(code: u8) -> impl Fn(E) -> Complaint {
    move |err| (code, err.to_string())
}
