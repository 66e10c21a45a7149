//! A request by HTTP over a Unix socket. It is one of HTTP/1.0, so that a server answers it without chunks and closes the
//! connection: no more than that is needed for one request at a time.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::trace::TraceContext;

/// The longest head of an answer, in bytes.
const HEAD_MAX: usize = 16 * 1024;

/// The most fields in it.
const FIELDS_MAX: usize = 64;

/// What is sent.
#[derive(Debug)]
pub(super) struct CoprocessRequest<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) content_type: &'a str,
    pub(super) body: &'a [u8],
    /// None when it is asked for no request.
    pub(super) trace: Option<TraceContext>,
}

/// What a program that serves HTTP has answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The type of its body, if it has told one.
    pub content_type: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

impl<'a> CoprocessRequest<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            content_type: "",
            body: &[],
            trace: None,
        }
    }
}

/// Sends a request and reads the answer, whose body has `most` bytes at most. No silence is longer than `patience`.
pub(super) fn exchange(
    socket: &Path,
    request: &CoprocessRequest<'_>,
    most: usize,
    patience: Option<Duration>,
) -> io::Result<Answer> {
    let CoprocessRequest {
        method,
        path,
        content_type,
        body,
        trace,
    } = request;
    let length = body.len();
    let mut stream = UnixStream::connect(socket)?;
    // Not 0, which would be an error.
    let patience = patience.map(|patience| patience.max(Duration::from_millis(1)));
    stream.set_read_timeout(patience)?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {length}\r\n"
    )?;
    if !content_type.is_empty() {
        write!(stream, "Content-Type: {content_type}\r\n")?;
    }
    if let Some(trace) = trace {
        write!(stream, "traceparent: {}\r\n", trace.traceparent())?;
        if !trace.tracestate().is_empty() {
            write!(stream, "tracestate: {}\r\n", trace.tracestate())?;
        }
    }
    stream.write_all(b"\r\n")?;
    // It may answer without having read all of it.
    stream.write_all(body).ok();
    let mut bytes = Vec::new();
    let limit = (HEAD_MAX + most + 1) as u64;
    stream.take(limit).read_to_end(&mut bytes)?;
    parse(&bytes, most)
}

fn parse(bytes: &[u8], most: usize) -> io::Result<Answer> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let parsed = head.parse(&bytes[..bytes.len().min(HEAD_MAX)]);
    let httparse::Status::Complete(length) = parsed.map_err(io::Error::other)? else {
        return Err(io::Error::other("the head of its answer is not complete"));
    };
    let field = |name: &str| {
        let mut fields = head.headers.iter();
        let field = fields.find(|field| field.name.eq_ignore_ascii_case(name));
        field.and_then(|field| str::from_utf8(field.value).ok())
    };
    let body = &bytes[length..];
    if body.len() > most {
        return Err(io::Error::other(format!(
            "its answer is longer than {most} bytes"
        )));
    }
    let told = field("content-length").map(str::parse::<usize>);
    if field("transfer-encoding").is_some() || told.is_some_and(|told| told != Ok(body.len())) {
        return Err(io::Error::other("its answer is not complete"));
    }
    Ok(Answer {
        status: head.code.unwrap_or_default(),
        content_type: field("content-type").map(str::to_owned),
        body: body.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const MOST: usize = 10;

    #[rstest]
    #[case("HTTP/1.0 200 OK\r\n\r\nhello")]
    #[case("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]
    fn an_answer_ends_where_it_says_or_with_its_connection(#[case] text: &str) {
        let answer = parse(text.as_bytes(), MOST).unwrap();
        assert_eq!((answer.status, &*answer.body), (200, &b"hello"[..]));
    }

    #[rstest]
    #[case("")]
    #[case("HTTP/1.1 200 OK\r\n")]
    #[case("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello")]
    #[case("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhello")]
    #[case("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello")]
    #[case("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    #[case("HTTP/1.1 200 OK\r\n\r\nhello world")]
    #[case("SSH-2.0-OpenSSH\r\n\r\n")]
    fn what_is_no_whole_answer_is_an_error(#[case] text: &str) {
        parse(text.as_bytes(), MOST).unwrap_err();
    }

    proptest! {
        #[test]
        fn whatever_a_program_sends_is_an_answer_or_an_error(
            head in "(HTTP/1\\.[01] [0-9]{0,4} [ -~]{0,9}\r\n)?([A-Za-z-]{1,20}:[ -~]{0,20}\r?\n){0,70}(\r\n)?",
            body in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let bytes = [head.as_bytes(), &body].concat();
            if let Ok(answer) = parse(&bytes, MOST) {
                prop_assert!(answer.body.len() <= MOST);
            }
        }
    }
}
