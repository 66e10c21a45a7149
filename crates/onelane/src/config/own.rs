//! Settings of a service's own: a table for each workload that has some.

use std::collections::BTreeMap;
use std::fs;

use config::{ConfigError, Map, Value, ValueKind};
use serde::de::DeserializeOwned;
use serde::de::value::UnitDeserializer;
use serde::{Deserialize, Serialize};

use super::fields;
use super::invalid::{Invalid, place};

/// The settings of one workload, as their type describes them.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The name of the workload, and of the table.
    pub name: &'static str,
    fields: fn() -> Option<&'static [&'static str]>,
    read: fn(Value) -> Result<ReadTable, ConfigError>,
}

struct ReadTable {
    /// All settings, defaults included.
    in_effect: toml::Table,
    /// Keys inside that the type of the settings does not have.
    unknown: Vec<String>,
}

/// What is written in a table. Every layer has had its part in it, and files of secrets were read.
pub type Written = serde_json::Value;

impl Table {
    /// The table of the workload called `name`, with settings of type `T`.
    pub const fn of<T: DeserializeOwned + Serialize>(name: &'static str) -> Self {
        Self {
            name,
            fields: fields::of::<T>,
            read: read::<T>,
        }
    }

    /// How the keys of its variables begin.
    pub fn variables(&self) -> String {
        format!("{}_", self.name.to_lowercase().replace('-', "_"))
    }

    /// What is written, and what it comes to. The error names what is wrong, and where that is written.
    pub(super) fn check(&self, written: Value) -> Result<(Written, toml::Table), Invalid> {
        let prefix = format!("{}.", self.name);
        let table = Value::from(self.known(written, &prefix)?);
        let read = (self.read)(table.clone()).map_err(|err| Invalid::of(err, &table, &prefix))?;
        if let Some(key) = read.unknown.first() {
            return Err(Invalid(format!("{prefix}{key}: unknown setting")));
        }
        let written = Written::deserialize(table).map_err(Invalid::from)?;
        Ok((written, read.in_effect))
    }

    /// The table without unknown keys. What stands in a file, as a secret may, stands in the table after this.
    fn known(&self, written: Value, prefix: &str) -> Result<Map<String, Value>, Invalid> {
        let at = |key: &str, value| place(&format!("{prefix}{key}"), value);
        let ValueKind::Table(written) = written.kind else {
            let place = place(self.name, Some(&written));
            return Err(Invalid(format!("{place}: must be a table")));
        };
        let Some(fields) = (self.fields)() else {
            return Ok(written);
        };
        let is_field = |key: &str| fields.contains(&key);
        let mut known = Map::new();
        for (key, value) in sorted(&written) {
            let invalid = |why| Invalid(format!("{}: {why}", at(key, Some(value))));
            let of_file = key.strip_suffix("_file").filter(|of| is_field(of));
            match of_file {
                _ if is_field(key) => known.insert(key.clone(), value.clone()),
                Some(field) if written.contains_key(field) => {
                    return Err(invalid(format!("{field} is set, too")));
                }
                Some(field) => known.insert(field.to_owned(), content(value).map_err(invalid)?),
                None => return Err(invalid("unknown setting".to_owned())),
            };
        }
        Ok(known)
    }
}

/// So that of several mistakes it is always the same one that is told.
pub(super) fn sorted(table: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    table.iter().collect::<BTreeMap<_, _>>().into_iter()
}

/// What stands in a file, without the end of its last line.
fn content(written: &Value) -> Result<Value, String> {
    let origin = written.origin().map(str::to_owned);
    let path = written.clone().into_string();
    let path = path.map_err(|_| "must be a path".to_owned())?;
    let text = fs::read_to_string(&path).map_err(|err| format!("{path}: {err}"))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(Value::new(origin.as_ref(), text))
}

fn read<T: DeserializeOwned + Serialize>(written: Value) -> Result<ReadTable, ConfigError> {
    let mut unknown = Vec::new();
    let settings: T = deserialize(written, |key| unknown.push(key))?;
    let in_effect = toml::Table::try_from(&settings);
    Ok(ReadTable {
        // `()` stands for no settings, and is no table.
        in_effect: in_effect.unwrap_or_default(),
        unknown,
    })
}

/// The settings that were found to be right, maybe in another process.
pub fn settings<T: DeserializeOwned>(written: &Written) -> Result<T, String> {
    let table = Value::deserialize(written).map_err(|err| err.to_string())?;
    deserialize(table, |_| ()).map_err(|err| err.to_string())
}

/// Unlike `serde_json`, a [`Value`] makes a number of a text where a number is asked for: variables are text.
fn deserialize<T: DeserializeOwned>(
    table: Value,
    mut unknown: impl FnMut(String),
) -> Result<T, ConfigError> {
    let is_empty = matches!(&table.kind, ValueKind::Table(table) if table.is_empty());
    // No settings at all are `()`, where that is their type.
    let none = is_empty.then(|| T::deserialize(UnitDeserializer::<ConfigError>::new()));
    match none {
        Some(Ok(none)) => Ok(none),
        _ => serde_ignored::deserialize(table, |path| unknown(path.to_string())),
    }
}
