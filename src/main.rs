//! The `onelane` command: reads which role to play, and plays it.

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use onelane::config::{Flags, Settings};
use onelane::server::End;
use onelane::{logging, probe, server};

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
}

/// `EX_CONFIG` of sysexits.h.
const BAD_SETTINGS: u8 = 78;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let settings = match Settings::load(&cli.flags) {
        Ok(settings) => settings,
        Err(err) => return fail(BAD_SETTINGS, err),
    };
    match cli.role.unwrap_or(Role::Serve) {
        Role::Serve => {
            logging::init(settings.log_format, settings.log_level);
            match server::run(&settings) {
                Ok(End::Clean) => ExitCode::SUCCESS,
                Ok(End::Cut) => ExitCode::FAILURE,
                Err(err) => fail(1, err),
            }
        }
        Role::Probe => match probe::run(settings.admin_listen) {
            Ok(()) => ExitCode::SUCCESS,
            Err(err) => fail(1, err),
        },
        Role::Config => {
            print!("{}", settings.to_toml());
            ExitCode::SUCCESS
        }
    }
}

fn fail(code: u8, err: impl Display) -> ExitCode {
    eprintln!("onelane: {err}");
    ExitCode::from(code)
}
