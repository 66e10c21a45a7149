//! Large bodies: 5 MB sent in, which is read and answered in a few bytes, and an answer of 5 MB taken out. How many a
//! second, and how much memory does it take?
//!
//! In `blocking` they stay in one process; `pool` and `fork` hand them to another and back. The services are the
//! drills of the engine's tests.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use onelane_lab::client::{Served, fetch, post, repeat};
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contenders::{Contender, Running, Terms, Work};

const BODY_BYTES: usize = 5_000_000;

/// As many as the workers, where there are several.
const CLIENTS: u32 = 2;

/// Between two looks at the memory. Each takes a millisecond or so.
const GAP: Duration = Duration::from_millis(2);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) contender: String,
    pub(crate) run: u32,
    /// Of each body.
    pub(crate) bytes: usize,
    pub(crate) bodies_in: Passage,
    pub(crate) answers_out: Passage,
    /// Not answered with 200.
    pub(crate) failed: usize,
}

/// Of bodies in one direction.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Passage {
    pub(crate) per_second: f64,
    /// The most memory of all processes together, above what they had before the first body; pages shared
    /// between processes counted once (PSS).
    pub(crate) peak_bytes: u64,
}

#[derive(Clone, Copy)]
enum Direction {
    In,
    Out,
}

pub(crate) fn run(bench: &Bench) -> Vec<Row> {
    let runs = bench.pick(1, 1, 3);
    let mut rows = Vec::new();
    for run in 1..=runs {
        for mode in ["blocking", "pool", "fork"] {
            if let Some(row) = measure(bench, Contender::Mode(mode), run) {
                bench.say(&format!(
                    "bodies {run}/{runs}, {}: {:.0} in/s, {:.1} MB more; {:.0} out/s, {:.1} MB more; {} failed",
                    row.contender,
                    row.bodies_in.per_second,
                    row.bodies_in.peak_megabytes(),
                    row.answers_out.per_second,
                    row.answers_out.peak_megabytes(),
                    row.failed
                ));
                rows.push(row);
            }
        }
    }
    rows
}

fn measure(bench: &Bench, contender: Contender, run: u32) -> Option<Row> {
    let pass = |direction| Passage::measure(bench, contender, direction);
    let (bodies_in, failed_in) = pass(Direction::In)?;
    let (answers_out, failed_out) = pass(Direction::Out)?;
    Some(Row {
        contender: contender.to_string(),
        run,
        bytes: BODY_BYTES,
        bodies_in,
        answers_out,
        failed: failed_in + failed_out,
    })
}

impl Passage {
    /// And how many requests failed. Of a server of its own, as memory that was used once may be kept.
    fn measure(bench: &Bench, contender: Contender, direction: Direction) -> Option<(Self, usize)> {
        let mut terms = Terms::slots(2);
        terms.work = Work::Bodies;
        let running = bench.start(contender, terms)?;
        let rest = running.usage().memory_bytes;
        let request = direction.request();
        if let Err(why) = direction.honest(running.address, &request) {
            bench.exclude(&terms.work.of(contender), why);
            return None;
        }
        let time = bench.seconds(0.2, 1.5, 3.0);
        let served = repeat(running.address, &request, CLIENTS, time);
        let (watched, peak) = watch(&running, &request, time / 2);
        let passage = Self {
            per_second: served.per_second(),
            peak_bytes: peak.saturating_sub(rest),
        };
        Some((passage, served.failed + watched.failed))
    }

    #[allow(clippy::cast_precision_loss, reason = "far less than 2^52 bytes")]
    pub(crate) fn peak_megabytes(&self) -> f64 {
        self.peak_bytes as f64 / 1e6
    }
}

impl Direction {
    fn request(self) -> Vec<u8> {
        match self {
            Self::In => post("/take/bytes", "text/plain", &vec![b'a'; BODY_BYTES]),
            Self::Out => {
                let path = format!("/answer?how=whole&bytes={BODY_BYTES}");
                format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").into_bytes()
            }
        }
    }

    /// Whether all of it arrives: else it would look fast.
    fn honest(self, address: SocketAddr, request: &[u8]) -> Result<(), String> {
        let answer = fetch(address, request, Duration::from_secs(10));
        let Ok((200, body)) = &answer else {
            let status = answer.map(|(status, _)| status);
            return Err(format!("a large body is answered with {status:?}"));
        };
        let arrived = match self {
            Self::In => {
                let told = format!("\"bytes\":{BODY_BYTES}");
                String::from_utf8_lossy(body).contains(&told)
            }
            Self::Out => body.len() == BODY_BYTES,
        };
        if arrived {
            return Ok(());
        }
        Err("a large body does not arrive as a whole".to_owned())
    }
}

/// The most memory meanwhile. To look takes CPU time, so the rates are measured without.
fn watch(running: &Running, request: &[u8], time: Duration) -> (Served, u64) {
    thread::scope(|scope| {
        let asking = scope.spawn(|| repeat(running.address, request, CLIENTS, time));
        let mut peak = 0;
        while !asking.is_finished() {
            peak = peak.max(running.usage().memory_bytes);
            thread::sleep(GAP);
        }
        let served = asking.join().expect("a client does not panic");
        (served, peak)
    })
}
