//! `fork`: parent and child exchange messages both ways, each whenever it has something to say.
//!
//! The child is this program again, in another role. The channel is a pipe for each direction, with a
//! frame of JSON for each message: its length in four bytes, then the text. The engine's own processes
//! speak like this.
//!
//!     cargo run -p onelane --example fork

use std::env;
use std::io::{self, stdin, stdout};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe;
use tokio::process::{ChildStdin, Command};
use tokio::time::interval;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

/// To the child.
#[derive(Debug, Serialize, Deserialize)]
enum Order {
    CountFrom(u64),
}

/// From the child, once a second.
#[derive(Debug, Serialize, Deserialize)]
struct Counted(u64);

const SECOND: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().collect();
    match &arguments[..] {
        [_, role] if role == "count" => count().await,
        _ => direct().await,
    }
}

/// The role of the parent: starts the child, listens to it, and changes its mind.
async fn direct() -> io::Result<()> {
    println!("fork: a child that counts once a second, and a parent that tells it from where");
    let mut child = Command::new(env::current_exe()?)
        .arg("count")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let pid = child.id().expect("it was not waited for yet");
    println!("parent: the child is process {pid}");
    let to_child = child.stdin.take().expect("it was spawned with a pipe");
    let mut to_child = FramedWrite::new(to_child, LengthDelimitedCodec::new());
    let from_child = child.stdout.take().expect("it was spawned with a pipe");
    let mut from_child = FramedRead::new(from_child, LengthDelimitedCodec::new());

    tell(&mut to_child, &Order::CountFrom(1)).await?;
    while let Some(Counted(number)) = receive(&mut from_child).await? {
        println!("parent: it says {number}");
        match number {
            3 => tell(&mut to_child, &Order::CountFrom(41)).await?,
            42 => break,
            _ => {}
        }
    }
    // The end of the channel is the end of its work.
    drop(to_child);
    println!("parent: the child ended: {}", child.wait().await?);
    Ok(())
}

async fn tell(child: &mut Sender<ChildStdin>, order: &Order) -> io::Result<()> {
    println!("parent: sends {order:?}");
    send(child, order).await
}

/// The role of the child: counts, and listens meanwhile.
async fn count() -> io::Result<()> {
    let orders = pipe::Receiver::from_owned_fd(duplicate(stdin())?)?;
    let mut orders = FramedRead::new(orders, LengthDelimitedCodec::new());
    let counts = pipe::Sender::from_owned_fd(duplicate(stdout())?)?;
    let mut counts = FramedWrite::new(counts, LengthDelimitedCodec::new());
    let mut next = None;
    let mut seconds = interval(SECOND);
    loop {
        tokio::select! {
            order = receive(&mut orders) => match order? {
                Some(Order::CountFrom(number)) => next = Some(number),
                None => return Ok(()),
            },
            _ = seconds.tick() => if let Some(number) = next {
                send(&mut counts, &Counted(number)).await?;
                next = Some(number + 1);
            }
        }
    }
}

type Sender<W> = FramedWrite<W, LengthDelimitedCodec>;
type Receiver<R> = FramedRead<R, LengthDelimitedCodec>;

async fn send<W: AsyncWrite + Unpin>(
    to: &mut Sender<W>,
    message: &impl Serialize,
) -> io::Result<()> {
    to.send(serde_json::to_vec(message)?.as_slice()).await
}

/// The next message; none when the other side has closed its end.
async fn receive<R: AsyncRead + Unpin, T: DeserializeOwned>(
    from: &mut Receiver<R>,
) -> io::Result<Option<T>> {
    let Some(frame) = from.next().await else {
        return Ok(None);
    };
    Ok(Some(serde_json::from_slice(&frame?)?))
}

/// Pipes, unlike a terminal or a file, need no thread to be waited for.
fn duplicate(end: impl AsFd) -> io::Result<OwnedFd> {
    end.as_fd().try_clone_to_owned()
}
