//! From what a caller sent to a checked input, with errors that name the field.
//!
//! It is parsed into the type that the workload named, and never into a tree of whatever there is: that can
//! be eighty times larger than what was sent.

use bytes::Bytes;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::fields::Fields;

/// Why an input was refused, in words for the caller.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidInput(pub(super) String);

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
        }
        let input = serde_path_to_error::deserialize(fields);
        input.map_err(|err| match err.path().to_string().as_str() {
            "." => InvalidInput(err.inner().to_string()),
            path => InvalidInput(format!("{path}: {}", err.inner())),
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
