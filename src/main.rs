//! The `onelane` command: reads which role to play, and plays it.

use std::fmt::Display;
use std::io::{Write, stderr};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use onelane::config::{Flags, Mode, Settings};
use onelane::server::{End, StartError};
use onelane::{cluster, compute, logging, probe, server};

/// One request at a time, and all of a CPU for it.
#[derive(Parser)]
#[command(version, about)]
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
    /// Print the effective settings as TOML
    Config,
    /// Compute for a server (started by it)
    #[command(hide = true)]
    Compute { parent: i32, settings: String },
    /// Be one of a cluster (started by it)
    #[command(hide = true)]
    Worker { parent: i32, settings: String },
}

/// The children fail, one after the other: starting again would not help.
const BAD_CHILDREN: u8 = 3;
/// `EX_CONFIG` of sysexits.h.
const BAD_SETTINGS: u8 = 78;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let settings = match &cli.role {
        Some(Role::Compute { settings, .. } | Role::Worker { settings, .. }) => {
            Settings::from_json(settings)
        }
        _ => Settings::load(&cli.flags),
    };
    let settings = match settings {
        Ok(settings) => settings,
        Err(err) => return fail(BAD_SETTINGS, err),
    };
    logging::init(settings.log_format, settings.log_level);
    match cli.role.unwrap_or(Role::Serve) {
        Role::Serve if settings.mode == Mode::Cluster => ended(cluster::run(&settings)),
        Role::Serve => ended(server::run(&settings)),
        Role::Worker { parent, .. } => ended(cluster::worker::run(parent, &settings)),
        Role::Compute { parent, .. } => done(compute::run(parent, &settings)),
        Role::Probe => done(probe::run(settings.admin_listen)),
        Role::Config => {
            print!("{}", settings.to_toml());
            ExitCode::SUCCESS
        }
    }
}

fn ended(end: Result<End, StartError>) -> ExitCode {
    match end {
        Ok(End::Clean) => ExitCode::SUCCESS,
        Ok(End::Cut) => ExitCode::FAILURE,
        Err(err @ StartError::Children(_)) => fail(BAD_CHILDREN, err),
        Err(err) => fail(1, err),
    }
}

fn done(outcome: Result<(), impl Display>) -> ExitCode {
    outcome.map_or_else(|err| fail(1, err), |()| ExitCode::SUCCESS)
}

fn fail(code: u8, err: impl Display) -> ExitCode {
    // In one piece: other processes write their lines there, too. If it is closed, nobody reads.
    let line = format!("onelane: {err}\n");
    stderr().write_all(line.as_bytes()).ok();
    ExitCode::from(code)
}
