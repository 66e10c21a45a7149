//! A client in a closed loop, with little cost of its own: each connection sends its next request
//! when it has the answer to the last. This measures what a server can do, not how long those wait
//! who arrive at times of their own; that is what `load/` is for.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What came of it.
#[derive(Debug, Default)]
pub struct Served {
    /// Of answers of 200, from sending to the last byte.
    pub latencies: Vec<Duration>,
    /// Other answers, and none.
    pub failed: usize,
    /// All of it.
    pub took: Duration,
}

impl Served {
    /// Requests served in a second.
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

/// What becomes of a connection that has brought an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Connections {
    /// The next request uses it again, if the server lets it.
    Kept,
    /// Every request opens another.
    Fresh,
}

impl Connections {
    fn request(self, path: &str) -> String {
        let header = match self {
            Self::Kept => "",
            Self::Fresh => "Connection: close\r\n",
        };
        format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{header}\r\n")
    }
}

/// A POST of these bytes.
pub fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// GETs `path` over `count` connections at once for so long, all on one thread.
pub fn run(
    address: SocketAddr,
    path: &str,
    (count, connections): (u32, Connections),
    time: Duration,
) -> Served {
    repeat(address, connections.request(path).as_bytes(), count, time)
}

/// The same with any request.
pub fn repeat(address: SocketAddr, request: &[u8], count: u32, time: Duration) -> Served {
    let request: Arc<[u8]> = request.into();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread needs one descriptor");
    runtime.block_on(async {
        let start = Instant::now();
        let mut loops = JoinSet::new();
        for _ in 0..count {
            loops.spawn(keep_asking(address, request.clone(), start + time));
        }
        let mut served = Served::default();
        for part in loops.join_all().await {
            served.latencies.extend(part.latencies);
            served.failed += part.failed;
        }
        served.took = start.elapsed();
        served
    })
}

/// One request over a connection of its own: its status, or what came instead of an answer.
pub fn get(address: SocketAddr, path: &str, patience: Duration) -> Result<u16, Silence> {
    let request = Connections::Fresh.request(path);
    let (status, _) = fetch(address, request.as_bytes(), patience)?;
    Ok(status)
}

/// Status and body of the answer to one request over a connection of its own.
pub fn fetch(
    address: SocketAddr,
    request: &[u8],
    patience: Duration,
) -> Result<(u16, Vec<u8>), Silence> {
    let mut stream = send(address, request)?;
    stream.set_read_timeout(Some(patience))?;
    let mut received = Vec::new();
    let mut part = [0; 4096];
    loop {
        let length = stream.read(&mut part)?;
        received.extend_from_slice(&part[..length]);
        match Answer::read(&received)? {
            Some(answer) if answer.ends_at(&received, length == 0) => {
                return Ok((answer.status, received.split_off(answer.head)));
            }
            _ if length == 0 => return Err(Silence::Closed),
            _ => {}
        }
    }
}

/// Asks, and leaves without an answer after so long.
pub fn abandon(address: SocketAddr, path: &str, after: Duration) -> io::Result<()> {
    let _stream = send(address, Connections::Kept.request(path).as_bytes())?;
    std::thread::sleep(after);
    Ok(())
}

/// In one write, as any client does: the kernel keeps the rest of a request that comes in pieces back
/// until the first is acknowledged, which some servers put off for 40 ms.
fn send(address: SocketAddr, request: &[u8]) -> io::Result<std::net::TcpStream> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.write_all(request)?;
    Ok(stream)
}

/// No answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Silence {
    /// No program listens.
    Refused,
    /// The connection ended without one.
    Closed,
    /// Nothing came for as long as one was patient.
    Late,
}

impl From<io::Error> for Silence {
    fn from(err: io::Error) -> Self {
        match err.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Late,
            _ => Self::Closed,
        }
    }
}

async fn keep_asking(address: SocketAddr, request: Arc<[u8]>, end: Instant) -> Served {
    let mut served = Served::default();
    let mut kept = None;
    while Instant::now() < end {
        let start = Instant::now();
        if let Ok(200) = ask(address, &mut kept, &request).await {
            served.latencies.push(start.elapsed());
        } else {
            served.failed += 1;
            kept = None;
        }
    }
    served
}

/// One request over the kept connection if there is one. A server may have closed it without a word:
/// then, over a new one.
async fn ask(address: SocketAddr, kept: &mut Option<TcpStream>, request: &[u8]) -> io::Result<u16> {
    let reused = kept.is_some();
    match ask_once(address, kept, request).await {
        Err(_) if reused => ask_once(address, kept, request).await,
        outcome => outcome,
    }
}

/// The status of the answer. The connection is kept if the server lets it.
async fn ask_once(
    address: SocketAddr,
    kept: &mut Option<TcpStream>,
    request: &[u8],
) -> io::Result<u16> {
    let mut stream = if let Some(stream) = kept.take() {
        stream
    } else {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream
    };
    stream.write_all(request).await?;
    let mut received = Vec::with_capacity(1024);
    loop {
        let more = stream.read_buf(&mut received).await?;
        let answer = Answer::read(&received)?;
        match answer {
            Some(answer) if answer.ends_at(&received, more == 0) => {
                if answer.keep_alive && more > 0 {
                    *kept = Some(stream);
                }
                return Ok(answer.status);
            }
            _ if more == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
    }
}

/// The head of an answer.
struct Answer {
    status: u16,
    keep_alive: bool,
    head: usize,
    body: Body,
}

enum Body {
    Length(usize),
    Chunked,
    UntilClosed,
}

impl Answer {
    /// None if the head is not complete yet.
    fn read(received: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let head = match response.parse(received).map_err(io::Error::other)? {
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete(head) => head,
        };
        let mut answer = Self {
            status: response.code.unwrap_or(0),
            keep_alive: response.version == Some(1),
            head,
            body: Body::UntilClosed,
        };
        for header in response.headers.iter() {
            answer.note(header.name, header.value);
        }
        Ok(Some(answer))
    }

    fn note(&mut self, name: &str, value: &[u8]) {
        if name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
            self.body = Body::Length(length.unwrap_or(0));
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.body = Body::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            self.keep_alive = value.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn ends_at(&self, received: &[u8], closed: bool) -> bool {
        let body = &received[self.head..];
        match self.body {
            Body::Length(length) => body.len() >= length,
            Body::Chunked => body.ends_with(b"0\r\n\r\n"),
            Body::UntilClosed => closed,
        }
    }
}
