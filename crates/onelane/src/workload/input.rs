//! From what a caller sent to a checked input, with errors that name the field.

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Why an input was refused, in words for the caller.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidInput(String);

pub(super) fn from_query<T: DeserializeOwned + Serialize>(
    query: &str,
) -> Result<Value, InvalidInput> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    checked::<T, _>(pairs)
}

pub(super) fn from_json<T: DeserializeOwned + Serialize>(
    json: &[u8],
) -> Result<Value, InvalidInput> {
    // Through a map first: left to itself, serde would also fill a struct from a JSON array.
    let fields: Map<String, Value> =
        serde_json::from_slice(json).map_err(|err| InvalidInput(err.to_string()))?;
    checked::<T, _>(Value::Object(fields))
}

/// Deserializes as `T`, so that every check of its type applies, and keeps it as a value that any
/// executor can carry.
fn checked<'de, T, D>(source: D) -> Result<Value, InvalidInput>
where
    T: DeserializeOwned + Serialize,
    D: Deserializer<'de>,
{
    let input: T = serde_path_to_error::deserialize(source).map_err(|err| {
        match err.path().to_string().as_str() {
            "." => InvalidInput(err.inner().to_string()),
            path => InvalidInput(format!("{path}: {}", err.inner())),
        }
    })?;
    Ok(serde_json::to_value(input).expect("an input of plain data always serialises"))
}

/// For `#[serde(deserialize_with = "at_most::<_, LIMIT>")]`: a number with an upper bound.
pub fn at_most<'de, D: Deserializer<'de>, const LIMIT: u64>(source: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(source)?;
    if number > LIMIT {
        return Err(D::Error::custom(format!("must be at most {LIMIT}")));
    }
    Ok(number)
}
