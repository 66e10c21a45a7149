//! Bytes as they are written in the files of this folder.

/// What `text` stands for, with this `id` in it.
pub(super) fn bytes(text: &str, id: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let usual = format!("Host: lane\r\nX-Request-Id: {id}");
        if let Some(after) = rest.strip_prefix("{usual}") {
            bytes.extend(usual.bytes());
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{id}") {
            bytes.extend(id.bytes());
            rest = after;
        } else if let Some((times, what, after)) = repeated(rest) {
            let what = self::bytes(what, id);
            bytes.extend(what.repeat(times));
            rest = after;
        } else if let Some((byte, after)) = escaped(rest) {
            bytes.push(byte);
            rest = after;
        } else {
            let length = character.len_utf8();
            bytes.extend(rest[..length].bytes());
            rest = &rest[length..];
        }
    }
    bytes
}

/// `{100*ab}` and what follows.
fn repeated(text: &str) -> Option<(usize, &str, &str)> {
    let (times, _) = text.strip_prefix('{')?.split_once('*')?;
    let what = &text[times.len() + 2..];
    let times = times.parse().ok()?;
    let mut depth = 1;
    let end = what.find(|character| {
        depth += match character {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        depth == 0
    })?;
    Some((times, &what[..end], &what[end + 1..]))
}

fn escaped(text: &str) -> Option<(u8, &str)> {
    let text = text.strip_prefix('\\')?;
    let byte = match text.chars().next()? {
        'r' => b'\r',
        'n' => b'\n',
        't' => b'\t',
        '0' => 0,
        '\\' => b'\\',
        'x' => {
            let byte = u8::from_str_radix(&text[1..3], 16).expect("two digits");
            return Some((byte, &text[3..]));
        }
        other => panic!("no escape: {other}"),
    };
    Some((byte, &text[1..]))
}
