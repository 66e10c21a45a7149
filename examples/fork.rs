//! `fork`: parent and child exchange messages both ways, each whenever it has something to say.
//!
//! The child is this program again, in another role, and dies with its parent. The channel is a pipe
//! for each direction, with a frame of JSON for each message: what the service's own processes use
//! ([`onelane::child`], [`onelane::ipc`]).
//!
//!     cargo run --example fork

use std::env;
use std::io::{self, stdin, stdout};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::time::Duration;

use onelane::child::{self, guard};
use onelane::ipc::{self, Inbox};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::process::{ChildStdin, Command};
use tokio::time::interval;

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
        [_, role, parent, _settings] if role == "count" => {
            let parent = parent.parse().map_err(io::Error::other)?;
            count(parent).await
        }
        _ => direct().await,
    }
}

/// The role of the parent: starts the child, listens to it, and changes its mind.
async fn direct() -> io::Result<()> {
    println!("fork: a child that counts once a second, and a parent that tells it from where");
    let mut child = Command::from(child::command("count", ""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let pid = child.id().expect("it was not waited for yet");
    println!("parent: the child is process {pid}");
    let mut to_child = child.stdin.take().expect("it was spawned with a pipe");
    let mut from_child = child.stdout.take().expect("it was spawned with a pipe");

    tell(&mut to_child, &Order::CountFrom(1)).await?;
    let mut inbox = Inbox::default();
    while let Some(Counted(number)) = inbox.receive(&mut from_child).await? {
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

async fn tell(child: &mut ChildStdin, order: &Order) -> io::Result<()> {
    println!("parent: sends {order:?}");
    child.write_all(&ipc::frame(order)?).await
}

/// The role of the child: counts, and listens meanwhile.
async fn count(parent: i32) -> io::Result<()> {
    guard::die_with(parent)?;
    let mut orders = pipe::Receiver::from_owned_fd(duplicate(stdin())?)?;
    let mut counts = pipe::Sender::from_owned_fd(duplicate(stdout())?)?;
    let mut inbox = Inbox::default();
    let mut next = None;
    let mut seconds = interval(SECOND);
    loop {
        tokio::select! {
            order = inbox.receive(&mut orders) => match order? {
                Some(Order::CountFrom(number)) => next = Some(number),
                None => return Ok(()),
            },
            _ = seconds.tick() => if let Some(number) = next {
                counts.write_all(&ipc::frame(&Counted(number))?).await?;
                next = Some(number + 1);
            }
        }
    }
}

/// Pipes, unlike a terminal or a file, need no thread to be waited for.
fn duplicate(end: impl AsFd) -> io::Result<OwnedFd> {
    end.as_fd().try_clone_to_owned()
}
