//! Pages of other sites, by where they come from.

use serde::{Deserialize, Serialize};

/// All of them, in place of an origin.
const ANY: &str = "*";

/// Some origins, as browsers write them (`https://app.example.com`), with commas between them, or all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origins(Vec<String>);

impl Origins {
    /// Pages of other sites may read nothing.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Every origin there is.
    pub fn is_any(&self) -> bool {
        self.0.iter().any(|origin| origin == ANY)
    }

    /// Whether this one is among them.
    pub fn contain(&self, origin: &str) -> bool {
        self.is_any() || self.0.iter().any(|other| other == origin)
    }
}

impl TryFrom<String> for Origins {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let origins = text.split(',').map(str::trim);
        let origins = origins.filter(|origin| !origin.is_empty());
        let origins: Vec<_> = origins.map(str::to_owned).collect();
        match origins.iter().find(|origin| !is_origin(origin)) {
            None => Ok(Self(origins)),
            Some(other) => Err(format!(
                "`{other}` is no origin, which is like https://app.example.com, without a path"
            )),
        }
    }
}

impl From<Origins> for String {
    fn from(origins: Origins) -> Self {
        origins.0.join(",")
    }
}

/// What no browser writes, such as a capital letter or a slash at the end, would never be equal to what
/// one does.
fn is_origin(text: &str) -> bool {
    let is_plain = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty()
            && bytes.all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.:[]".contains(&byte)
            })
    };
    let parts = text.split_once("://");
    text == ANY || parts.is_some_and(|(scheme, host)| is_plain(scheme) && is_plain(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(text: &str) -> Result<Origins, String> {
        text.to_owned().try_into()
    }

    #[test]
    fn a_list_has_those_that_are_written_in_it() {
        let two = origins("https://a.example, http://localhost:3000").unwrap();
        assert!(two.contain("https://a.example") && two.contain("http://localhost:3000"));
        for other in [
            "http://a.example",
            "https://a.example:444",
            "https://b.a.example",
            "null",
            "",
        ] {
            assert!(!two.contain(other), "{other}");
        }
        assert!(!two.is_none() && !two.is_any());
        assert!(origins("").unwrap().is_none());
        assert!(origins("*").unwrap().contain("null"));
    }

    #[test]
    fn what_no_browser_writes_is_refused() {
        for bad in [
            "a.example",
            "https://a.example/",
            "https://a.example/path",
            "https://a.example?query",
            "https://A.example",
            "https://me@a.example",
            "https://*.example.com/",
            "https://a.example https://b.example",
            "https://",
        ] {
            assert!(origins(bad).is_err(), "{bad}");
        }
    }
}
