//! A client that asks again and again on one connection, and never tries a request twice: where others
//! would hide a lost request, this one fails.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Regular {
    stop: watch::Sender<bool>,
    asking: JoinHandle<usize>,
}

impl Regular {
    pub(crate) fn start(base: &str, path: &str) -> Self {
        let host = base.trim_start_matches("http://").to_owned();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let (stop, stopped) = watch::channel(false);
        let asking = tokio::spawn(async move {
            let mut connection = None;
            let mut answers = 0;
            while !*stopped.borrow() {
                connection = ask(connection, &host, &request).await;
                answers += 1;
                tokio::time::sleep(PAUSE).await;
            }
            answers
        });
        Self { stop, asking }
    }

    /// How many answers it got, all of them good.
    pub(crate) async fn stop(self) -> usize {
        self.stop.send_replace(true);
        self.asking.await.expect("a request was lost")
    }
}

/// One request, and the connection unless the answer closes it.
async fn ask(
    open: Option<BufReader<TcpStream>>,
    host: &str,
    request: &str,
) -> Option<BufReader<TcpStream>> {
    let mut connection = match open {
        Some(connection) => connection,
        None => BufReader::new(TcpStream::connect(host).await.expect("a connection")),
    };
    connection
        .write_all(request.as_bytes())
        .await
        .expect("an open connection");
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        let read = connection.read_line(&mut head).await.expect("an answer");
        assert_ne!(read, 0, "the connection was closed instead of an answer");
        let line = head[start..].to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().expect("a length");
        }
    }
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut body = vec![0; length];
    connection
        .read_exact(&mut body)
        .await
        .expect("a whole answer");
    (!head.to_ascii_lowercase().contains("connection: close")).then_some(connection)
}
