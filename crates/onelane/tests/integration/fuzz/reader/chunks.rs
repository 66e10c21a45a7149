//! A body in chunks.

use super::HEAD_MAX;

/// No body goes on like this.
#[derive(Debug)]
pub(super) struct Broken;

/// What stands before a place, and what behind it.
type Cut<'a> = (&'a [u8], &'a [u8]);

/// A body in chunks without their frames, and its length with them. None if there is more to come.
pub(super) fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Broken> {
    let (mut rest, mut body) = (bytes, Vec::new());
    loop {
        let Some((size, behind)) = strict_line(rest)? else {
            return Ok(None);
        };
        let digits = size.split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = digits.trim_ascii_end();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Broken);
        }
        let digits = str::from_utf8(digits).map_err(|_| Broken)?;
        let size = usize::from_str_radix(digits, 16).map_err(|_| Broken)?;
        rest = behind;
        if size == 0 {
            break;
        }
        let Some((data, behind)) = rest.split_at_checked(size) else {
            return Ok(None);
        };
        body.extend(data);
        match strict_line(behind)? {
            Some((b"", behind)) => rest = behind,
            Some(_) => return Err(Broken),
            None => return Ok(None),
        }
    }
    loop {
        match strict_line(rest)? {
            Some((b"", behind)) => return Ok(Some((body, bytes.len() - behind.len()))),
            Some((_, behind)) => rest = behind,
            None => return Ok(None),
        }
    }
}

/// A line of a body: it ends with CRLF, and there is nothing odd in it.
fn strict_line(bytes: &[u8]) -> Result<Option<Cut<'_>>, Broken> {
    let is_odd = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    match bytes.iter().position(is_odd).map(|at| bytes.split_at(at)) {
        Some((line, [b'\r', b'\n', rest @ ..])) if line.len() < HEAD_MAX => Ok(Some((line, rest))),
        None | Some((_, [b'\r'])) if bytes.len() < HEAD_MAX => Ok(None),
        _ => Err(Broken),
    }
}
