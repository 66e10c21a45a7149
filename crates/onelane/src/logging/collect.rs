//! What is printed beside the log: by children to their standard error, a workload in this
//! process to its standard output. They write to a pipe that is always read, so that they never wait for
//! the reader of the log.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, Write, pipe};
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::stdio::dup2_stdout;

use super::line::LINE_MAX;
use super::queue::QUEUE;

/// The end of the pipe that is written to. None in a process that collects nothing.
static PIPE: OnceLock<PipeWriter> = OnceLock::new();

/// Whether everything before [`END`] was read.
static ENDED: AtomicBool = AtomicBool::new(false);

/// What this process says to itself when it ends: no line of text.
const END: &[u8] = b"\0\n";

/// Takes in, from now on, what this process prints to its standard output, and what those print to their
/// standard error that it starts with [`stdio`].
pub(super) fn start() -> io::Result<()> {
    QUEUE.start()?;
    let (reader, writer) = pipe()?;
    dup2_stdout(&writer)?;
    let thread = thread::Builder::new().name("log-pipe".to_owned());
    thread.spawn(|| read(BufReader::new(reader)))?;
    PIPE.set(writer).ok();
    Ok(())
}

/// The standard error of a child.
pub fn stdio() -> Stdio {
    let pipe = PIPE.get().map(PipeWriter::try_clone);
    // Without descriptors there is no child either.
    pipe.and_then(Result::ok)
        .map_or_else(Stdio::inherit, Stdio::from)
}

/// Waits until all that was printed is in the queue, or until `deadline`.
pub(super) fn finish(deadline: Instant) {
    let Some(mut pipe) = PIPE.get() else { return };
    if pipe.write_all(END).is_ok() {
        while !ENDED.load(Ordering::Acquire) && Instant::now() < deadline {
            thread::sleep(Duration::from_micros(100));
        }
    }
}

fn read(mut pipe: BufReader<PipeReader>) {
    let mut line = Vec::new();
    // Ends with the process, at the latest.
    while let Ok(1..) = pipe
        .by_ref()
        .take(LINE_MAX as u64)
        .read_until(b'\n', &mut line)
    {
        let is_end = line.ends_with(END);
        if is_end {
            line.truncate(line.len() - END.len());
        }
        if !line.ends_with(b"\n") && !line.is_empty() {
            // Too long, or never ended.
            line.push(b'\n');
        }
        if !line.is_empty() {
            QUEUE.push(&line);
        }
        line.clear();
        if is_end {
            ENDED.store(true, Ordering::Release);
        }
    }
}
