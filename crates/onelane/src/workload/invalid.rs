//! Why an input was refused.

use std::fmt::{self, Display, Write};

/// Why an input was refused, in words for the caller.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidInput(pub(super) String);

/// The longest such words, in bytes. They quote what was sent, which may be all of a body.
pub(super) const WORDS_MAX: usize = 1024;

impl InvalidInput {
    /// These words, and an ellipsis instead of those that are too many.
    pub(super) fn of(words: impl Display) -> Self {
        let mut short = Short(String::new());
        if write!(short, "{words}").is_err() {
            short.0.push('…');
        }
        Self(short.0)
    }
}

/// Takes text until there is too much of it.
struct Short(String);

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.floor_char_boundary(WORDS_MAX - self.0.len());
        self.0.push_str(&text[..end]);
        if end == text.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}
