//! Why the settings are refused, in words that name the place where they are written.

use config::{ConfigError, Value, ValueKind};

/// How the names of variables begin that are settings.
pub(super) const PREFIX: &str = "ONELANE_";

/// Why the process cannot start: one line, in words for the person who wrote the setting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub(super) String);

impl Invalid {
    /// For a table that cannot be read; `name` is what its keys are below, with a dot, or nothing.
    pub(super) fn of(err: ConfigError, table: &Value, name: &str) -> Self {
        match cause(err) {
            (Some(key), why) => {
                let value = descend(table, &key);
                Self(format!("{}: {why}", place(&format!("{name}{key}"), value)))
            }
            (None, why) => Self(format!("{}{why}", prefix(name))),
        }
    }
}

fn prefix(name: &str) -> String {
    match name.strip_suffix('.') {
        Some(table) => format!("[{table}]: "),
        None => String::new(),
    }
}

/// Which key is wrong, if that is known, and why.
fn cause(err: ConfigError) -> (Option<String>, String) {
    match err {
        ConfigError::Type {
            unexpected,
            expected,
            key,
            ..
        } => (
            key,
            format!("invalid type: {unexpected}, expected {expected}"),
        ),
        ConfigError::At { error, key, .. } => (key, cause(*error).1),
        ConfigError::NotFound(key) => (Some(key), "missing".to_owned()),
        other => (None, one_line(&other)),
    }
}

fn descend<'a>(table: &'a Value, key: &str) -> Option<&'a Value> {
    let mut keys = key.split(['.', '[']);
    keys.try_fold(table, |value, key| match &value.kind {
        ValueKind::Table(table) => table.get(key),
        _ => None,
    })
}

/// Where the value of a key is written: the variable, or the file and the key.
pub(super) fn place(key: &str, value: Option<&Value>) -> String {
    match value.and_then(origin) {
        Some(variable) if variable.starts_with(PREFIX) => variable,
        Some(file) => format!("--config {file}: {key}"),
        None => key.to_owned(),
    }
}

/// A table has no origin of its own, because several layers may have a part in it.
fn origin(value: &Value) -> Option<String> {
    let of_parts = || match &value.kind {
        ValueKind::Table(table) => table.values().find_map(origin),
        _ => None,
    };
    value.origin().map(str::to_owned).or_else(of_parts)
}

impl From<ConfigError> for Invalid {
    fn from(err: ConfigError) -> Self {
        Self(one_line(&err))
    }
}

/// A TOML error draws its position over several lines.
fn one_line(err: &ConfigError) -> String {
    let lines = err.to_string();
    lines.split_whitespace().collect::<Vec<_>>().join(" ")
}
