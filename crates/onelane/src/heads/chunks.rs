//! Where a body in chunks ends (RFC 9112, section 7.1). Line ends are CRLF, or the body is broken: a parser
//! that takes less for one finds another end.

use super::head::HEAD_MAX;

/// What of such a body comes next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Chunks {
    /// The line with the size of a chunk.
    #[default]
    Size,
    /// So many bytes of a chunk.
    Data(u64),
    /// The line end behind a chunk.
    DataEnd,
    /// The headers behind the last chunk, and the empty line behind these.
    Trailer,
    /// Nothing: this was all.
    End,
}

/// No body goes on like this.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl Chunks {
    /// How many of these `bytes`, of which there is at least one, are the next part. None if they are too
    /// few to tell.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Result<Option<usize>, Broken> {
        if let Self::Data(left) = self {
            let count = pass(left, bytes);
            if *left == 0 {
                *self = Self::DataEnd;
            }
            return Ok(Some(count));
        }
        let Some(line) = line(bytes)? else {
            return Ok(None);
        };
        *self = match self {
            Self::Size => match size(line)? {
                0 => Self::Trailer,
                size => Self::Data(size),
            },
            Self::DataEnd if line.is_empty() => Self::Size,
            Self::Trailer if line.is_empty() => Self::End,
            Self::Trailer => Self::Trailer,
            Self::DataEnd | Self::Data(_) | Self::End => return Err(Broken),
        };
        Ok(Some(line.len() + 2))
    }
}

/// How many of these `bytes` belong to a part of which so many are `left`, which are fewer then.
pub(super) fn pass(left: &mut u64, bytes: &[u8]) -> usize {
    let count = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
    *left -= count as u64;
    count
}

/// The line that these bytes begin with, without its end. None if that has not come yet.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Broken> {
    let is_text = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
    let end = bytes.iter().position(|byte| !is_text(byte));
    match end.map(|end| (end, &bytes[end..])) {
        Some((end, [b'\r', b'\n', ..])) => Ok(Some(&bytes[..end])),
        Some((_, [b'\r'])) | None if bytes.len() < HEAD_MAX => Ok(None),
        _ => Err(Broken),
    }
}

/// Hexadecimal digits, and extensions that mean nothing here.
fn size(line: &[u8]) -> Result<u64, Broken> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = str::from_utf8(digits.trim_ascii_end()).map_err(|_| Broken)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Broken);
    }
    u64::from_str_radix(digits, 16).map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of the body that `bytes` begin with, if they come `at_once` in pieces of so many.
    fn end(bytes: &[u8], at_once: usize) -> Result<Option<usize>, Broken> {
        let mut chunks = Chunks::default();
        let (mut passed, mut come) = (0, 0);
        while chunks != Chunks::End {
            let next = (passed < come).then(|| chunks.pass(&bytes[passed..come]));
            match next.transpose()?.flatten() {
                Some(count) => passed += count,
                None if come == bytes.len() => return Ok(None),
                None => come = bytes.len().min(come + at_once),
            }
        }
        Ok(Some(passed))
    }

    #[test]
    fn a_body_ends_behind_its_trailer_however_it_comes() {
        for (body, rest) in [
            ("0\r\n\r\n", ""),
            ("5\r\nhello\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n"),
            ("A;name=\"a;b\"\r\n0\r\n\r\nGET /\r\n0\r\n\r\n", "5\r\n"),
            ("0005 \t;x\r\nhello\r\n00\r\nA: b\r\nC: d\r\n\r\n", "\r\n"),
        ] {
            let bytes = format!("{body}{rest}");
            for at_once in [1, 2, 3, 100] {
                assert_eq!(
                    end(bytes.as_bytes(), at_once),
                    Ok(Some(body.len())),
                    "{bytes:?}"
                );
            }
        }
        assert_eq!(end(b"5\r\nhello\r\n0\r\nA: b\r\n", 3), Ok(None));
    }

    #[test]
    fn what_has_another_reading_is_broken() {
        for body in [
            "\r\n",
            ";x\r\n",
            " 5\r\nhello\r\n",
            "5 5\r\nhello\r\n",
            "+5\r\nhello\r\n",
            "-1\r\n",
            "0x5\r\nhello\r\n",
            "5\nhello\r\n",
            "5;x\nhello\r\n",
            "5;\u{0}\r\nhello\r\n",
            "5\r\nhelloX\r\n",
            "5\r\nhello\n",
            "5\r\nhello\r\n0\r\nA: b\n\r\n",
            "5\r\nhello\r\n0\r\n\n",
            "ffffffffffffffff0\r\n",
            "10000000000000005\r\nhello\r\n",
        ] {
            assert_eq!(end(body.as_bytes(), 100), Err(Broken), "{body:?}");
            assert_eq!(end(body.as_bytes(), 1), Err(Broken), "{body:?}");
        }
        let long = format!("5;{}\r\nhello\r\n", "x".repeat(HEAD_MAX));
        assert_eq!(end(long.as_bytes(), 64), Err(Broken));
    }
}
