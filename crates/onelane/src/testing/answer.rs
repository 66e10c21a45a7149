//! What a service has answered.

use serde_json::Value;

/// A whole answer. Redirects are not followed.
#[derive(Debug)]
pub struct Answer {
    /// Its status code.
    pub status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// All of its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name, in upper or lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The body as text. Bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let value = serde_json::from_slice(&self.body);
        value.unwrap_or_else(|err| panic!("no JSON, {err}: {self:?}"))
    }
}
