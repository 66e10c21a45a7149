//! What the answer to a request has to be, as far as the request tells.

use onelane_requests::corpus::RawAnswer;
use serde_json::{Value, json};

use super::reader::Request;

/// `keeps` says whether the server answers several requests of a connection.
pub fn check(answer: &RawAnswer, request: &Request, keeps: bool) -> Result<(), String> {
    let is_so = |what: &str, is_so: bool| {
        let told = || format!("{what}: {answer:?}");
        is_so.then_some(()).ok_or_else(told)
    };
    is_so("it was to close", answer.closes() || !request.closes())?;
    if request.has("x-lane-hold-ms") {
        // Something between nginx and a lane, which has rules of its own.
        return Ok(());
    }
    is_so("another's answer", has_id(answer, request))?;
    let is_refused = answer.status >= 400;
    is_so(
        "a refusal without words",
        !is_refused || request.method == "HEAD" || !answer.body.is_empty(),
    )?;
    answer.check();
    is_so(
        "an error of the server",
        !(500..504).contains(&answer.status) || answer.status == 501,
    )?;
    let is_simple = request.is_plain && !request.has("x-timeout");
    let is_short = request.body.is_empty() && !request.has("transfer-encoding");
    is_so(
        "it was to stay",
        !answer.closes() || !keeps || request.closes() || !is_simple || !is_short,
    )?;
    let is_read = ["GET", "HEAD"].contains(&&*request.method);
    if is_simple && is_read && request.target == "/fast" {
        is_so("it was to be served", answer.status == 200)?;
    }
    let is_image = request.field("content-type") == Some(b"image/png");
    if is_simple && is_image && request.method == "POST" && request.target == "/take/bytes?width=7"
    {
        let sum = request
            .body
            .iter()
            .fold(0_u32, |sum, byte| sum.wrapping_add((*byte).into()));
        let taken: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        is_so(
            "another body",
            [&taken["bytes"], &taken["sum"]] == [&json!(request.body.len()), &json!(sum)],
        )?;
    }
    Ok(())
}

/// Whether it bears the id of its request.
fn has_id(answer: &RawAnswer, request: &Request) -> bool {
    let id = answer.header("x-request-id");
    let is_sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    match request.field("x-request-id") {
        Some(given) if (1..=128).contains(&given.len()) && given.iter().all(is_sane) => {
            given == id.as_bytes()
        }
        Some(_) => id.len() == 32,
        // None, or two.
        None => !id.is_empty() && id != "decoy",
    }
}
