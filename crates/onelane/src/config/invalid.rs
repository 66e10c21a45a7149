//! Why the settings are refused.

use config::ConfigError;

/// Why the process cannot start: one line, in words for whoever wrote the setting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub(super) String);

impl From<ConfigError> for Invalid {
    fn from(err: ConfigError) -> Self {
        // A TOML error draws its position over several lines.
        let lines = err.to_string();
        Self(lines.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}
