//! One program of a crew: how it is started, and how it is spoken to.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};

use super::http::{self, Answer, CoprocessRequest};
use crate::folder::ServerFolder;
use crate::jitter::with_jitter;
use crate::keeper::{
    Heard, Keeping, ProgramHandle, ProgramInput, ProgramLimits, ProgramOrder, ProgramOutput,
    ProgramTalk, memory_below,
};
use crate::roster::Cause;

/// How a program is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Lines,
    Frames,
    Http,
}

/// What is known of a program before it is started.
#[derive(Debug)]
pub(super) struct CoprocessPlan {
    pub(super) command: Command,
    pub(super) dialect: Dialect,
    pub(super) ready: Option<String>,
    pub(super) start_timeout: Duration,
    /// 0 is any number.
    pub(super) requests: u32,
    /// In bytes.
    pub(super) memory: u64,
    pub(super) spare: bool,
    /// In bytes.
    pub(super) answer_max: usize,
}

/// What stands for the path of the socket in arguments.
const SOCKET: &str = "{socket}";

/// How often a program that begins to serve HTTP is asked whether it does.
const LOOK: Duration = Duration::from_millis(10);

/// The most that a program may say before it is ready, in bytes, without saying so.
const PREFACE_MAX: usize = 1 << 20;

/// The length of a frame, before its bytes.
const LENGTH_BYTES: usize = 4;

/// Why a program gave no answer.
#[derive(Debug)]
pub(super) enum CoprocessLost {
    /// It has ended: how, if that is known.
    Ended(Option<i32>),
    /// It said something that is no answer.
    Garbled(String),
    /// There is no such program, or it cannot be run.
    NotStarted(io::Error),
}

impl From<io::Error> for CoprocessLost {
    fn from(err: io::Error) -> Self {
        Self::NotStarted(err)
    }
}

impl CoprocessLost {
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::Ended(_) | Self::NotStarted(_) => Cause::Crashed,
            Self::Garbled(_) => Cause::Garbled,
        }
    }

    /// In words.
    pub(super) fn how(&self) -> String {
        match self {
            Self::Ended(Some(code)) => format!("ended with code {code}"),
            Self::Ended(None) => "was killed".to_owned(),
            Self::Garbled(why) => format!("gave no answer: {why}"),
            Self::NotStarted(err) => format!("cannot be run: {err}"),
        }
    }
}

impl CoprocessPlan {
    /// A line, or a frame, as it is sent. The error says why it cannot be one.
    pub(super) fn message(&self, text: &[u8]) -> Result<Bytes, String> {
        let mut message = BytesMut::with_capacity(text.len() + LENGTH_BYTES);
        match self.dialect {
            Dialect::Lines if text.contains(&b'\n') => {
                return Err("a line has no end of line in it".to_owned());
            }
            Dialect::Lines => {
                message.extend_from_slice(text);
                message.extend_from_slice(b"\n");
            }
            Dialect::Frames => {
                let length = u32::try_from(text.len()).map_err(|err| err.to_string())?;
                message.extend_from_slice(&length.to_be_bytes());
                message.extend_from_slice(text);
            }
            Dialect::Http => return Err("this program is spoken to by HTTP".to_owned()),
        }
        Ok(message.freeze())
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        self.command.get_program().display().to_string()
    }
}

/// A program that runs.
#[derive(Debug)]
pub(super) struct StayingProgram {
    talk: ProgramTalk,
    dialect: Dialect,
    answer_max: usize,
    /// What it has said and no answer has taken yet.
    incoming: BytesMut,
    socket: PathBuf,
    /// Requests that it has served.
    pub(super) served: u32,
    /// After which it is to be replaced: not all lanes do that at once.
    pub(super) requests_max: u32,
    /// Its folder. After `talk`, which ends it.
    _folder: ServerFolder,
}

impl StayingProgram {
    /// Starts it and waits until it is ready. The error says why it is not.
    pub(super) fn start(plan: &CoprocessPlan, keeping: Keeping) -> Result<Self, String> {
        let mut one = Self::begin(plan, keeping).map_err(|err| err.to_string())?;
        let timeout = plan.start_timeout;
        let deadline = Instant::now() + timeout;
        one.talk.until(Some(deadline));
        match one.until_ready(plan.ready.as_deref(), deadline) {
            Ok(()) => one.talk.until(None),
            Err(_) if Instant::now() >= deadline => {
                return Err(format!(
                    "it was not ready within {} s",
                    timeout.as_secs_f64()
                ));
            }
            Err(lost) => return Err(format!("it {}", lost.how())),
        }
        Ok(one)
    }

    fn begin(plan: &CoprocessPlan, keeping: Keeping) -> io::Result<Self> {
        let folder = ServerFolder::make()?;
        let socket = folder.path().join("socket");
        let mut order =
            ProgramOrder::new(&plan.command, Some(folder.path()), ProgramLimits::default());
        // Whatever process this is: what it prints goes to the log.
        let log = || {
            io::stdout()
                .as_fd()
                .try_clone_to_owned()
                .map(ProgramOutput::To)
        };
        let stdout = match plan.dialect {
            Dialect::Lines | Dialect::Frames => ProgramOutput::Here,
            Dialect::Http => {
                order = order.serving_on(&socket, SOCKET);
                log()?
            }
        };
        let talk = ProgramTalk::start(&order, ProgramInput::Pipe, (stdout, log()?), keeping)?;
        Ok(Self {
            talk,
            dialect: plan.dialect,
            answer_max: plan.answer_max,
            incoming: BytesMut::new(),
            socket,
            served: 0,
            requests_max: with_jitter(plan.requests),
            _folder: folder,
        })
    }

    /// Its process id, or that of its keeper.
    pub(super) fn pid(&self) -> u32 {
        self.talk.pid()
    }

    /// The way to end it from elsewhere.
    pub(super) fn end(&self) -> ProgramHandle {
        self.talk.end()
    }

    /// Why it can be used no more, while it has nothing to do. None if it can.
    pub(super) fn fault(&mut self) -> Option<Cause> {
        if self.talk.is_silent() {
            return None;
        }
        Some(match self.talk.hear() {
            Ok(Heard::Output(_)) => Cause::Garbled,
            Ok(Heard::Ended(_)) | Err(_) => Cause::Crashed,
        })
    }

    /// The memory that it has, with all that it has started.
    pub(super) fn memory(&self) -> u64 {
        memory_below(self.talk.pid())
    }

    fn until_ready(&mut self, when: Option<&str>, deadline: Instant) -> Result<(), CoprocessLost> {
        let when = match (self.dialect, when) {
            (Dialect::Http, path) => return self.until_serving(path, deadline),
            (_, None) => return Ok(()),
            (_, Some(when)) => when,
        };
        let mut skipped = 0;
        loop {
            let said = self.hear()?;
            if said == when.as_bytes() {
                return Ok(());
            }
            if self.dialect == Dialect::Frames {
                return Err(CoprocessLost::Garbled(format!(
                    "its first frame is not {when:?}"
                )));
            }
            skipped += said.len() + 1;
            if skipped > PREFACE_MAX {
                return Err(CoprocessLost::Garbled(format!("it never said {when:?}")));
            }
        }
    }

    fn until_serving(
        &mut self,
        path: Option<&str>,
        deadline: Instant,
    ) -> Result<(), CoprocessLost> {
        loop {
            let is_ready = match path {
                None => UnixStream::connect(&self.socket).is_ok(),
                Some(path) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let (get, most) = (CoprocessRequest::get(path), self.answer_max);
                    let asked = http::exchange(&self.socket, &get, most, Some(left));
                    asked.is_ok_and(|answer| (200..300).contains(&answer.status))
                }
            };
            if is_ready {
                return Ok(());
            }
            if !self.talk.is_silent() {
                self.hear()?;
            }
            if Instant::now() >= deadline {
                return Err(CoprocessLost::Ended(None));
            }
            sleep(LOOK);
        }
    }

    /// Says a message and waits for the answer to it.
    pub(super) fn exchange(&mut self, message: Bytes) -> Result<Vec<u8>, CoprocessLost> {
        self.talk.say(message);
        let answer = self.hear()?;
        if !self.incoming.is_empty() {
            return Err(CoprocessLost::Garbled(
                "it says more than one answer".to_owned(),
            ));
        }
        Ok(answer)
    }

    /// Sends a request and waits for its answer.
    pub(super) fn request(
        &mut self,
        request: &CoprocessRequest<'_>,
    ) -> Result<Answer, CoprocessLost> {
        let asked = http::exchange(&self.socket, request, self.answer_max, None);
        asked.map_err(|err| match self.fault() {
            Some(_) => CoprocessLost::Ended(None),
            None => CoprocessLost::Garbled(err.to_string()),
        })
    }

    /// Waits for the next line or frame.
    fn hear(&mut self) -> Result<Vec<u8>, CoprocessLost> {
        loop {
            if let Some(said) = take(&mut self.incoming, self.dialect, self.answer_max)? {
                return Ok(said);
            }
            match self.talk.hear()? {
                Heard::Output(piece) => self.incoming.extend_from_slice(piece),
                Heard::Ended(ended) => {
                    return Err(CoprocessLost::Ended(ended.map(|ended| ended.code)));
                }
            }
        }
    }
}

/// Takes a line or a frame out of what has come, if all of it is there.
fn take(
    incoming: &mut BytesMut,
    dialect: Dialect,
    most: usize,
) -> Result<Option<Vec<u8>>, CoprocessLost> {
    let too_long = || CoprocessLost::Garbled(format!("it is longer than {most} bytes"));
    if dialect == Dialect::Frames {
        let Some(length) = incoming.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > most {
            return Err(too_long());
        }
        if incoming.len() < LENGTH_BYTES + length {
            return Ok(None);
        }
        incoming.advance(LENGTH_BYTES);
        return Ok(Some(incoming.split_to(length).into()));
    }
    let end = incoming.iter().position(|byte| *byte == b'\n');
    if end.unwrap_or(incoming.len()) > most {
        return Err(too_long());
    }
    let Some(end) = end else { return Ok(None) };
    let line = incoming.split_to(end).into();
    incoming.advance(1);
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// In whatever pieces it comes, and whatever lengths it tells.
        #[test]
        fn whatever_a_program_says_is_taken_apart_within_bounds(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            frames in any::<bool>(),
        ) {
            let most = 30;
            let dialect = if frames { Dialect::Frames } else { Dialect::Lines };
            let mut incoming = BytesMut::new();
            let mut taken = 0;
            for piece in &pieces {
                incoming.extend_from_slice(piece);
                while let Ok(Some(said)) = take(&mut incoming, dialect, most) {
                    prop_assert!(said.len() <= most);
                    taken += said.len() + if frames { LENGTH_BYTES } else { 1 };
                }
            }
            let sent: usize = pieces.iter().map(Vec::len).sum();
            prop_assert_eq!(taken + incoming.len(), sent);
        }
    }
}
