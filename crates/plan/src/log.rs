//! What lanes logged: one line for each request, as JSON, with `compute_ms`. Whatever else is in
//! the file is skipped: other events, and what stands before the JSON in the output of
//! `docker compose logs`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use humantime_serde::re::humantime::parse_rfc3339;
use serde::Deserialize;

/// What a log tells about the load.
#[derive(Debug)]
pub(crate) struct Log {
    /// How long requests computed.
    pub(crate) times: Vec<Duration>,
    /// Requests a second in the busiest minute; none in a log that is shorter.
    pub(crate) busiest: Option<f64>,
}

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    compute_ms: Option<f64>,
}

/// With fewer, a quantile is a matter of luck.
const FEWEST: usize = 100;

pub(crate) fn read(path: &Path) -> Result<Log, String> {
    let lines: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|err| format!("{}: {err}", path.display()))?;
        Box::new(BufReader::new(file))
    };
    understand(lines).map_err(|err| format!("{}: {err}", path.display()))
}

fn understand(lines: impl BufRead) -> Result<Log, String> {
    let mut times = Vec::new();
    let mut minutes = BTreeMap::<u64, u32>::new();
    for line in lines.split(b'\n') {
        let line = line.map_err(|err| err.to_string())?;
        let Some((second, time)) = computed(&line) else {
            continue;
        };
        *minutes.entry(second / 60).or_default() += 1;
        times.push(time);
    }
    if times.len() < FEWEST {
        return Err(format!(
            "{} lines of requests with `compute_ms`; it takes {FEWEST} to tell anything",
            times.len()
        ));
    }
    // The first and the last may be cut.
    minutes.pop_first();
    minutes.pop_last();
    let busiest = minutes.into_values().max();
    Ok(Log {
        times,
        busiest: busiest.map(|requests| f64::from(requests) / 60.0),
    })
}

/// When it was logged, in seconds since the epoch, and how long it computed.
fn computed(line: &[u8]) -> Option<(u64, Duration)> {
    let json = line.iter().position(|&byte| byte == b'{')?;
    let line: Line = serde_json::from_slice(&line[json..]).ok()?;
    let time = Duration::try_from_secs_f64(line.compute_ms? / 1000.0).ok()?;
    let logged = parse_rfc3339(&line.timestamp).ok()?;
    let since_epoch = logged.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some((since_epoch.as_secs(), time))
}
