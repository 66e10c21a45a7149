//! One line of the log, short enough to arrive in one piece.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The most bytes of a line, its end not counted. Whole lines of several processes go through one pipe, and
/// the kernel keeps no more than 4096 bytes together (`PIPE_BUF`).
pub(super) const LINE_MAX: usize = 4095;

/// How many bytes are left of each text in a line that is too long, at first, and if that does not help.
const TEXT_MAX: [usize; 3] = [1000, 100, 10];

/// What is left of a line that is still too long.
const ESSENTIAL: [&str; 5] = ["timestamp", "level", "request_id", "trace_id", "span_id"];

/// The line as it is, if it is no longer than [`LINE_MAX`]; or the same with less text, and still JSON if it was
/// JSON.
pub(super) fn fitting(line: &[u8]) -> Cow<'_, [u8]> {
    if line.len() <= LINE_MAX + 1 {
        return line.into();
    }
    let mut text = String::from_utf8_lossy(line).into_owned();
    if let Ok(fields) = serde_json::from_str(&text) {
        return shortened(fields).into();
    }
    cut(&mut text, LINE_MAX);
    text.push('\n');
    text.into_bytes().into()
}

fn shortened(mut fields: Map<String, Value>) -> Vec<u8> {
    for most in TEXT_MAX {
        for value in fields.values_mut() {
            if let Value::String(text) = value {
                cut(text, most);
            }
        }
        let line = Value::from(fields.clone()).to_string();
        if line.len() <= LINE_MAX {
            return (line + "\n").into();
        }
    }
    fields.retain(|name, _| ESSENTIAL.contains(&name.as_str()));
    fields.insert("message".to_owned(), "a line too long".into());
    format!("{}\n", Value::from(fields)).into()
}

/// Leaves at most so many bytes of a text, the last of which say that there was more.
fn cut(text: &mut String, most: usize) {
    const MORE: &str = "…";
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - MORE.len()));
        text.push_str(MORE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_of(fields: &Value) -> Value {
        let line = format!("{fields}\n");
        let line = fitting(line.as_bytes());
        assert!(line.len() <= LINE_MAX + 1 && line.ends_with(b"\n"));
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn a_line_that_fits_stays_as_it_is() {
        let line = format!("{}\n", "x".repeat(LINE_MAX));
        assert_eq!(fitting(line.as_bytes()), line.as_bytes());
    }

    #[test]
    fn a_long_line_of_json_is_json_with_less_text() {
        let long = "ü".repeat(LINE_MAX);
        let line = line_of(&serde_json::json!({"request_id": "7", "status": 200, "uri": long}));
        assert_eq!(
            (&line["request_id"], &line["status"]),
            (&"7".into(), &200.into())
        );
        let uri = line["uri"].as_str().unwrap();
        assert!(uri.len() > 990 && uri.ends_with("ü…"), "{uri}");
        let many = (0..9).map(|at| (at.to_string(), Value::from(long.clone())));
        assert_eq!(line_of(&many.collect()).as_object().unwrap().len(), 9);
        let all = (0..9999).map(|at| (at.to_string(), Value::from(at)));
        assert_eq!(line_of(&all.collect())["message"], "a line too long");
    }

    #[test]
    fn a_long_line_of_text_is_cut() {
        let line = format!("INFO {}\n", "ü".repeat(LINE_MAX));
        let line = fitting(line.as_bytes()).into_owned();
        assert!((LINE_MAX - 2..=LINE_MAX + 1).contains(&line.len()));
        assert!(String::from_utf8(line).unwrap().ends_with("ü…\n"));
    }
}
