//! The log: events on stderr, as JSON lines or as text. Those of a computation bear the id of its request.
//!
//! Nothing that serves waits for its reader: a thread writes (`queue.rs`), and reads what children print
//! (`collect.rs`). Only a process that computes for a server writes by itself, to a pipe that the server reads.

mod collect;
mod fields;
mod flat;
mod line;
mod queue;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::{LogFormat, LogLevel};
use crate::service::Service;
use fields::SpanFields;
use flat::Flat;
use line::fitting;
use queue::QUEUE;

pub use collect::stdio;

/// How long a process that ends waits until its last lines are written. Where the log flows, that takes less
/// than a millisecond.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long a panic waits for the same.
const PANIC: Duration = Duration::from_millis(50);

/// How a process writes its log.
#[derive(Debug, Clone, Copy)]
pub enum Pen {
    /// Never waits, and takes in what others print: those who compute for this process, and a workload in it.
    ForAll,
    /// Never waits.
    Thread,
    /// Waits for the server, which reads at once. It has to do with a process that may have no thread.
    Itself,
}

/// Sends every event of this process, panics included, to stderr. Call it once. The error says that there is
/// no thread to write, or no pipe.
pub fn init(service: &Service, format: LogFormat, level: LogLevel, pen: Pen) -> io::Result<()> {
    match pen {
        Pen::ForAll => collect::start()?,
        Pen::Thread => QUEUE.start()?,
        Pen::Itself => {}
    }
    let level = LevelFilter::from(level);
    // Of libraries only warnings and errors: the rest does not help to run a lane.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        // A service's events bear the name of its crate.
        .with_target(service.name.replace('-', "_"), level);
    let lines = match format {
        LogFormat::Json | LogFormat::Auto => fmt::layer()
            .fmt_fields(SpanFields)
            .event_format(Flat::default())
            .with_writer(move || pen)
            .boxed(),
        LogFormat::Text => fmt::layer()
            .with_ansi(false)
            .with_writer(move || pen)
            .boxed(),
    };
    registry().with(lines.with_filter(filter)).init();
    std::panic::set_hook(Box::new(move |panic| {
        let why = panic.payload_as_str().unwrap_or("no message");
        let location = panic.location().map(ToString::to_string);
        tracing::error!(why, location, "panic");
        if !matches!(pen, Pen::Itself) {
            // A panic while panicking ends the process at once.
            QUEUE.finish(Instant::now() + PANIC);
        }
    }));
    Ok(())
}

impl Write for Pen {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self {
            Self::ForAll | Self::Thread => QUEUE.push(line),
            // If the server is gone, this process ends, too.
            Self::Itself => queue::write(&fitting(line)).unwrap_or_default(),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines that this process had to drop so far.
pub fn dropped() -> u64 {
    QUEUE.dropped()
}

/// Says in a line of plain text why this process ends.
pub fn complain(line: &str) {
    match QUEUE.start() {
        Ok(()) => QUEUE.push(line.as_bytes()),
        // Without a thread, the caller has to wait.
        Err(_) => queue::write(line.as_bytes()).unwrap_or_default(),
    }
}

/// Waits, when dropped, until everything so far is written, but not for long.
#[derive(Debug)]
pub struct Finish;

impl Drop for Finish {
    fn drop(&mut self) {
        let deadline = Instant::now() + LAST_WORDS;
        collect::finish(deadline);
        QUEUE.finish(deadline);
    }
}
