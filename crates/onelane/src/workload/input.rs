//! From what a caller sent to a checked input, with errors that name the field.
//!
//! It is parsed into the type that the workload named, and never into a tree of whatever there is: that can
//! be eighty times larger than what was sent.

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Why an input was refused, in words for the caller.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidInput(String);

impl InvalidInput {
    pub(super) fn unknown(workload: &str) -> Self {
        Self(format!("there is no workload {workload}"))
    }
}

/// What a caller sent, as text. Another process of the same program can parse it again.
#[derive(Debug, Serialize, Deserialize)]
pub enum Source {
    /// A query string.
    Query(String),
    /// A JSON document.
    Json(Box<RawValue>),
}

impl Source {
    /// A JSON document, if it is one.
    pub fn json(bytes: &[u8]) -> Result<Self, InvalidInput> {
        let document = serde_json::from_slice(bytes);
        document
            .map(Self::Json)
            .map_err(|err| InvalidInput(err.to_string()))
    }

    /// The input that it stands for.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, InvalidInput> {
        match self {
            Self::Query(query) => {
                let pairs = form_urlencoded::parse(query.as_bytes());
                checked(serde_urlencoded::Deserializer::new(pairs))
            }
            // Left to itself, serde would also fill a struct from an array.
            Self::Json(document) if !document.get().starts_with('{') => {
                Err(InvalidInput("the body must be a JSON object".to_owned()))
            }
            Self::Json(document) => {
                checked(&mut serde_json::Deserializer::from_str(document.get()))
            }
        }
    }
}

/// Deserializes as `T`, so that every check of its type applies.
fn checked<'de, T, D>(source: D) -> Result<T, InvalidInput>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    serde_path_to_error::deserialize(source).map_err(|err| match err.path().to_string().as_str() {
        "." => InvalidInput(err.inner().to_string()),
        path => InvalidInput(format!("{path}: {}", err.inner())),
    })
}

/// For `#[serde(deserialize_with = "at_most::<_, LIMIT>")]`: a number with an upper bound.
pub fn at_most<'de, D: Deserializer<'de>, const LIMIT: u64>(source: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(source)?;
    if number > LIMIT {
        return Err(D::Error::custom(format!("must be at most {LIMIT}")));
    }
    Ok(number)
}
