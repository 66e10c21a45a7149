//! What is said to a keeper, and what it says.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The variables of the engine and of its service, among which may be secrets, begin like this. No program gets
/// them.
const OWN_VARIABLES: &str = "ONELANE_";

/// A program, and what it may use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProgramOrder {
    program: OsString,
    arguments: Vec<OsString>,
    /// None takes a variable away.
    variables: Vec<(OsString, Option<OsString>)>,
    folder: Option<PathBuf>,
    pub(super) limits: ProgramLimits,
}

/// What each process of a program may use. None is what the process has that asks for it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct ProgramLimits {
    /// CPU time. The kernel ends a process by SIGXCPU then.
    pub cpu: Option<Duration>,
    /// Data, in bytes: an allocation beyond that fails.
    pub memory: Option<u64>,
    /// The largest file, in bytes. The kernel ends a process by SIGXFSZ then.
    pub file: Option<u64>,
}

impl ProgramOrder {
    /// The program of `command`, with its arguments, variables and current directory. Without one of its own it
    /// runs in `folder`, which is where it finds its home and puts its temporary files, too.
    pub fn new(command: &Command, folder: Option<&Path>, limits: ProgramLimits) -> Self {
        let own = std::env::vars_os().map(|(name, _)| name);
        let own = own.filter(|name| {
            name.as_encoded_bytes()
                .starts_with(OWN_VARIABLES.as_bytes())
        });
        let own = own.map(|name| (name, None));
        let home = folder.into_iter().flat_map(|folder| {
            ["HOME", "TMPDIR"].map(|name| (name.into(), Some(folder.as_os_str().to_owned())))
        });
        let told = command.get_envs();
        let told = told.map(|(name, value)| (name.to_owned(), value.map(Into::into)));
        Self {
            program: command.get_program().to_owned(),
            arguments: command.get_args().map(Into::into).collect(),
            variables: own.chain(home).chain(told).collect(),
            folder: command.get_current_dir().or(folder).map(Into::into),
            limits,
        }
    }

    /// The same for a program that serves on this socket: its path is in the variable `SOCKET`, unless the command
    /// has one, and in the place of `placeholder` in its arguments.
    pub fn serving_on(mut self, socket: &Path, placeholder: &str) -> Self {
        for argument in &mut self.arguments {
            if let Some(text) = argument.to_str() {
                *argument = text.replace(placeholder, &socket.to_string_lossy()).into();
            }
        }
        self.variables
            .insert(0, ("SOCKET".into(), Some(socket.into())));
        self
    }

    /// The command that it came from, as it is to be run.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }
}

/// From the keeper, or from the program's process before it is the program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum KeeperMessage {
    /// There is no such program, or it cannot be run: this is why.
    NotStarted(String),
    /// It has ended, and so has all that it had started.
    Ended(ProgramExit),
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramExit {
    /// Its exit code; 128 and the number of the signal that killed it, as a shell says it.
    pub code: i32,
}

/// What a shell adds to the number of a signal.
const KILLED: i32 = 128;

impl ProgramExit {
    pub(super) fn of_status(status: ExitStatus) -> Self {
        Self::of(status.code(), status.signal())
    }

    pub(super) fn of(code: Option<i32>, signal: Option<i32>) -> Self {
        let code = code.or(signal.map(|signal| KILLED + signal));
        Self {
            code: code.unwrap_or_default(),
        }
    }
}
