//! The dashboard: that it works in any Grafana, and that each panel explains itself.

use std::collections::BTreeSet;

use onelane_tree::monitoring::{Panel, dashboard, list, panels, text, yaml};
use serde_json::{Value, json};

#[test]
fn it_can_be_provisioned_as_it_is() {
    let dashboard = dashboard();
    assert_eq!(dashboard["uid"], env!("CARGO_PKG_NAME"));
    // What an export adds: questions to the user who imports it, and the number it had in another Grafana.
    for key in ["__inputs", "__requires", "id", "version"] {
        assert!(dashboard.get(key).is_none(), "{key}");
    }
    let variables = list(&dashboard["templating"]["list"]);
    let names: Vec<_> = variables.iter().map(|it| text(&it["name"])).collect();
    assert_eq!(names, ["datasource", "job", "namespace"]);
    let chosen = json!({ "type": "prometheus", "uid": "${datasource}" });
    let annotations = list(&dashboard["annotations"]["list"]);
    let askers = variables.into_iter().skip(1).chain(annotations);
    for asker in askers.chain(panels().into_iter().map(|panel| panel.json)) {
        assert_eq!(asker["datasource"], chosen, "{asker}");
    }
}

#[test]
fn every_panel_explains_itself() {
    let mut titles = BTreeSet::new();
    for Panel {
        title,
        json,
        queries,
        ..
    } in panels()
    {
        assert!(titles.insert(title.clone()), "two are called {title}");
        assert!(
            text(&json["description"]).ends_with('.'),
            "{title} says what it shows"
        );
        assert!(
            json["fieldConfig"]["defaults"]["unit"].is_string(),
            "{title} has a unit"
        );
        assert!(!queries.is_empty(), "{title} shows nothing");
        let targets = list(&json["targets"]);
        let ids: BTreeSet<_> = targets.iter().map(|it| text(&it["refId"])).collect();
        assert_eq!(
            ids.len(),
            targets.len(),
            "{title} has one letter for each query"
        );
        let named = targets.iter().all(|it| it["legendFormat"] != "");
        assert!(named || json["type"] == "stat", "{title} names its lines");
    }
}

#[test]
fn queries_follow_the_variables_and_the_resolution() {
    for panel in panels() {
        for query in &panel.queries {
            for selector in query.split('{').skip(1) {
                let ours = selector.starts_with(r#"job="$job", namespace=~"$namespace""#);
                let of_nginx = selector.starts_with(r#"job="$job-nginx", namespace=~"$namespace""#);
                assert!(ours || of_nginx, "{query}");
            }
            let ranges = query.split('[').skip(1);
            for range in ranges {
                assert!(range.starts_with("$__rate_interval]"), "{query}");
            }
        }
    }
}

#[test]
fn panels_have_numbers_of_their_own_and_do_not_overlap() {
    let panels = list(&dashboard()["panels"]);
    let ids: Vec<_> = panels.iter().map(|it| it["id"].as_u64()).collect();
    let expected: Vec<_> = (1..=panels.len() as u64).map(Some).collect();
    assert_eq!(ids, expected, "in the order of the file");
    let mut taken = BTreeSet::new();
    for panel in &panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| number(&panel["gridPos"][key]));
        assert!(x + w <= 24, "{} is too wide", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (y, x))) {
            assert!(taken.insert(cell), "{} lies over another", panel["title"]);
        }
    }
}

#[test]
fn grafana_knows_how_often_prometheus_looks_and_where_its_files_are() {
    let prometheus = yaml("monitoring/prometheus.yml");
    let source = yaml("monitoring/grafana/datasources/prometheus.yaml");
    let interval = &source["datasources"][0]["jsonData"]["timeInterval"];
    assert_eq!(interval, &prometheus["global"]["scrape_interval"]);
    let provider = yaml("monitoring/grafana/dashboards/lanes.yaml");
    let folder = text(&provider["providers"][0]["options"]["path"]);
    let grafana = &yaml("compose.yaml")["services"]["grafana"];
    let home = text(&grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]);
    assert_eq!(home, format!("{folder}/lanes.json"));
    assert_eq!(grafana["volumes"][1]["target"], folder);
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a whole number")
}
