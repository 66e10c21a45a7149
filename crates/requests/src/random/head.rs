//! Heads that are right as a rule: what is wrong in one place has to be found there.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;

/// All of a head but what its body adds.
#[derive(Debug, Clone)]
pub struct Head {
    pub method: &'static str,
    pub target: &'static str,
    pub version: &'static str,
    pub host: &'static str,
    pub fields: Vec<&'static str>,
    /// Whether what tells the length of the body stands before the rest.
    pub is_framed_first: bool,
    /// Whether lines end with LF alone.
    pub is_loose: bool,
}

pub fn head() -> impl Strategy<Value = Head> {
    let line = (method(), target(), version());
    let rest = (host(), vec(field(), 0..4), any::<bool>(), rarely());
    (line, rest).prop_map(
        |((method, target, version), (host, fields, is_framed_first, is_loose))| Head {
            method,
            target,
            version,
            host,
            fields,
            is_framed_first,
            is_loose,
        },
    )
}

fn rarely() -> impl Strategy<Value = bool> {
    prop_oneof![9 => Just(false), 1 => Just(true)]
}

fn method() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just("GET"),
        8 => Just("POST"),
        3 => select(vec!["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        1 => select(vec!["TRACE", "CONNECT", "PURGE", "get", "M-SEARCH", "!#$%&'*+.^_`|~", "G(T", ""]),
    ]
}

fn target() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just("/fast"),
        6 => Just("/take/bytes?width=7"),
        3 => select(vec!["/echo?number=7", "/take/a%2Fb?count=3", "/", "/sleep?ms=0", "/nowhere", "/answer"]),
        1 => select(vec![
            "*", "http://lane/fast", "HTTPS://other:99/fast?a", "http://", "//fast", "/../fast", "/fast#part",
            "/%", "/%zz", "/take/%ff", "/take/%00", "/fast?\"<>", "/fast?{}|\\^`", "/f ast", "/f\tast", "/f\u{fc}st",
            "fast", "lane:80", "/smuggled HTTP/1.1", "/fast?a=1&a=2", "/take/bytes?width=x", "ftp://lane/",
            "http://u:p@lane/fast", "http://[::1/fast", "/\u{7f}",
        ]),
    ]
}

fn version() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        20 => Just("HTTP/1.1"),
        3 => Just("HTTP/1.0"),
        1 => select(vec!["HTTP/1.2", "HTTP/2", "HTTP/1.1 ", "http/1.1", "HTTP/1.", "HTTP/01.1", "", "HTTP/1.1\r"]),
    ]
}

fn host() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        20 => Just("Host: lane"),
        2 => select(vec!["host:lane:80", "HOST: [::1]:80 ", "Host:"]),
        1 => select(vec!["", "Host: a b", "Host: u@lane", "Host: lane/x", "Host: a, b", "Host: lane:x", "Host: \u{fc}"]),
    ]
}

fn field() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => select(vec![
            "Accept: */*", "Content-Type: image/png", "Content-Type: image/png", "Content-Type: application/json",
            "Connection: keep-alive", "Connection: close", "Expect: 100-continue", "X-Empty:", "X-Tab:\ta\tb\t",
            "Idempotency-Key: k", "Origin: http://a", "If-None-Match: *", "Range: bytes=0-1", "X-\u{fc}ber: a",
            "Cookie: a=\u{fc}", "X_Under: score",
        ]),
        1 => select(vec![
            "Connection: Close, TE", "Connection: keep-alive, close", "Connection: upgrade", "Upgrade: websocket",
            "Upgrade: h2c", "Expect: 200-ok", "Host: other", "X-Timeout: 0.001", "X-Timeout: x", "X-Fold: a\r\n b",
            "X-Space : a", ": none", "no colon", "X-Cr: a\rb", "X-Nul: a\0b", "\tX-Tab: a", "Content-Encoding: gzip",
            "Transfer_Encoding: chunked", "Content_Length: 3", "TE: trailers", "Trailer: X-T", "Proxy-Connection: close",
            "Content-Length : 3", "Content-Length\t: 3", "Transfer-Encoding\0: chunked", "X-Request-Id: twice",
            "X-Request-Start: t=1", "X-Request-Start: t=1e400", "X-Forwarded-For: \"", "Content-Type: ", "Content-Type: a/b/c",
        ]),
    ]
}
