//! The configuration of nginx as its pods have it: the files of the image, but for those that the
//! `ConfigMap` replaces.

use std::fs;
use std::time::Duration;

use humantime_serde::re::humantime::parse_duration;
use onelane_tree::manifests::{at, default_set};
use serde_json::Value;

pub(crate) fn config_map() -> Value {
    let found = default_set()
        .into_iter()
        .find(|it| it.kind() == "ConfigMap");
    found.expect("k8s/ has one").object
}

/// A file as the pods have it.
pub(crate) fn file(name: &str) -> String {
    let replaced = &config_map()["data"][name];
    match replaced.as_str() {
        Some(text) => text.to_owned(),
        None => in_image(name),
    }
}

pub(crate) fn in_image(name: &str) -> String {
    let path = format!("{}/nginx/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{path}: {err}"))
}

/// What follows each directive of this name.
pub(crate) fn directives(file_name: &str, directive: &str) -> Vec<String> {
    let text = file(file_name);
    let lines = text.lines().map(|line| line.trim().trim_end_matches(';'));
    lines
        .filter_map(|line| Some(line.strip_prefix(directive)?.strip_prefix(' ')?.to_owned()))
        .collect()
}

pub(crate) fn directive(file_name: &str, directive: &str) -> String {
    let mut found = directives(file_name, directive);
    assert_eq!(found.len(), 1, "{directive} in {file_name}");
    found.remove(0)
}

pub(crate) fn time(file_name: &str, name: &str) -> Duration {
    duration(&directive(file_name, name))
}

/// A parameter of a directive: the time in `valid=1s`.
pub(crate) fn parameter(directive: &str, name: &str) -> Duration {
    let mut words = directive.split_whitespace();
    let value = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    duration(value.unwrap_or_else(|| panic!("no {name} in {directive}")))
}

pub(crate) fn duration(text: &str) -> Duration {
    parse_duration(text).unwrap_or_else(|err| panic!("{text}: {err}"))
}

/// The end of a name that changes with what it names.
pub(crate) fn hash(config_map: &Value) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    let files = at(config_map, "/data").as_object().expect("it has data");
    for text in files.values().filter_map(Value::as_str) {
        hash.update(text);
    }
    let bytes = hash.finalize();
    format!(
        "{:08x}",
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    )
}
