//! `spawn`: a child process fed through its standard input while its standard output is read.
//!
//! Both at the same time, because a pipe holds 64 KiB. If the parent wrote everything first, to a child
//! that answers as it goes, each would wait for the other to read.
//!
//!     cargo run -p onelane --example spawn

use std::io::{self, ErrorKind};
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout, Command};

const LINE: &[u8] = b"one request at a time\n";
/// Far more than a pipe holds.
const LINES: usize = 100_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    println!("spawn: {LINES} lines go through wc, a child process");
    let mut child = Command::new("wc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // If we fail, it does not stay behind.
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().expect("it was not waited for yet");
    println!("wc is process {pid}");

    let stdin = child.stdin.take().expect("it was spawned with a pipe");
    let stdout = child.stdout.take().expect("it was spawned with a pipe");
    tokio::try_join!(feed(stdin), print(stdout))?;

    let status = child.wait().await?;
    println!("wc ended: {status}");
    Ok(())
}

/// Writes the text as fast as the child reads. The end of it is that `stdin` is dropped.
async fn feed(mut stdin: ChildStdin) -> io::Result<()> {
    for _ in 0..LINES {
        match stdin.write_all(LINE).await {
            // It has seen enough, like `head`. Its exit status tells whether that is fine.
            Err(err) if err.kind() == ErrorKind::BrokenPipe => break,
            outcome => outcome?,
        }
    }
    println!("everything is written");
    Ok(())
}

/// Prints what the child writes, piece by piece as it comes.
async fn print(mut stdout: ChildStdout) -> io::Result<()> {
    let mut piece = [0; 4096];
    loop {
        match stdout.read(&mut piece).await? {
            0 => return Ok(()),
            count => print!("wc says: {}", String::from_utf8_lossy(&piece[..count])),
        }
    }
}
