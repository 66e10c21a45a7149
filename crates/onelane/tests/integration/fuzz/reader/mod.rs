//! Where requests begin and end, by the rules of RFC 9112 and what this server says that it takes. Written once more,
//! without the library that the server reads with: with the same one, this would make the same mistakes.

mod chunks;
mod head;

use chunks::chunks;
use head::{head, number};

/// The longest head, in bytes.
const HEAD_MAX: usize = 16 * 1024;

/// What stands at one place of a connection.
#[derive(Debug)]
pub enum Reading {
    Whole(Request),
    /// Something else. Whether it begins as a HEAD does, the answer to which has no body.
    Other(Other, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// No request, and so nothing behind it either.
    Bad(&'static str),
    /// A request whose body has no end.
    Broken,
    /// The beginning of a request.
    Partial,
}

#[derive(Debug, Default)]
pub struct Request {
    pub method: String,
    pub target: String,
    /// The names in small letters.
    pub fields: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    is_old: bool,
    /// Whether a server has no reason to refuse its head.
    pub is_plain: bool,
}

/// All that stands in these bytes, up to the first place where no server can read on.
pub fn read(mut bytes: &[u8]) -> Vec<Reading> {
    let mut readings = Vec::new();
    while !bytes.is_empty() {
        match next(bytes) {
            Ok((request, length)) => {
                let closes = request.closes();
                readings.push(Reading::Whole(request));
                if closes {
                    break;
                }
                bytes = &bytes[length..];
            }
            Err(other) => {
                readings.push(Reading::Other(other, is_head(bytes)));
                break;
            }
        }
    }
    readings
}

fn is_head(bytes: &[u8]) -> bool {
    let line = bytes.trim_ascii_start().split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default().trim_ascii_end();
    line == b"HEAD" || line.starts_with(b"HEAD ")
}

impl Request {
    /// The value of a field, if it is there once.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields.iter().filter(|field| field.0 == name);
        let first = fields.next();
        first
            .filter(|_| fields.next().is_none())
            .map(|field| &*field.1)
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.0 == name)
    }

    /// Whether it asks for the end of the connection, or for another protocol on it, which it does not get.
    pub fn closes(&self) -> bool {
        let named = |option: &str| {
            let values = self.fields.iter().filter(|field| field.0 == "connection");
            let mut options = values.flat_map(|field| field.1.split(|byte| *byte == b','));
            options.any(|it| it.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
        };
        named("close") || named("upgrade") || self.is_old && !named("keep-alive")
    }
}

/// The request that bytes begin with, and its length.
fn next(bytes: &[u8]) -> Result<(Request, usize), Other> {
    const LONG: Other = Other::Bad("a head that is too long");
    let (mut request, head) = match head(bytes).map_err(Other::Bad)? {
        Some((_, length)) if length > HEAD_MAX => return Err(LONG),
        Some(read) => read,
        None if bytes.len() < HEAD_MAX => return Err(Other::Partial),
        None => return Err(LONG),
    };
    let rest = &bytes[head..];
    let (body, length) = if request.has("transfer-encoding") {
        chunks(rest)
            .map_err(|_broken| Other::Broken)?
            .ok_or(Other::Partial)?
    } else {
        let length = request.field("content-length").map_or(Some(0), number);
        let length = length.and_then(|length| usize::try_from(length).ok());
        let body = rest
            .get(..length.unwrap_or(usize::MAX))
            .ok_or(Other::Partial)?;
        (body.to_vec(), body.len())
    };
    request.body = body;
    Ok((request, head + length))
}
