//! Questions to a running Prometheus.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ask::{ask, client};

/// The labels of a series, but for its name.
pub type Labels = BTreeMap<String, String>;

/// Where it is.
pub struct Prometheus {
    base: String,
}

impl Prometheus {
    /// Published on this port.
    pub fn on(port: u16) -> Self {
        Self {
            base: format!("http://127.0.0.1:{port}"),
        }
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let request = client().get(format!("{}/api/v1/{path}", self.base));
        let reply = ask(request.query(parameters)).await;
        assert_eq!(reply.status, 200, "{parameters:?}: {}", reply.json);
        reply.json["data"].clone()
    }

    /// The lanes on one page.
    pub async fn page(&self) -> String {
        let page = client().get(format!("{}/consoles/lanes.html", self.base));
        let page = page.send().await.expect("an answer");
        page.text().await.expect("a complete answer")
    }

    /// What it answers now: every series that has a number.
    pub async fn query(&self, query: &str) -> Vec<(Labels, f64)> {
        let data = self.get("query", &[("query", query)]).await;
        let series = data["result"].as_array().expect("a vector");
        let numbers = series.iter().map(|series| {
            let labels = series["metric"].clone();
            let mut labels: Labels = serde_json::from_value(labels).expect("text");
            labels.remove("__name__");
            let value = series["value"][1].as_str().expect("a number, as text");
            (labels, value.parse().expect("a number"))
        });
        numbers
            .filter(|(_, value): &(_, f64)| !value.is_nan())
            .collect()
    }

    /// The numbers by the value of one label.
    pub async fn by(&self, label: &str, query: &str) -> BTreeMap<String, f64> {
        let series = self.query(query).await.into_iter();
        series
            .map(|(labels, value)| (labels.get(label).cloned().unwrap_or_default(), value))
            .collect()
    }

    /// The only number; zero where there is none.
    pub async fn number(&self, query: &str) -> f64 {
        match self.query(query).await.as_slice() {
            [] => 0.0,
            [(_, number)] => *number,
            several => panic!("{query}: {several:?}"),
        }
    }

    /// The targets of a job that are in this state.
    pub async fn targets(&self, job: &str, health: &str) -> usize {
        let data = self.get("targets", &[("state", "active")]).await;
        let targets = data["activeTargets"].as_array().expect("a list");
        let these = targets
            .iter()
            .filter(|it| it["labels"]["job"] == job && it["health"] == health);
        these.count()
    }

    /// The rules as they were last evaluated.
    pub async fn rules(&self) -> Vec<Value> {
        let data = self.get("rules", &[]).await;
        let groups = data["groups"].as_array().expect("a list").iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().expect("a list"));
        rules.cloned().collect()
    }
}
