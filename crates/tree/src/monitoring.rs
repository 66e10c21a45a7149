//! The dashboard and the rules as they are on disk, and what they ask Prometheus.

use std::fs;

use serde_json::Value;

/// A panel that shows something: no row.
pub struct Panel {
    /// The row that it stands in.
    pub row: String,
    /// What stands above it.
    pub title: String,
    /// In `PromQL`.
    pub queries: Vec<String>,
    /// All of it.
    pub json: Value,
}

/// A recording rule or an alert.
pub struct Rule {
    /// Of the series that is recorded, or of the alert.
    pub name: String,
    /// In `PromQL`.
    pub expr: String,
    /// All of it.
    pub json: Value,
}

impl Rule {
    /// Whether it is an alert; the other rules record series.
    pub fn is_alert(&self) -> bool {
        self.json.get("alert").is_some()
    }
}

/// A file of the repository.
pub fn read(path: &str) -> String {
    let path = crate::root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

/// A file of the repository that is YAML.
pub fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|err| panic!("{path}: {err}"))
}

/// The dashboard.
pub fn dashboard() -> Value {
    let text = read("monitoring/dashboards/lanes.json");
    serde_json::from_str(&text).expect("the dashboard is JSON")
}

/// Its panels, in their order.
pub fn panels() -> Vec<Panel> {
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

/// All rules, in their order.
pub fn rules() -> Vec<Rule> {
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

/// The elements of a list.
pub fn list(value: &Value) -> Vec<Value> {
    let list = value.as_array();
    list.unwrap_or_else(|| panic!("no list: {value}")).clone()
}

/// What is a text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
