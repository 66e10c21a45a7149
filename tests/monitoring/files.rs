//! The dashboard and the rules as they are on disk, and what they ask Prometheus.

#![allow(
    dead_code,
    reason = "the checks and the test with a real Prometheus include this file, and each reads its own part"
)]

use std::fs;

use serde_json::Value;

/// A panel that shows something: no row.
pub(crate) struct Panel {
    pub(crate) row: String,
    pub(crate) title: String,
    pub(crate) queries: Vec<String>,
    pub(crate) json: Value,
}

/// A recording rule or an alert.
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) expr: String,
    pub(crate) json: Value,
}

impl Rule {
    pub(crate) fn is_alert(&self) -> bool {
        self.json.get("alert").is_some()
    }
}

/// A file of the repository.
pub(crate) fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{path}: {err}"))
}

pub(crate) fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|err| panic!("{path}: {err}"))
}

pub(crate) fn dashboard() -> Value {
    let text = read("monitoring/dashboards/lanes.json");
    serde_json::from_str(&text).expect("the dashboard is JSON")
}

pub(crate) fn panels() -> Vec<Panel> {
    let mut row = String::new();
    let mut panels = Vec::new();
    for json in list(&dashboard()["panels"]) {
        let title = text(&json["title"]).to_owned();
        if json["type"] == "row" {
            row = title;
            continue;
        }
        let targets = list(&json["targets"]).into_iter();
        panels.push(Panel {
            row: row.clone(),
            title,
            queries: targets.map(|it| text(&it["expr"]).to_owned()).collect(),
            json,
        });
    }
    panels
}

pub(crate) fn rules() -> Vec<Rule> {
    let object = yaml("monitoring/prometheusrule.yaml");
    let groups = list(&object["spec"]["groups"]).into_iter();
    let rules = groups.flat_map(|group| list(&group["rules"]));
    rules
        .map(|json| Rule {
            name: text(json.get("record").unwrap_or(&json["alert"])).to_owned(),
            expr: text(&json["expr"]).to_owned(),
            json,
        })
        .collect()
}

pub(crate) fn list(value: &Value) -> Vec<Value> {
    let list = value.as_array();
    list.unwrap_or_else(|| panic!("no list: {value}")).clone()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
