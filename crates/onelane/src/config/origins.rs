//! Pages of other sites, by where they come from.

use std::str::FromStr;

use actix_web::http::Uri;
use serde::{Deserialize, Serialize};

/// All of them, in place of an origin.
const ANY: &str = "*";

/// Some origins, as browsers write them (`https://app.example.com`), or all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Origins(Vec<String>);

/// With commas where there is only text, in flags and in the environment.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a list of origins")]
enum Written {
    Text(String),
    List(Vec<String>),
}

impl Origins {
    /// None: other sites are nobody's concern.
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

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let origins = text.split(',').map(str::trim);
        let origins = origins.filter(|origin| !origin.is_empty());
        Written::List(origins.map(str::to_owned).collect()).try_into()
    }
}

impl TryFrom<Written> for Origins {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let origins = match written {
            Written::Text(text) => return text.parse(),
            Written::List(origins) => origins,
        };
        match origins.iter().find(|origin| !is_origin(origin)) {
            None => Ok(Self(origins)),
            Some(other) => Err(format!(
                "`{other}` is no origin, which is like https://app.example.com, without a path"
            )),
        }
    }
}

/// What no browser writes would never be equal to what one does.
fn is_origin(text: &str) -> bool {
    let parts = text.parse::<Uri>().map(Uri::into_parts);
    let written = parts.ok().and_then(|parts| {
        let (scheme, authority) = (parts.scheme?, parts.authority?);
        let written = format!("{scheme}://{authority}");
        (!written.contains('@')).then(|| written.to_ascii_lowercase())
    });
    text == ANY || written.as_deref() == Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(text: &str) -> Result<Origins, String> {
        text.parse()
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
