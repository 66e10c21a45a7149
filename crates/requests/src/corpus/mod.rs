//! The raw requests of this folder, sent as they are. `README.md` tells how they are written.

mod answer;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use answer::RawAnswer;
use text::bytes;

/// Longer than anything here takes on the slowest machine: a server that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

const FILES: [&str; 7] = [
    include_str!("lines.txt"),
    include_str!("targets.txt"),
    include_str!("headers.txt"),
    include_str!("bodies.txt"),
    include_str!("smuggling.txt"),
    include_str!("forged.txt"),
    include_str!("slow.txt"),
];

/// What is sent on one connection.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is called in its file.
    pub name: String,
    /// What a lane answers.
    pub lane: Outcome,
    /// What nginx answers, with lanes behind it.
    pub nginx: Outcome,
    text: String,
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Of all answers, in their order.
    pub statuses: Vec<u16>,
    /// Whether the connection then ends by itself.
    pub ends: bool,
}

impl Outcome {
    fn of(words: &str) -> Self {
        let statuses = words.split_whitespace().filter(|word| *word != "-");
        let statuses = statuses.map(|word| word.parse().expect("a status"));
        Self {
            statuses: statuses.collect(),
            ends: words.trim_end().ends_with('-'),
        }
    }

    /// Whether the other end waits for more to come.
    pub fn takes_long(&self) -> bool {
        self.ends || self.statuses.contains(&408)
    }
}

/// All of them.
pub fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in FILES.iter().flat_map(|file| file.lines()) {
        if let Some(bytes) = line.strip_prefix('>') {
            let entry = entries.last_mut().expect("an entry begins with its name");
            let bytes = bytes.strip_prefix(' ').unwrap_or(bytes);
            match bytes.strip_suffix('\\') {
                Some(bytes) => entry.text.push_str(bytes),
                None => entry.text.extend([bytes, "\\r\\n"]),
            }
        } else if let Some((name, outcomes)) = line
            .strip_prefix('[')
            .and_then(|line| line.split_once("] "))
        {
            let (lane, nginx) = outcomes.split_once('|').unwrap_or((outcomes, outcomes));
            entries.push(Entry {
                name: name.to_owned(),
                lane: Outcome::of(lane),
                nginx: Outcome::of(nginx),
                text: String::new(),
            });
        }
    }
    entries
}

/// The [`RawAnswer::key`] of a line of a log.
pub fn logged(line: &Value) -> String {
    let id = line["request_id"].as_str().unwrap_or_default();
    format!("{id} {}", line["status"])
}

/// How often each is there.
pub fn count(keys: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

impl Entry {
    /// What is sent.
    pub fn bytes(&self, id: &str) -> Vec<u8> {
        bytes(&self.text, id)
    }

    /// Sends it to `address`, in pieces of so many bytes or a hundred of them, and returns every answer. With an error if these
    /// are others than were `expected`, or more, or if the connection does not end.
    pub async fn send(
        &self,
        address: &str,
        id: &str,
        piece: usize,
        expected: &Outcome,
    ) -> Result<Vec<RawAnswer>, String> {
        let mut seen = Vec::new();
        let talk = self.talk(address, id, piece, expected, &mut seen);
        let outcome = match timeout(PATIENCE, talk).await {
            Ok(outcome) => outcome.map_err(|err| err.to_string()),
            Err(_elapsed) => Err("hangs".to_owned()),
        };
        let statuses: Vec<u16> = seen.iter().map(|answer| answer.status).collect();
        match outcome {
            Ok(after) if statuses == expected.statuses => {
                seen.extend(after);
                Ok(seen)
            }
            outcome => Err(format!("{}: {statuses:?} {outcome:?}", self.name)),
        }
    }

    /// Returns the answer to one more request, if there is one.
    async fn talk(
        &self,
        address: &str,
        id: &str,
        piece: usize,
        expected: &Outcome,
        seen: &mut Vec<RawAnswer>,
    ) -> std::io::Result<Option<RawAnswer>> {
        let sent = self.bytes(id);
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut from, mut to) = stream.split();
        // The other end may close before it has all of it.
        let write = async {
            for piece in sent.chunks(piece.max(sent.len() / 100)) {
                if to.write_all(piece).await.is_err() {
                    break;
                }
                // So that it comes in pieces, too.
                tokio::task::yield_now().await;
            }
            // Not dropped, which would close this side, too: that is how a client leaves.
            to
        };
        let is_head = sent.starts_with(b"HEAD ");
        let read = async {
            let mut rest = Vec::new();
            while seen.len() < expected.statuses.len() {
                match RawAnswer::read(&mut from, &mut rest, is_head).await? {
                    Some(answer) => seen.push(answer),
                    None => break,
                }
            }
            std::io::Result::Ok(rest)
        };
        let (mut to, rest) = tokio::join!(write, read);
        let mut rest = rest?;
        let is_open = !expected.ends
            && seen.len() == expected.statuses.len()
            && seen.last().is_some_and(|last| !last.closes());
        if is_open {
            let last = "GET /fast HTTP/1.1\r\nHost: lane\r\nConnection: close\r\nX-Request-Id: ";
            to.write_all(format!("{last}{id}-after\r\n\r\n").as_bytes())
                .await?;
            let answer = RawAnswer::read(&mut from, &mut rest, false).await?;
            let is_own = |it: &RawAnswer| {
                it.status == 200 && it.header("x-request-id") == format!("{id}-after")
            };
            let answer = match answer {
                Some(answer) if is_own(&answer) => answer,
                Some(_) => return Err(std::io::Error::other("another answer too many")),
                None => return Err(std::io::Error::other("no answer to one more request")),
            };
            return Ok(Some(answer));
        }
        // A reset is an end, too.
        let mut more = [0; 1];
        match from.read(&mut more).await {
            Ok(1..) => Err(std::io::Error::other("an answer too many")),
            _ if rest.is_empty() => Ok(None),
            _ => Err(std::io::Error::other("bytes behind the last answer")),
        }
    }
}
