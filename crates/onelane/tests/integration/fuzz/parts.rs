//! Random forms with files: a body that is a form is taken, and any other is refused, wherever its boundaries are.

use onelane_requests::random::{self, Sent, cut, mutated, named};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;
use rstest::rstest;

use super::reader::Reading;
use super::requests::PATIENT;
use super::talk::{Talk, talk};
use crate::faults::process::Process;
use crate::lane;
use crate::lane::Mode::{self, Blocking, Fork};

/// Half of what a lane has in a container.
const PEAK_MAX_KIB: u64 = 32 << 10;

#[rstest]
fn a_form_is_taken_or_refused(#[values(Blocking, Fork)] mode: Mode) {
    let lane = lane::of(mode, &PATIENT);
    let count = random::check(forms, async |(sent, is_whole)| {
        let Talk { readings, answers } = talk(&lane.listen, &sent, true).await?;
        match (&readings[..], &answers[..]) {
            ([Reading::Whole(_)], [answer, ..]) if is_whole && answer.status == 200 => Ok(()),
            ([Reading::Whole(_)], [answer, ..])
                if !is_whole && [200, 400, 413, 415].contains(&answer.status) =>
            {
                Ok(())
            }
            _ => Err(format!("{is_whole}: {answers:?}")),
        }
    });
    eprintln!("{mode}: {count} forms");
    assert!(lane.log(|line| line["level"] == "ERROR").is_empty());
    let peak = Process::of(&lane).peak_kib().expect("it is alive");
    assert!(peak < PEAK_MAX_KIB, "{peak} KiB");
}

/// A form, and whether it is one for sure.
fn forms() -> impl Strategy<Value = (Sent, bool)> {
    let whole =
        parts(good_head(), Just("--b--\r\n")).prop_map(|parts| (request("b", &parts), true));
    let end = select(vec![
        "--b--",
        "--b--\r\n",
        "--b",
        "--b-",
        "",
        "--b--\r\n--b\r\n\r\n",
    ]);
    let boundary = select(vec![
        "b",
        "b",
        "b",
        "\"b\"",
        "\"\"",
        "c",
        "b; boundary=c",
        "=",
        "\"b",
    ]);
    let head = prop_oneof![3 => good_head(), 1 => bad_head()];
    let broken = (boundary, mutated(parts(head, end)))
        .prop_map(|(boundary, parts)| (request(boundary, &parts), false));
    let forms = prop_oneof![1 => whole, 3 => broken];
    forms.prop_flat_map(|(bytes, is_whole)| (cut(Just(bytes)), Just(is_whole)))
}

fn request(boundary: &str, body: &[u8]) -> Vec<u8> {
    let id = named(u32::try_from(body.len()).unwrap());
    let length = body.len();
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\nContent-Length: {length}\r\nContent-Type: multipart/form-data; boundary={boundary}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn parts(
    head: impl Strategy<Value = String>,
    end: impl Strategy<Value = &'static str>,
) -> impl Strategy<Value = Vec<u8>> {
    let content = prop_oneof![
        3 => select(vec!["", "7", "\r\n", "--", "\r\n--", "\r\n--c\r\n", "a\r\n-b"]).prop_map(|text| text.as_bytes().to_vec()),
        2 => vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 0..100_000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    (vec((head, content), 1..5), end).prop_map(|(parts, end)| {
        let mut bytes = Vec::new();
        for (head, content) in parts {
            bytes.extend(format!("--b\r\n{head}\r\n\r\n").bytes());
            bytes.extend(content);
            bytes.extend(b"\r\n");
        }
        bytes.extend(end.bytes());
        bytes
    })
}

/// Of a file.
fn good_head() -> impl Strategy<Value = String> {
    let rest = select(vec!["", "\r\nContent-Type: image/png", "\r\nX-Other: a"]);
    (0..3_u8, rest).prop_map(|(number, rest)| {
        format!("Content-Disposition: form-data; name=\"file{number}\"; filename=\"a\"{rest}")
    })
}

fn bad_head() -> impl Strategy<Value = String> {
    let disposition = select(vec![
        "form-data",
        "form-data; name=\"\"",
        "form-data; name=\"note\"",
        "form-data; name=\"count\"",
        "form-data; name=\"ms\"",
        "form-data; name=\"note\"; filename=\"../../etc/passwd\"",
        "form-data; name=\"a\"; filename*=UTF-8''%ff%00",
        "attachment; name=\"a\"",
        "form-data; name=\"a\\\"b\"",
        "form-data; name=a; name=b",
        "form-data; name=\"\u{fc}\0\"",
        ";;;",
    ]);
    let long =
        (1..20_000_usize).prop_map(|length| format!("form-data; name=\"{}\"", "a".repeat(length)));
    let disposition = prop_oneof![4 => disposition.prop_map(str::to_owned), 1 => long];
    let rest = select(vec![
        "",
        "\r\nContent-Transfer-Encoding: base64",
        "\nA: b",
        "\r\n folded",
        "\r\nContent-Length: 5",
    ]);
    (disposition, rest)
        .prop_map(|(disposition, rest)| format!("Content-Disposition: {disposition}{rest}"))
}
