//! Real work: thumbnails of 200 × 150 pixels, of small pictures and of large ones. How many a second, and
//! how long do the small ones take while large ones are drawn?
//!
//! Everyone gets the same JPEGs, averages all pixels that become one, and writes JPEG of quality 80. Two
//! workers each.

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use onelane_lab::client::{fetch, post, repeat};
use onelane_lab::figures::Times;
use onelane_lab::nginx::Setup;
use onelane_lab::release::run_example;
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contenders::{Contender, Running, Terms, Work};

/// What they are called here.
pub(crate) const LANES: &str = "lanes, nginx shipped: image";
pub(crate) const WHOLE: &str = "gunicorn sync: Pillow, all pixels decoded";

/// As many as keep both workers busy.
const CLIENTS: u32 = 4;

/// Width and height of the large ones.
const LARGE: (&str, &str) = ("4000", "3000");
const LARGE_TO_TRY: (&str, &str) = ("800", "600");
const SMALL: (&str, &str) = ("640", "480");

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// With what it draws.
    pub(crate) contender: String,
    pub(crate) run: u32,
    pub(crate) small: Rate,
    pub(crate) large: Rate,
    /// One small one after the other, and nothing else.
    pub(crate) alone: Times,
    /// The same while one large one after the other is drawn, or two at a time.
    pub(crate) beside_one: Times,
    pub(crate) beside_two: Times,
    /// Not answered with 200.
    pub(crate) failed: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    /// Of all processes, for each of them.
    pub(crate) cpu_ms: f64,
}

/// The requests that everyone gets.
struct Pictures {
    small: Vec<u8>,
    large: Vec<u8>,
}

/// Who, what to call it, and what else it is asked.
type Candidate = (Contender, &'static str, &'static str);

const CANDIDATES: [Candidate; 4] = [
    (Contender::Lanes(Setup::Shipped), LANES, ""),
    (Contender::Gunicorn, "gunicorn sync: Pillow", ""),
    (Contender::Gunicorn, WHOLE, "&whole=1"),
    (Contender::PhpFpm, "nginx + PHP-FPM: gd", ""),
];

/// Nothing where the pictures cannot be drawn that everyone is to get.
pub(crate) fn run(bench: &Bench) -> Vec<Row> {
    let runs = bench.pick(1, 1, 3);
    let size = bench.pick(LARGE_TO_TRY, LARGE, LARGE);
    let (small, large) = match (draw(SMALL), draw(size)) {
        (Ok(small), Ok(large)) => (small, large),
        (Err(why), _) | (_, Err(why)) => {
            bench.exclude(&Work::Thumbnails.of(CANDIDATES[0].0), why);
            return Vec::new();
        }
    };
    let mut rows = Vec::new();
    for run in 1..=runs {
        for candidate in CANDIDATES {
            let pictures = Pictures::of(&small, &large, candidate.2);
            if let Some(row) = measure(bench, candidate, &pictures, run) {
                bench.say(&format!(
                    "thumbnails {run}/{runs}, {}: {:.0} small ones/s, {:.1} large ones/s; a small one {:.1} ms, \
                     beside large ones {:.1} and {:.1}",
                    row.contender, row.small.per_second, row.large.per_second, row.alone.p50,
                    row.beside_one.p50, row.beside_two.p50
                ));
                rows.push(row);
            }
        }
    }
    rows
}

/// A JPEG, drawn by an example of the service.
fn draw((width, height): (&str, &str)) -> Result<Vec<u8>, String> {
    let dir = tempfile::tempdir().map_err(|err| format!("no temporary directory: {err}"))?;
    let path = dir.path().join("picture.jpg");
    run_example(
        "thumbnail",
        "picture",
        &[width, height, &path.to_string_lossy()],
    )?;
    fs::read(&path).map_err(|err| format!("{}: {err}", path.display()))
}

impl Pictures {
    fn of(small: &[u8], large: &[u8], more: &str) -> Self {
        let path = format!("/thumbnail?width=200{more}");
        let request = |picture| post(&path, "image/jpeg", picture);
        Self {
            small: request(small),
            large: request(large),
        }
    }

    /// Whether they become what they should: else it would look fast.
    fn honest(&self, address: SocketAddr) -> Result<(), String> {
        for request in [&self.small, &self.large] {
            let answer = fetch(address, request, Duration::from_mins(1));
            let Ok((200, picture)) = &answer else {
                let status = answer.map(|(status, _)| status);
                return Err(format!("a picture is answered with {status:?}"));
            };
            let size = imagesize::blob_size(picture).map_err(|err| err.to_string())?;
            if (size.width, size.height) != (200, 150) {
                return Err(format!("it draws {} × {}", size.width, size.height));
            }
        }
        Ok(())
    }
}

fn measure(bench: &Bench, who: Candidate, pictures: &Pictures, run: u32) -> Option<Row> {
    let (contender, name, _) = who;
    let mut terms = Terms::slots(2);
    terms.work = Work::Thumbnails;
    let running = bench.start(contender, terms)?;
    if let Err(why) = pictures.honest(running.address) {
        bench.exclude(&terms.work.of(contender), why);
        return None;
    }
    let time = bench.seconds(0.3, 3.0, 6.0);
    let small = Rate::over(&running, &pictures.small, time);
    let large = Rate::over(&running, &pictures.large, time);
    let beside = |count| {
        thread::scope(|scope| {
            let ask = |request, count| repeat(running.address, request, count, time);
            let large = scope.spawn(move || ask(&pictures.large, count));
            let small = ask(&pictures.small, 1);
            let large = large.join().expect("a client does not panic");
            (
                Times::of(small.latencies.into_iter()),
                small.failed + large.failed,
            )
        })
    };
    let [alone, beside_one, beside_two] = [0, 1, 2].map(beside);
    Some(Row {
        contender: name.to_owned(),
        run,
        failed: small.1 + large.1 + alone.1 + beside_one.1 + beside_two.1,
        small: small.0,
        large: large.0,
        alone: alone.0,
        beside_one: beside_one.0,
        beside_two: beside_two.0,
    })
}

impl Rate {
    /// And how many requests failed.
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
    fn over(running: &Running, request: &[u8], time: Duration) -> (Self, usize) {
        let before = running.usage().cpu;
        let served = repeat(running.address, request, CLIENTS, time);
        let cpu = running.usage().cpu.saturating_sub(before);
        let rate = Self {
            per_second: served.per_second(),
            cpu_ms: cpu.as_secs_f64() * 1e3 / served.latencies.len() as f64,
        };
        (rate, served.failed)
    }
}
