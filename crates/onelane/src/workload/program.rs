//! A program for one request.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use rustix::process::Signal;

use super::call::Call;
use super::{Reason, Reply, Stop};
use crate::keeper::{
    Heard, ProgramExit, ProgramInput, ProgramLimits, ProgramOrder, ProgramOutput, ProgramTalk,
};

/// The default limit of what a program may say, in bytes: 16 MiB.
const OUTPUT_MAX: usize = 16 << 20;

/// As if the kernel had ended it for a file that is too large.
const TOO_LARGE: i32 = 128 + Signal::XFSZ.as_raw();

/// As the kernel ends what has used its CPU time.
const OUT_OF_TIME: i32 = 128 + Signal::XCPU.as_raw();

/// A program that is to be run for a request: [`Call::program`] begins one.
///
/// It runs in the folder of the request ([`Call::folder`]), where it also has its `HOME` and its `TMPDIR`, unless
/// the command says otherwise. It has the variables of the lane, but none that begins with `ONELANE_`,
/// and the place of its request in a trace: `TRACEPARENT` and, where there is one, `TRACESTATE`.
#[derive(Debug)]
pub struct Program<'a> {
    call: &'a Call,
    command: Command,
    input: Option<StdinSource>,
    limits: ProgramLimits,
    output_max: usize,
    accepted: Vec<i32>,
    refused: Vec<(i32, Reason)>,
}

impl Call {
    /// Runs a program for this request, and waits for it: its standard input is the [`Self::body`], its output the
    /// result. [`Self::program`] says more about both.
    pub fn output(&self, command: Command) -> Result<Vec<u8>, Stop> {
        Ok(self.program(command).output()?.stdout)
    }

    /// A program to run for this request. It does not outlive the request, and neither does anything that it
    /// starts, however the request ends.
    ///
    /// ```
    /// use std::process::Command;
    ///
    /// use onelane::{Call, Reason, Stop};
    ///
    /// const NOT_A_NUMBER: Reason = Reason::new(422, "not_a_number", "There is a line that is no number");
    ///
    /// fn sorted(call: &Call) -> Result<Vec<u8>, Stop> {
    ///     let mut sort = Command::new("sort");
    ///     sort.arg("--numeric-sort");
    ///     let output = call.program(sort).refuse(2, NOT_A_NUMBER).output()?;
    ///     Ok(output.stdout)
    /// }
    ///
    /// let call = Call::default().with_body("10\n9\n");
    /// assert_eq!(sorted(&call).unwrap(), b"9\n10\n");
    /// ```
    pub fn program(&self, command: Command) -> Program<'_> {
        Program::new(self, command)
    }
}

#[derive(Debug)]
enum StdinSource {
    Bytes(Bytes),
    File(File),
}

/// What became of a program.
#[derive(Debug)]
pub struct Output {
    /// Its exit code, which is 0 or [accepted](Program::accept).
    pub code: i32,
    /// What it said to its standard output.
    pub stdout: Vec<u8>,
    /// The end of what it said to its standard error: 2 KiB of it at most.
    pub stderr: String,
}

impl<'a> Program<'a> {
    pub(super) fn new(call: &'a Call, command: Command) -> Self {
        Self {
            call,
            command,
            input: None,
            limits: ProgramLimits::default(),
            output_max: OUTPUT_MAX,
            accepted: vec![0],
            refused: Vec::new(),
        }
    }

    /// With these bytes as its standard input, instead of the [body](Call::body).
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(StdinSource::Bytes(Bytes::from(bytes.into())));
        self
    }

    /// With a file as its standard input.
    #[must_use]
    pub fn stdin_file(mut self, file: File) -> Self {
        self.input = Some(StdinSource::File(file));
        self
    }

    /// With another limit of what it may say to its standard output than 16 MiB. One that says more is ended, and
    /// counts as one that the kernel ended by SIGXFSZ: its exit code is 153. For [`Self::stream`] there is no limit.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.output_max = bytes;
        self
    }

    /// With so much CPU time for each of its processes, rounded up to whole seconds. If one of them takes more, that
    /// is a deadline for the caller: 504 `request_timeout`.
    #[must_use]
    pub fn cpu_time(mut self, limit: Duration) -> Self {
        self.limits.cpu = Some(limit);
        self
    }

    /// With so much data for each of its processes, private mappings included: allocations beyond that fail.
    #[must_use]
    pub fn memory_mib(mut self, limit: u64) -> Self {
        self.limits.memory = Some(limit << 20);
        self
    }

    /// With a limit of each file that it writes. Beyond that the kernel ends it by SIGXFSZ: its exit code is 153.
    #[must_use]
    pub fn file_mib(mut self, limit: u64) -> Self {
        self.limits.file = Some(limit << 20);
        self
    }

    /// Takes another exit code than 0 for a success, too: 1 of `grep`, say.
    #[must_use]
    pub fn accept(mut self, code: i32) -> Self {
        self.accepted.push(code);
        self
    }

    /// Takes this exit code for the caller's fault: a problem of this reason, whose detail is what the program said
    /// to its standard error. For a program that was killed, the code is 128 and the number of the signal. Any other
    /// code is an error of the service: 500 for the caller, and what the program said is in the log.
    #[must_use]
    pub fn refuse(mut self, code: i32, reason: Reason) -> Self {
        self.refused.push((code, reason));
        self
    }

    /// Runs it, and waits for all that it says.
    pub fn output(self) -> Result<Output, Stop> {
        let (mut stdout, most) = (Vec::new(), self.output_max);
        let (code, stderr) = self.run(|piece| {
            let fits = piece.len() <= most - stdout.len();
            if fits {
                stdout.extend_from_slice(piece);
            }
            Ok(fits)
        })?;
        Ok(Output {
            code,
            stdout,
            stderr,
        })
    }

    /// Runs it, and sends what it says to the caller while it says it: `reply` has the status, the headers and the
    /// beginning of the body. As with [`Call::stream`], a failure in the first 64 KiB is an answer like any other,
    /// and a later one breaks the connection.
    pub fn stream(self, reply: Reply) -> Result<Reply, Stop> {
        let mut stream = self.call.stream(reply);
        self.run(|piece| {
            stream.write_all(piece)?;
            Ok(true)
        })?;
        stream.finish()
    }

    /// Runs it. `take` is given what it says, and tells whether it may go on.
    fn run(
        mut self,
        mut take: impl FnMut(&[u8]) -> Result<bool, Stop>,
    ) -> Result<(i32, String), Stop> {
        self.call.check()?;
        let mut talk = self.start()?;
        let end = talk.end();
        let _hook = self.call.flag().on_raise(move || end.order());
        let ended = loop {
            let heard = talk.hear();
            match heard.map_err(|err| self.failed("cannot be run", &err.to_string()))? {
                Heard::Output(piece) => {
                    if !take(piece)? {
                        break Some(ProgramExit { code: TOO_LARGE });
                    }
                }
                Heard::Ended(ended) => break ended,
            }
        };
        self.call.check()?;
        let stderr = talk.excerpt();
        let Some(ProgramExit { code }) = ended else {
            return Err(Stop::Crashed(self.words("was killed", "")));
        };
        self.judge(code, &stderr)?;
        Ok((code, stderr))
    }

    fn start(&mut self) -> Result<ProgramTalk, Stop> {
        self.pass_the_trace_on();
        let folder = self.call.folder().ok();
        let order = ProgramOrder::new(&self.command, folder.as_deref(), self.limits);
        let body = || StdinSource::Bytes(self.call.shared_body());
        let (input, bytes) = match self.input.take().unwrap_or_else(body) {
            StdinSource::Bytes(bytes) => (ProgramInput::Pipe, bytes),
            StdinSource::File(file) => (ProgramInput::File(file.into()), Bytes::new()),
        };
        let here = (ProgramOutput::Here, ProgramOutput::Here);
        let talk = ProgramTalk::start(&order, input, here, self.call.keeping());
        let mut talk = talk.map_err(|err| self.failed("cannot be started", &err.to_string()))?;
        talk.say(bytes);
        talk.close();
        Ok(talk)
    }

    /// By the variables that are customary for it, unless the command has others. What the lane was started in is
    /// another trace.
    fn pass_the_trace_on(&mut self) {
        let trace = self.call.trace();
        for (name, value) in [
            ("TRACEPARENT", trace.traceparent()),
            ("TRACESTATE", trace.tracestate()),
        ] {
            let mut told = self.command.get_envs();
            if told.all(|(of, _)| of != name) {
                if value.is_empty() {
                    self.command.env_remove(name);
                } else {
                    self.command.env(name, value);
                }
            }
        }
    }

    /// What an exit code means.
    fn judge(&self, code: i32, stderr: &str) -> Result<(), Stop> {
        if self.accepted.contains(&code) {
            return Ok(());
        }
        if let Some((_, reason)) = self.refused.iter().find(|(refused, _)| *refused == code) {
            return Err(match stderr {
                "" => (*reason).into(),
                said => reason.detail(said).into(),
            });
        }
        if code == OUT_OF_TIME {
            return Err(Stop::Interrupted);
        }
        Err(self.failed(&format!("ended with code {code}"), stderr))
    }

    fn failed(&self, how: &str, why: &str) -> Stop {
        Stop::Failed(self.words(how, why).into())
    }

    fn words(&self, how: &str, why: &str) -> String {
        let program = self.command.get_program().display();
        let colon = if why.is_empty() { "" } else { ": " };
        format!("the program {program} {how}{colon}{why}")
    }
}
