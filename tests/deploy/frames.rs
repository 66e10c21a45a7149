//! A client of HTTP/2 that does what none of the others does: frame by frame, over the TLS of openssl.

use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `SETTINGS_MAX_CONCURRENT_STREAMS`
const MAX_STREAMS: u16 = 3;

/// One connection.
pub(crate) struct Connection {
    openssl: Child,
    /// What the server has said of the number of streams.
    pub(crate) max_streams: Option<u32>,
}

/// What came on a stream.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    Status(u16),
    Reset,
    /// The connection has ended.
    End,
}

impl Connection {
    pub(crate) async fn open(base: &str) -> Self {
        let (_, address) = base.split_once("://").expect("it is a URL");
        let openssl = Command::new("openssl")
            .args(["s_client", "-quiet", "-alpn", "h2", "-connect", address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut connection = Self {
            openssl: openssl.expect("there is an openssl"),
            max_streams: None,
        };
        connection.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        connection.frame(SETTINGS, 0, 0, &[]).await;
        connection
    }

    /// The head of a request; a body follows, unless `end`.
    pub(crate) async fn request(&mut self, stream: u32, method: &str, path: &str, end: bool) {
        let mut block = vec![0x87]; // :scheme https
        for (name, value) in [(2, method), (4, path), (1, "lanes")] {
            block.push(name);
            literal(&mut block, value);
        }
        // As a literal, without a place in any table.
        block.push(0);
        literal(&mut block, "content-type");
        literal(&mut block, "application/json");
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        self.frame(HEADERS, flags, stream, &block).await;
    }

    /// A part of its body.
    pub(crate) async fn data(&mut self, stream: u32, bytes: &[u8]) {
        self.frame(DATA, 0, stream, bytes).await;
    }

    /// The end of its body.
    pub(crate) async fn end(&mut self, stream: u32) {
        self.frame(DATA, END_STREAM, stream, &[]).await;
    }

    /// The client wants this one no more.
    pub(crate) async fn reset(&mut self, stream: u32) {
        let cancel = 8_u32.to_be_bytes();
        self.frame(RESET, 0, stream, &cancel).await;
    }

    /// Reads until something comes of any request: the stream, and what.
    pub(crate) async fn next(&mut self) -> (u32, Event) {
        loop {
            let Some((kind, stream, payload)) = self.read().await else {
                return (0, Event::End);
            };
            match kind {
                HEADERS => return (stream, Event::Status(status(&payload))),
                RESET => return (stream, Event::Reset),
                SETTINGS => self.settings(&payload),
                _ => {}
            }
        }
    }

    fn settings(&mut self, payload: &[u8]) {
        for setting in payload.as_chunks::<6>().0 {
            let [a, b, value @ ..] = *setting;
            if u16::from_be_bytes([a, b]) == MAX_STREAMS {
                self.max_streams = Some(u32::from_be_bytes(value));
            }
        }
    }

    async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("it is short");
        let mut frame = length.to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.write(&frame).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        let stdin = self.openssl.stdin.as_mut().expect("it is piped");
        // The server may have had enough; what it has said tells.
        stdin.write_all(bytes).await.ok();
        stdin.flush().await.ok();
    }

    async fn read(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let stdout = self.openssl.stdout.as_mut().expect("it is piped");
        let mut head = [0; 9];
        stdout.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, _flags, stream @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
        let mut payload = vec![0; length];
        stdout.read_exact(&mut payload).await.ok()?;
        Some((kind, u32::from_be_bytes(stream), payload))
    }
}

fn literal(block: &mut Vec<u8>, text: &str) {
    block.push(u8::try_from(text.len()).expect("it is short"));
    block.extend(text.as_bytes());
}

/// nginx says it first: by its place in the static table, or in three digits.
fn status(block: &[u8]) -> u16 {
    // The size of a table may come before.
    let block = block.strip_prefix(&[0x20]).unwrap_or(block);
    match block {
        [indexed @ 0x88..=0x8e, ..] => {
            [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)]
        }
        [_, 3, digits @ ..] => {
            let digits = str::from_utf8(&digits[..3]).expect("digits");
            digits.parse().expect("a number")
        }
        _ => panic!("no status in {block:?}"),
    }
}
