//! `/answer?how=…&bytes=N`: answers in every way that a workload can, and in some that it should not. For
//! what becomes of answers on their way.

use std::io::Write;

use onelane::{Call, Reason, Reply, Route, Stop, Workload};
use serde::Deserialize;

/// An answer of the kind that is asked for.
pub struct Answer;

#[derive(Deserialize)]
pub struct Input {
    how: How,
    /// The length of its body.
    #[serde(default)]
    bytes: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    /// Bytes that are there.
    Whole,
    /// The same bytes, while they are computed.
    Streamed,
    /// No object.
    List,
    Created,
    Empty,
    /// With a name for this very answer.
    Tagged,
    /// In the words of the lanes.
    Forbidden,
    /// With a status that does not exist.
    Impossible,
    /// With a header that steers nginx.
    Redirecting,
    /// A body where there cannot be one.
    EmptyWithBody,
    /// Streams so many bytes and fails.
    Breaks,
    /// Streams so many bytes and panics.
    Panics,
    /// Streams so many bytes and ends its process.
    Exits,
    /// Streams so many bytes and never ends.
    Endless,
    /// A stream, and then something else.
    Confused,
}

const LATE: Reason = Reason::new(409, "too_late", "It is too late for that");

impl Workload for Answer {
    const NAME: &'static str = "answer";
    const ROUTES: &'static [Route] = &[
        Route::new("/answer"),
        Route::new("/kept/{how}").fresh_for(std::time::Duration::from_mins(1)),
    ];
    const REASONS: &'static [Reason] = &[LATE];
    type Input = Input;
    type Output = Reply;

    fn run(&self, Input { how, bytes }: Input, call: &Call) -> Result<Reply, Stop> {
        let whole = || Reply::bytes("image/x-test", pattern(bytes));
        Ok(match how {
            How::Whole => whole(),
            How::List => Reply::json(&[1, 2])?,
            How::Created => Reply::json(&"made")?
                .status(201)
                .header("Location", "/things/7")
                .header("Set-Cookie", "a=1")
                .header("Set-Cookie", "b=2"),
            How::Empty => Reply::empty(),
            How::Tagged => whole()
                .header("ETag", "\"v1\"")
                .header("Cache-Control", "max-age=60"),
            How::Forbidden => whole().status(403),
            How::Impossible => whole().status(1000),
            How::Redirecting => whole().header("X-Accel-Redirect", "/"),
            How::EmptyWithBody => whole().status(204),
            How::Streamed => stream(bytes, call)?.finish()?,
            How::Breaks => {
                stream(bytes, call)?.flush()?;
                return Err(LATE.into());
            }
            How::Panics => {
                stream(bytes, call)?.flush()?;
                panic!("in the middle");
            }
            How::Exits => {
                stream(bytes, call)?.flush()?;
                std::process::exit(5);
            }
            How::Endless => {
                stream(bytes, call)?.flush()?;
                loop {
                    call.sleep(std::time::Duration::from_secs(1))?;
                }
            }
            How::Confused => {
                stream(bytes, call)?.flush()?;
                whole()
            }
        })
    }
}

fn stream(bytes: usize, call: &Call) -> Result<onelane::Stream, Stop> {
    let mut stream = call.stream(Reply::bytes("image/x-test", []).header("X-Streamed", "yes"));
    for part in pattern(bytes).chunks(1000) {
        call.check()?;
        stream.write_all(part)?;
    }
    Ok(stream)
}

/// Bytes of which none is like the one before, so that a missing piece shows.
fn pattern(length: usize) -> Vec<u8> {
    let unit: Vec<u8> = (0..251).collect();
    let mut bytes = unit.repeat(length / unit.len() + 1);
    bytes.truncate(length);
    bytes
}
