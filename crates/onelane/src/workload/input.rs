//! From what a caller sent to a checked input, with errors that name the field.
//!
//! It is parsed into the type that the workload named, and never into a tree of all that was sent: that can
//! be eighty times larger than what was sent.

use bytes::Bytes;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::fields::Fields;
use super::invalid::InvalidInput;
#[cfg(feature = "multipart")]
use super::upload::Parts;

/// What a caller sent. Another process of the same program can parse it again.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Source {
    /// The headers, their names in small letters. Those between nginx and lanes are not among them.
    pub headers: Vec<(String, String)>,
    /// The parameters of the path and the query, as a query string.
    pub query: String,
    /// How to read the body.
    pub format: Format,
    /// Seconds for which the answer may be given again.
    pub max_age: u64,
    /// What the parts of the body are. Those of its files that are in memory are the body.
    #[cfg(feature = "multipart")]
    pub parts: Parts,
    /// The body. It travels beside the rest.
    #[serde(skip)]
    pub body: Bytes,
}

/// How a body is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// There is none.
    #[default]
    Absent,
    /// As a JSON object, whose fields are those of the input.
    Json,
    /// As the fields of the input, in the form of a query string.
    Form,
    /// The workload reads it.
    Raw,
    /// As parts: the fields of the input, and files, which the workload reads.
    #[cfg(feature = "multipart")]
    Parts,
}

impl Source {
    /// What a query string says.
    #[cfg(test)]
    pub fn query(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            ..Self::default()
        }
    }

    /// The input that it stands for.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, InvalidInput> {
        let mut fields = Fields::of_query(&self.query);
        match self.format {
            Format::Absent => {}
            Format::Raw => fields.add_raw(),
            Format::Form => fields.add_form(&self.body),
            Format::Json => fields.add_json(&self.body)?,
            #[cfg(feature = "multipart")]
            Format::Parts => fields.add_form(self.parts.fields.as_bytes()),
        }
        let input = serde_path_to_error::deserialize(fields);
        input.map_err(|err| match err.path().iter().next() {
            None => InvalidInput::of(err.inner()),
            Some(_) => InvalidInput::of(format_args!("{}: {}", err.path(), err.inner())),
        })
    }
}

/// For `#[serde(deserialize_with = "at_most::<_, LIMIT>")]`: a number with an upper bound.
pub fn at_most<'de, D: Deserializer<'de>, const LIMIT: u64>(source: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(source)?;
    if number > LIMIT {
        return Err(D::Error::custom(format!("must be at most {LIMIT}")));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::super::invalid::WORDS_MAX;
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Order {
        #[serde(rename = "id")]
        _id: u32,
    }

    fn complaint(body: String) -> String {
        let source = Source {
            format: Format::Json,
            body: body.into(),
            ..Source::default()
        };
        source.parse::<Order>().unwrap_err().to_string()
    }

    #[test]
    fn a_complaint_quotes_a_long_value_in_part() {
        let short = complaint(r#"{"id":"ü"}"#.to_owned());
        assert!(short.starts_with("id: invalid type: string \"ü\", expected u32"));
        for begin in ["", "x"] {
            // In the middle of a letter, or not.
            let long = complaint(format!("{{\"id\":\"{begin}{}\"}}", "ü".repeat(100_000)));
            assert!(long.starts_with("id: invalid type: string \""), "{long}");
            assert!(long.ends_with("ü…"), "{long}");
            assert!(long.len() < WORDS_MAX + 5, "{}", long.len());
        }
    }
}
