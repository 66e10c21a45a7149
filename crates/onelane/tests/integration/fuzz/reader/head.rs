//! The head of a request.

use super::Request;

/// The most headers.
const FIELDS_MAX: usize = 96;

/// The line that bytes begin with, and what is behind it. It may end with LF alone.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

/// A head, and its length. None if there is more to come, whatever is wrong with it so far.
pub(super) fn head(bytes: &[u8]) -> Result<Option<(Request, usize)>, &'static str> {
    let (mut lines, mut rest) = (Vec::new(), bytes);
    loop {
        match line(rest) {
            None => return Ok(None),
            // Empty lines before a request are no part of it.
            Some((b"", behind)) if lines.is_empty() => rest = behind,
            Some((b"", behind)) => {
                rest = behind;
                break;
            }
            Some((line, behind)) => {
                lines.push(line);
                rest = behind;
            }
        }
    }
    let mut request = request_line(lines[0])?;
    if lines.len() > FIELDS_MAX + 1 {
        return Err("too many headers");
    }
    let fields = lines[1..].iter().map(|line| field(line));
    request.fields = fields.collect::<Result<_, _>>()?;
    check(&mut request)?;
    Ok(Some((request, bytes.len() - rest.len())))
}

fn is_token(text: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_token)
}

fn request_line(line: &[u8]) -> Result<Request, &'static str> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("no three words");
    };
    let is_old = match version {
        b"HTTP/1.0" => true,
        b"HTTP/1.1" => false,
        _ => return Err("another version"),
    };
    if !is_token(method)
        || method.iter().any(|byte| b"#$%&'".contains(byte))
        || method == b"CONNECT"
    {
        return Err("no method");
    }
    let target = str::from_utf8(target).map_err(|_| "no target")?;
    let lower = target.to_ascii_lowercase();
    let is_one = target.starts_with('/')
        || ["http://", "https://"]
            .iter()
            .any(|begin| lower.starts_with(begin))
        || target == "*" && method == b"OPTIONS";
    if !is_one || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("no target");
    }
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"/?&=%._~-".contains(&byte);
    Ok(Request {
        method: String::from_utf8_lossy(method).into_owned(),
        target: target.to_owned(),
        is_old,
        is_plain: target.starts_with('/') && target.bytes().all(is_usual),
        ..Request::default()
    })
}

fn field(line: &[u8]) -> Result<(String, Vec<u8>), &'static str> {
    let colon = line
        .iter()
        .position(|byte| *byte == b':')
        .ok_or("a line without a colon")?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return Err("no name");
    }
    if value
        .iter()
        .any(|byte| byte.is_ascii_control() && *byte != b'\t')
    {
        return Err("no value");
    }
    let is_space = |byte: &u8| [b' ', b'\t'].contains(byte);
    let begin = value
        .iter()
        .position(|byte| !is_space(byte))
        .unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|byte| !is_space(byte))
        .map_or(begin, |last| last + 1);
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    Ok((name, value[begin..end].to_vec()))
}

/// What the rules say of a head as a whole.
fn check(request: &mut Request) -> Result<(), &'static str> {
    for name in ["host", "content-length", "transfer-encoding", "upgrade"] {
        if request.has(name) && request.field(name).is_none() {
            return Err("twice");
        }
    }
    match request.field("host") {
        None if !request.is_old => return Err("no Host"),
        Some(host) if host.iter().any(|byte| b"@/?#\\ \t".contains(byte)) => {
            return Err("a bad Host");
        }
        Some(host) if !host.iter().all(u8::is_ascii_alphabetic) => {
            request.is_plain = false;
        }
        _ => {}
    }
    if request
        .fields
        .iter()
        .any(|field| field.0 == "connection" && !field.1.is_ascii())
    {
        return Err("a bad Connection");
    }
    if request
        .field("upgrade")
        .is_some_and(|it| it.eq_ignore_ascii_case(b"websocket"))
    {
        return Err("WebSocket");
    }
    let length = request.field("content-length").map(number);
    match (length, request.field("transfer-encoding")) {
        (Some(_), Some(_)) => Err("both lengths"),
        (Some(None), _) => Err("no length"),
        (_, Some(_)) if request.is_old => Err("chunks in HTTP/1.0"),
        (_, Some(coding)) if !coding.eq_ignore_ascii_case(b"chunked") => Err("another coding"),
        (None, None) if request.is_old && request.method == "POST" => Err("no length in HTTP/1.0"),
        _ => Ok(()),
    }
}

pub(super) fn number(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    str::from_utf8(text)
        .ok()
        .filter(|_| is_number)?
        .parse()
        .ok()
}
