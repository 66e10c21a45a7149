//! An answer as it comes, byte by byte.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A whole answer.
#[derive(Debug)]
pub struct RawAnswer {
    /// Of HTTP, never one that only says to go on.
    pub status: u16,
    version: String,
    headers: Vec<(String, String)>,
    /// Without the framing of chunks.
    pub body: Vec<u8>,
}

impl RawAnswer {
    /// The next answer, of which `rest` may have come already. None at the end.
    pub async fn read(
        from: &mut (impl AsyncRead + Unpin),
        rest: &mut Vec<u8>,
        is_head: bool,
    ) -> io::Result<Option<Self>> {
        let mut answer = loop {
            let Some(head) = read_until(from, rest, b"\r\n\r\n").await? else {
                return Ok(None);
            };
            let answer = Self::of(&head)?;
            // 100: go on.
            if answer.status >= 200 {
                break answer;
            }
        };
        let has_none = is_head || [204, 304].contains(&answer.status);
        answer.body = if has_none {
            Vec::new()
        } else if answer.is_chunked()? {
            read_chunks(from, rest).await?
        } else {
            let length = answer.header("content-length").parse();
            read_exactly(from, rest, length.map_err(io::Error::other)?).await?
        };
        Ok(Some(answer))
    }

    fn of(head: &[u8]) -> io::Result<Self> {
        let no_answer = || io::Error::other(format!("no answer: {}", head.escape_ascii()));
        let text = str::from_utf8(head).map_err(|_| no_answer())?;
        let (line, headers) = text.split_once("\r\n").ok_or_else(no_answer)?;
        let mut words = line.splitn(3, ' ');
        let version = words
            .next()
            .filter(|version| version.starts_with("HTTP/1."));
        let status = words.next().filter(|status| status.len() == 3);
        let status = status.and_then(|status| status.parse().ok());
        let headers = headers
            .split("\r\n")
            .filter(|line| !line.is_empty())
            .map(|line| {
                let (name, value) = line.split_once(": ").ok_or_else(no_answer)?;
                Ok((name.to_ascii_lowercase(), value.to_owned()))
            });
        Ok(Self {
            version: version.ok_or_else(no_answer)?.to_owned(),
            status: status.ok_or_else(no_answer)?,
            headers: headers.collect::<io::Result<_>>()?,
            body: Vec::new(),
        })
    }

    /// Whether its body comes in chunks. An error if that is not the only way to tell its length.
    fn is_chunked(&self) -> io::Result<bool> {
        let names = ["content-length", "transfer-encoding"];
        let mut framing = self.headers.iter().filter(|it| names.contains(&&*it.0));
        match (framing.next(), framing.next()) {
            (Some((name, _)), None) if name == names[0] => Ok(false),
            (Some((_, coding)), None) if coding == "chunked" => Ok(true),
            _ => Err(io::Error::other(format!("no length, or two: {self:?}"))),
        }
    }

    /// The value of a header; nothing if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        let header = headers.find(|(header, _)| header == name);
        header.map_or("", |(_, value)| value)
    }

    /// It tells its id, and is a problem in the usual form if it is one.
    pub fn check(&self) {
        let id = self.header("x-request-id");
        assert!(!id.is_empty(), "{self:?}");
        if self.status < 400 || self.body.is_empty() {
            return;
        }
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        let problem: Value = serde_json::from_slice(&self.body).expect("it is JSON");
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert_eq!(problem["request_id"], id, "{self:?}");
        for member in ["title", "detail", "reason"] {
            assert!(problem[member].is_string(), "{self:?}");
        }
    }

    /// What a line of a log about it has in common with it.
    pub fn key(&self) -> String {
        format!("{} {}", self.header("x-request-id"), self.status)
    }

    /// Whether it is the last one of its connection.
    pub fn closes(&self) -> bool {
        let connection = self.header("connection").to_ascii_lowercase();
        match self.version.as_str() {
            "HTTP/1.0" => connection != "keep-alive",
            _ => connection == "close",
        }
    }
}

/// All up to `end`, and with it. None if there is nothing.
async fn read_until(
    from: &mut (impl AsyncRead + Unpin),
    rest: &mut Vec<u8>,
    end: &[u8],
) -> io::Result<Option<Vec<u8>>> {
    loop {
        let at = rest.windows(end.len()).position(|bytes| bytes == end);
        if let Some(at) = at {
            return Ok(Some(rest.drain(..at + end.len()).collect()));
        }
        match from.read_buf(rest).await {
            Ok(1..) => {}
            // A reset, or an end.
            _ if rest.is_empty() => return Ok(None),
            _ => {
                return Err(io::Error::other(format!(
                    "half an answer: {}",
                    rest.escape_ascii()
                )));
            }
        }
    }
}

async fn read_exactly(
    from: &mut (impl AsyncRead + Unpin),
    rest: &mut Vec<u8>,
    length: usize,
) -> io::Result<Vec<u8>> {
    while rest.len() < length {
        if from.read_buf(rest).await? == 0 {
            return Err(io::Error::other("half a body"));
        }
    }
    Ok(rest.drain(..length).collect())
}

async fn read_chunks(
    from: &mut (impl AsyncRead + Unpin),
    rest: &mut Vec<u8>,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_until(from, rest, b"\r\n").await?.unwrap_or_default();
        let size = str::from_utf8(&line).unwrap_or_default();
        let size = size.trim_end_matches("\r\n");
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        body.extend(read_exactly(from, rest, size).await?);
        if read_exactly(from, rest, 2).await? != b"\r\n" {
            return Err(io::Error::other("no line end behind a chunk"));
        }
        if size == 0 {
            return Ok(body);
        }
    }
}
