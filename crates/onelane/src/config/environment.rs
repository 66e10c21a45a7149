//! The variables with our prefix as one layer. Every one of them must turn out to be a known key.

use std::ffi::OsString;

use config::{ConfigError, Map, Source, Value};

use super::invalid::{Invalid, PREFIX};
use super::own::Table;

/// Whether there is a collector for traces: a program without the feature `otlp` exports none, which is no use to it.
#[cfg(not(feature = "otlp"))]
pub fn names_collector() -> bool {
    let names = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ];
    let mut values = names.into_iter().filter_map(std::env::var_os);
    values.any(|value| !value.is_empty())
}

/// The layer. Each value remembers which variable it comes from.
#[derive(Debug, Clone)]
pub(super) struct Environment(Map<String, Value>);

impl Environment {
    /// `tables` says which variables are of a workload: `ONELANE_MODEL_SIZE` is `size` in the table of `model`.
    pub(super) fn new(
        variables: impl Iterator<Item = (OsString, OsString)>,
        tables: &[&Table],
    ) -> Result<Self, Invalid> {
        let mut ours = Map::new();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            let value = value
                .into_string()
                .map_err(|_| Invalid(format!("{name}: not valid UTF-8")))?;
            let key = key(&name[PREFIX.len()..].to_lowercase(), tables);
            ours.insert(key, Value::new(Some(&name.to_owned()), value));
        }
        Ok(Self(ours))
    }
}

/// Where two tables are possible, as for `a_b_c` with the workloads `a` and `a-b`, the longer name counts.
fn key(name: &str, tables: &[&Table]) -> String {
    let fields = tables.iter().filter_map(|table| {
        let field = name.strip_prefix(&table.variables())?;
        Some((field, table.name)).filter(|_| !field.is_empty())
    });
    match fields.min_by_key(|(field, _)| field.len()) {
        Some((field, table)) => format!("{table}.{field}"),
        None => name.to_owned(),
    }
}

impl Source for Environment {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}
