//! Bodies, and what a head says of them.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;

/// A body as it is sent, and the lines of the head that belong to it.
#[derive(Debug, Clone)]
pub struct Body {
    pub framing: Vec<String>,
    pub bytes: Vec<u8>,
}

pub fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        3 => Just(Body { framing: Vec::new(), bytes: Vec::new() }),
        4 => content().prop_map(of_length),
        4 => chunked(),
        1 => (wrong_framing(), content()).prop_map(|(framing, bytes)| Body { framing, bytes }),
    ]
}

/// Some of it would be a request elsewhere.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let decoy = "GET /smuggled HTTP/1.1\r\nHost: x\r\nX-Request-Id: decoy\r\n\r\n";
    prop_oneof![
        2 => select(vec!["", "{}", "{\"number\":7}", "0\r\n\r\n", "\r\n", decoy]).prop_map(|it| it.as_bytes().to_vec()),
        2 => vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 0..200_000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

fn of_length(bytes: Vec<u8>) -> Body {
    let framing = vec![format!("Content-Length: {}", bytes.len())];
    Body { framing, bytes }
}

fn wrong_framing() -> impl Strategy<Value = Vec<String>> {
    let lines = select(vec![
        "Content-Length: 0",
        "Content-Length: 5",
        "Content-Length: 00007",
        "Content-Length: +5",
        "Content-Length: 5, 5",
        "Content-Length: -1",
        "Content-Length:",
        "Content-Length: 5x",
        "Content-Length: 18446744073709551615",
        "Content-Length: 18446744073709551616",
        "Content-Length: \u{662}",
        "content-length:\t5\t",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: Chunked ",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding:\u{b}chunked",
        "Transfer-Encoding: xchunked",
    ]);
    vec(lines.prop_map(str::to_owned), 1..3)
}

fn chunked() -> impl Strategy<Value = Body> {
    let coding = prop_oneof![
        9 => Just("Transfer-Encoding: chunked"),
        1 => select(vec!["transfer-encoding:CHUNKED", "Transfer-Encoding:  chunked\t"]),
    ];
    let chunks = vec((content(), spelling()), 0..4);
    (coding, chunks, spelling(), trailer()).prop_map(|(coding, chunks, last, trailer)| {
        let mut bytes = Vec::new();
        for (data, spelling) in chunks.iter().filter(|(data, _)| !data.is_empty()) {
            bytes.extend(spelling.line(data.len()).bytes());
            bytes.extend(data);
            bytes.extend(spelling.end.bytes());
        }
        bytes.extend(last.line(0).bytes());
        bytes.extend(trailer.bytes());
        Body {
            framing: vec![coding.to_owned()],
            bytes,
        }
    })
}

/// How a chunk is written.
#[derive(Debug, Clone)]
struct Spelling {
    before: &'static str,
    is_upper: bool,
    behind: &'static str,
    /// Behind the data.
    end: &'static str,
}

impl Spelling {
    fn line(&self, size: usize) -> String {
        let Self { before, behind, .. } = self;
        if self.is_upper {
            format!("{before}{size:X}{behind}")
        } else {
            format!("{before}{size:x}{behind}")
        }
    }
}

fn spelling() -> impl Strategy<Value = Spelling> {
    let before = prop_oneof![20 => Just(""), 4 => select(vec!["0", "0000000000000000000"]), 1 => select(vec!["0x", "+", " ", "-", "\r\n"])];
    let behind = prop_oneof![
        20 => Just("\r\n"),
        4 => select(vec![";a\r\n", ";a=b\r\n", ";a=\"b;c\"\r\n", " \r\n", "\t;a\r\n", ";\u{fc}\r\n", ";;\r\n"]),
        1 => select(vec!["\n", "\r", ";a\n", ";a\rb\r\n", ";\0\r\n", "h\r\n", "", " 0\r\n", ",0\r\n"]),
    ];
    let end = weighted(
        0.05,
        select(vec!["", "\n", "\r", "x\r\n", " \r\n", "\r\n\r\n"]),
    );
    (before, any::<bool>(), behind, end).prop_map(|(before, is_upper, behind, end)| Spelling {
        before,
        is_upper,
        behind,
        end: end.unwrap_or("\r\n"),
    })
}

fn trailer() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        9 => Just("\r\n"),
        2 => select(vec!["A: b\r\n\r\n", "A: b\r\nContent-Length: 5\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n", ":\r\n\r\n", "no colon\r\n\r\n", " a\r\n\r\n"]),
        1 => select(vec!["", "\n", "A: b\n\r\n", "A: b\r\n", "\r", "A: \0\r\n\r\n"]),
    ]
}
