//! Settings that are never shown.

use std::fmt::{self, Debug, Formatter};

use serde::{Deserialize, Serialize, Serializer};

const MASK: &str = "***";

/// A text that is printed nowhere: neither by `config` nor by `Debug`. Written in a file of its own, it is
/// the setting's name with `_file`: `ONELANE_MODEL_TOKEN_FILE=/run/secrets/token`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Debug for Secret {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}
