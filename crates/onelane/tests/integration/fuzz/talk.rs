//! What is said on one connection: every request has its answer and no other, whatever stands in the bytes.

use std::time::Duration;

use onelane_requests::corpus::RawAnswer;
use onelane_requests::random::{Sent, named};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::expected::check;
use super::reader::{Other, Reading, read};

/// A server that takes longer hangs: nothing here takes a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of what was sent.
pub struct Talk {
    pub readings: Vec<Reading>,
    /// Those to the requests, and one more if the connection was left open.
    pub answers: Vec<RawAnswer>,
}

/// Sends all of it. `keeps` says whether the server answers several requests of a connection.
pub async fn talk(address: &str, sent: &Sent, keeps: bool) -> Result<Talk, String> {
    let readings = read(&sent.bytes);
    let mut stream = TcpStream::connect(address)
        .await
        .map_err(|err| err.to_string())?;
    stream.set_nodelay(true).map_err(|err| err.to_string())?;
    let (from, mut to) = stream.split();
    let mut listening = Listening {
        from,
        rest: Vec::new(),
        answers: Vec::new(),
    };
    let stays = {
        let write = write(sent, &mut to);
        let listen = listening.all(&readings, keeps);
        tokio::pin!(listen, write);
        tokio::select! {
            stays = &mut listen => {
                in_time(write).await?;
                stays?
            }
            () = &mut write => listen.await?,
        }
    };
    match readings.last() {
        _ if !stays => {
            if sent.leaves {
                to.shutdown().await.ok();
            }
        }
        Some(Reading::Other(_, is_head)) => {
            // The client sends no more: the server need not wait for the rest.
            to.shutdown().await.ok();
            listening.last_words(*is_head).await?;
        }
        _ => listening.one_more(&mut to).await?,
    }
    listening.end().await?;
    Ok(Talk {
        readings,
        answers: listening.answers,
    })
}

async fn in_time<T>(what: impl Future<Output = T>) -> Result<T, String> {
    let done = timeout(PATIENCE, what).await;
    done.map_err(|_elapsed| "it hangs".to_owned())
}

async fn write(sent: &Sent, to: &mut (impl AsyncWrite + Unpin)) {
    for piece in sent.pieces() {
        // The other end may have said its last word, and read no more.
        if to.write_all(piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
}

struct Listening<R> {
    from: R,
    rest: Vec<u8>,
    answers: Vec<RawAnswer>,
}

impl<R: AsyncRead + Unpin> Listening<R> {
    /// Hears the answers to all that is whole. Returns whether the connection is to stay.
    async fn all(&mut self, readings: &[Reading], keeps: bool) -> Result<bool, String> {
        for reading in readings {
            match reading {
                Reading::Whole(request) => {
                    let answer = self.next(request.method == "HEAD").await?;
                    let answer = answer.ok_or("no answer")?;
                    check(&answer, request, keeps)?;
                    let closes = answer.closes();
                    self.answers.push(answer);
                    if closes {
                        return Ok(false);
                    }
                }
                Reading::Other(Other::Bad(why), is_head) => {
                    self.last_words(*is_head).await?;
                    let refusal = self
                        .answers
                        .last()
                        .filter(|it| it.status >= 400 && it.closes());
                    refusal.ok_or_else(|| format!("no refusal: {why}"))?;
                    return Ok(false);
                }
                Reading::Other(Other::Broken, is_head) => {
                    self.last_words(*is_head).await?;
                    return Ok(false);
                }
                Reading::Other(Other::Partial, _) => {}
            }
        }
        Ok(true)
    }

    async fn next(&mut self, is_head: bool) -> Result<Option<RawAnswer>, String> {
        let answer = RawAnswer::read(&mut self.from, &mut self.rest, is_head);
        in_time(answer).await?.map_err(|err| err.to_string())
    }

    /// An answer to what is no whole request, if there is one. It is the last.
    async fn last_words(&mut self, is_head: bool) -> Result<(), String> {
        if let Some(answer) = self.next(is_head).await? {
            answer.check();
            self.answers.push(answer);
        }
        Ok(())
    }

    /// The connection is as good as a new one: it answers one more request.
    async fn one_more(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> Result<(), String> {
        let id = named(fastrand::u32(..));
        let last = format!(
            "GET /fast HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: {id}\r\n\r\n"
        );
        to.write_all(last.as_bytes())
            .await
            .map_err(|err| err.to_string())?;
        let answer = self.next(false).await?.ok_or("no answer to one more")?;
        if (answer.status, answer.header("x-request-id")) != (200, &id) {
            return Err(format!("an answer too many: {answer:?}"));
        }
        self.answers.push(answer);
        Ok(())
    }

    /// Nothing follows. A reset is an end, too.
    async fn end(&mut self) -> Result<(), String> {
        let more = in_time(self.from.read_buf(&mut self.rest)).await?;
        match more {
            Ok(1..) => Err(format!("an answer too many: {}", self.rest.escape_ascii())),
            _ if self.rest.is_empty() => Ok(()),
            _ => Err(format!(
                "bytes behind the last answer: {}",
                self.rest.escape_ascii()
            )),
        }
    }
}
