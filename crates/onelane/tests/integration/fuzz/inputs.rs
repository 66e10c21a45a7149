//! Random fields, in paths, queries, forms and JSON: a caller gets what it said, or a 400 that names what is wrong with it.

use std::borrow::Cow;

use onelane_requests::corpus::RawAnswer;
use onelane_requests::random::{self, Sent, cut, mutated, named};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;
use rstest::rstest;
use serde::Deserialize;
use serde_json::Value;

use super::reader::{Reading, Request};
use super::requests::PATIENT;
use super::talk::{Talk, talk};
use crate::lane;
use crate::lane::Mode::{self, Blocking, Pool};

#[rstest]
fn an_input_is_taken_as_it_was_said_or_refused(#[values(Blocking, Pool)] mode: Mode) {
    let lane = lane::of(mode, &PATIENT);
    let count = random::check(requests, async |sent| {
        let Talk { readings, answers } = talk(&lane.listen, &sent, true).await?;
        match (&readings[..], &answers[..]) {
            ([Reading::Whole(request)], [answer, ..]) => check(request, answer),
            // The target was none.
            _ => Ok(()),
        }
    });
    eprintln!("{mode}: {count} inputs");
    assert!(lane.log(|line| line["level"] == "ERROR").is_empty());
}

const NAMES: [&str; 12] = [
    "number", "number", "number", "tone", "fraction", "text", "id", "count", "name", "width", "",
    "ms",
];

/// As they stand in JSON.
const VALUES: [&str; 40] = [
    "7",
    "7",
    "7",
    "0",
    "-0",
    "-1",
    "07",
    "7.0",
    "1e3",
    "1.5",
    "1e400",
    "-1e-400",
    "18446744073709551615",
    "18446744073709551616",
    "4294967296",
    "0x1",
    "NaN",
    "true",
    "null",
    "[]",
    "{}",
    "[7]",
    "{\"a\":{\"a\":[]}}",
    "\"\"",
    "\"7\"",
    "\"plain\"",
    "\"loud\"",
    "\"LOUD\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"ü\"",
    "\"a\\",
    "\"\n\"",
    "\"<script>&'\"",
    "\"%00\"",
    "{\"Plain\":null}",
    "\"\\\"}\"",
    "{\"plain\":[]}",
    "\"\u{7f}\u{85}\u{2028}\"",
];

fn requests() -> impl Strategy<Value = Sent> {
    let line = select(vec![
        "POST /echo",
        "POST /echo",
        "POST /echo",
        "GET /echo",
        "GET /echo",
        "POST /take/",
        "PUT /take/",
        "PATCH /take/",
        "DELETE /take/",
        "GET /take/",
        "POST /take/bytes",
        "GET /",
    ]);
    let query = prop_oneof![3 => vec(pair(), 0..1), 1 => vec(pair(), 0..5)];
    let query = query.prop_map(|pairs| pairs.join("&"));
    let content_type = select(vec![
        "application/json",
        "application/x-www-form-urlencoded",
    ]);
    let rest = (content_type, mutated(body()), any::<u32>());
    let requests = (line, word(), query, rest).prop_map(|(line, word, query, (content_type, body, id))| {
        let path = if line.ends_with('/') { word } else { String::new() };
        let (count, id) = (body.len(), named(id));
        let head = format!(
            "{line}{path}?{query} HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\nContent-Type: {content_type}\r\nContent-Length: {count}\r\n\r\n"
        );
        [head.into_bytes(), body].concat()
    });
    cut(requests)
}

/// A part of a target.
fn word() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        4 => select(vec!["7", "a", "k", "1", "0", "-", "plain"]).prop_map(str::to_owned),
        1 => select(vec!["+", "/", ".", "%", "%2", "%zz", "&", "=", ";", "{", "?", "{id}", "%00", "%2f"]).prop_map(str::to_owned),
        1 => any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
    ];
    vec(letter, 0..4).prop_map(|letters| letters.concat())
}

fn pair() -> impl Strategy<Value = String> {
    (select(NAMES.to_vec()), word()).prop_map(|(name, value)| format!("{name}={value}"))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let deep = (1..3000_usize, select(vec!["[", "{\"a\":", "[{\"a\":"]));
    let field = (select(NAMES.to_vec()), select(VALUES.to_vec()));
    let field = field.prop_map(|(name, value)| format!("\"{name}\":{value}"));
    let fields = prop_oneof![
        9 => vec(field, 0..4).prop_map(|fields| fields.join(",")),
        1 => (1..100_000_usize).prop_map(|length| format!("\"number\":7,\"text\":\"{}\"", "ü".repeat(length))),
        1 => deep.prop_map(|(times, what)| format!("\"number\":{}", what.repeat(times))),
        1 => (1..2000_usize).prop_map(|digits| format!("\"number\":{}", "1".repeat(digits))),
    ];
    prop_oneof![
        6 => fields.prop_map(|fields| format!("{{{fields}}}").into_bytes()),
        3 => vec(pair(), 0..4).prop_map(|pairs| pairs.join("&").into_bytes()),
        1 => vec(any::<u8>(), 0..40),
    ]
}

/// What `/echo` takes, in the words of serde.
#[derive(Debug, Deserialize)]
struct Said {
    number: u64,
    #[serde(default)]
    tone: Tone,
    fraction: Option<f64>,
    text: Option<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tone {
    #[default]
    Plain,
    Loud,
}

impl Said {
    /// The error is the name of the field that is to blame, if there is one.
    fn of(json: &[u8]) -> Result<Self, String> {
        let mut document = serde_json::Deserializer::from_slice(json);
        let said = serde_path_to_error::deserialize(&mut document);
        let said = said.map_err(|err| {
            err.path()
                .iter()
                .next()
                .map_or_else(String::new, ToString::to_string)
        })?;
        document.end().map_err(|_| String::new())?;
        Ok(said)
    }
}

fn check(request: &Request, answer: &RawAnswer) -> Result<(), String> {
    let (path, query) = request.target.split_once('?').unwrap_or_default();
    let told = |what: &str| Err(format!("{what}: {answer:?}"));
    if ![200, 400, 404, 405, 413, 415].contains(&answer.status) {
        return told("neither taken nor refused");
    }
    if path != "/echo" {
        return Ok(());
    }
    let body = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_json = request.field("content-type") == Some(b"application/json");
    if request.method == "POST" && is_json && query.is_empty() && !request.body.is_empty() {
        return check_json(&request.body, answer.status, &body);
    }
    if request.method == "GET" {
        let said: Option<u64> = number_of(query);
        let is_right = answer.status != 200 || said.is_some() && body["number"].as_u64() == said;
        return if is_right {
            Ok(())
        } else {
            told("another number")
        };
    }
    Ok(())
}

fn check_json(sent: &[u8], status: u16, answer: &Value) -> Result<(), String> {
    let is_object = sent.trim_ascii_start().starts_with(b"{");
    let (is_right, said) = match Said::of(sent) {
        Ok(said) if is_object => {
            let is_same = answer["number"] == said.number
                && answer["text"].as_str() == said.text.as_deref()
                && answer["fraction"].as_f64() == said.fraction
                && (answer["tone"] == "loud") == (said.tone == Tone::Loud);
            (status == 200 && is_same, format!("{said:?}"))
        }
        Ok(_) => (status == 400, String::new()),
        Err(field) => {
            let detail = answer["detail"].as_str().unwrap_or_default();
            (
                status == 400 && (detail.starts_with(&field) || !is_object),
                field,
            )
        }
    };
    is_right
        .then_some(())
        .ok_or_else(|| format!("{said} became {status} {answer}"))
}

/// The number that a query says, if it says one.
fn number_of(query: &str) -> Option<u64> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let mut next = || {
        pairs
            .find(|(name, _)| name == "number")
            .map(|(_, value): (_, Cow<str>)| value)
    };
    let first = next();
    first.filter(|_| next().is_none())?.parse().ok()
}
