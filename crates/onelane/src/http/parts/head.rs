//! The head of a part.

use actix_web::http::header::{ContentDisposition, HeaderValue};
use multer::Field;

use super::parser::HEAD_MAX_BYTES;
use crate::http::problem::HttpProblem;

/// The longest name of a part, in bytes. Errors quote it.
const NAME_MAX_BYTES: usize = 256;

/// What a part says of itself.
pub(super) struct PartHead {
    pub(super) name: String,
    /// None for a text.
    pub(super) file_name: Option<String>,
    /// Of a file.
    pub(super) content_type: String,
}

impl PartHead {
    pub(super) fn of(part: &Field<'_>) -> Result<Self, HttpProblem> {
        let headers = part.headers().iter();
        let length: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if length > HEAD_MAX_BYTES {
            let what = format!("a part has a head of more than {HEAD_MAX_BYTES} bytes");
            return Err(bad(what));
        }
        let header = |name| Some(part.headers().get(name)?.as_bytes());
        let disposition = header("content-disposition").and_then(parse);
        let disposition = disposition.filter(ContentDisposition::is_form_data);
        let disposition =
            disposition.ok_or_else(|| bad("a part has no valid Content-Disposition: form-data"))?;
        let name = disposition.get_name().unwrap_or_default();
        if !(1..=NAME_MAX_BYTES).contains(&name.len()) {
            return Err(bad(format!(
                "a part has no name, or one of more than {NAME_MAX_BYTES} bytes"
            )));
        }
        let encoding = header("content-transfer-encoding").unwrap_or(b"binary");
        if ![&b"binary"[..], b"8bit", b"7bit"].contains(&&*encoding.to_ascii_lowercase()) {
            return Err(bad(format!("{name}: its Content-Transfer-Encoding")));
        }
        let content_type = header("content-type").and_then(|value| str::from_utf8(value).ok());
        Ok(Self {
            name: name.to_owned(),
            file_name: file_name(&disposition),
            content_type: content_type
                .unwrap_or("application/octet-stream")
                .to_owned(),
        })
    }
}

fn bad(what: impl Into<String>) -> HttpProblem {
    HttpProblem::BadRequest(what.into())
}

fn parse(value: &[u8]) -> Option<ContentDisposition> {
    ContentDisposition::from_raw(&HeaderValue::from_bytes(value).ok()?).ok()
}

/// `filename*`, which is in UTF-8 as a rule, before `filename`.
fn file_name(disposition: &ContentDisposition) -> Option<String> {
    let plain = disposition.get_filename().map(str::to_owned);
    match disposition.get_filename_ext() {
        None => plain,
        Some(extended) => String::from_utf8(extended.value.clone())
            .ok()
            .or(plain)
            .or_else(|| Some(String::new())),
    }
}
