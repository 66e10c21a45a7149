//! The rules: that alerts tell what to do, have their cases, and know the numbers of the autoscalers.

use std::collections::BTreeSet;

use onelane_tree::monitoring::{Rule, list, read, rules, text, yaml};
use serde_json::{Value, json};

use crate::series::series_in;

const SERVICE: &str = env!("CARGO_PKG_NAME");

#[test]
fn every_alert_says_what_it_means_and_what_to_do() {
    for rule in rules().into_iter().filter(Rule::is_alert) {
        let name = &rule.name;
        let severity = text(&rule.json["labels"]["severity"]);
        assert!(["warning", "critical"].contains(&severity), "{name}");
        let annotations = &rule.json["annotations"];
        for key in ["summary", "description"] {
            assert!(text(&annotations[key]).ends_with('.'), "{key} of {name}");
        }
        // As headings become anchors.
        let section = format!("docs/runbooks.md#{}", name.to_lowercase());
        assert_eq!(annotations["runbook_url"], section);
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let runbooks = read("docs/runbooks.md");
    let headings = runbooks.lines().filter_map(|line| line.strip_prefix("## "));
    let headings: Vec<_> = headings.map(str::to_owned).collect();
    let alerts = rules().into_iter().filter(Rule::is_alert);
    let alerts: Vec<_> = alerts.map(|rule| rule.name).collect();
    assert_eq!(headings, alerts, "in the same order");
}

#[test]
fn every_alert_has_cases_in_which_it_fires_and_in_which_it_does_not() {
    let mut cases = BTreeSet::new();
    for file in ["load", "lanes"] {
        for test in list(&yaml(&format!("monitoring/tests/{file}.yml"))["tests"]) {
            cases.insert(case(&test));
        }
    }
    for alert in rules().into_iter().filter(Rule::is_alert) {
        for fires in [true, false] {
            let case = (alert.name.clone(), fires);
            assert!(cases.remove(&case), "no case for {case:?}");
        }
    }
    assert_eq!(cases, BTreeSet::new(), "there are no such alerts");
}

/// Which alert it is about, and whether it fires; its name says the same.
fn case(test: &Value) -> (String, bool) {
    let moments = list(&test["alert_rule_test"]);
    let alert = text(&moments[0]["alertname"]);
    let fires = moments.iter().any(|it| it["exp_alerts"] != json!([]));
    let verb = if fires { "fires" } else { "does not fire" };
    let name = text(&test["name"]);
    assert!(name.starts_with(&format!("{alert} {verb} ")), "{name}");
    assert!(moments.iter().all(|it| it["alertname"] == alert), "{name}");
    (alert.to_owned(), fires)
}

#[test]
fn lanes_are_wanted_as_the_autoscaler_wants_them() {
    let keda = yaml("k8s/autoscale-on-lanes/keda/scaledobject.yaml");
    let wanted = rules()
        .into_iter()
        .find(|rule| rule.name == "job:onelane_lanes_wanted:rate1m");
    let wanted = wanted.expect("it is recorded").expr;
    for (trigger, recorded) in [
        (0, "job:onelane_busy_slots:rate1m"),
        (1, "job:onelane_waiting_requests:rate1m"),
    ] {
        let target = text(&keda["spec"]["triggers"][trigger]["metadata"]["threshold"]);
        assert!(
            wanted.contains(&format!("{recorded}{{job=\"{SERVICE}\"}} / {target}")),
            "{wanted}"
        );
    }
}

#[test]
fn the_autoscaler_that_is_watched_is_the_one_there_is() {
    let scaler = yaml("k8s/app-hpa.yaml");
    let name = text(&scaler["metadata"]["name"]);
    let name = format!(r#"{{horizontalpodautoscaler="{name}"}}"#);
    let of_autoscalers = "kube_horizontalpodautoscaler_";
    let asks = |rule: &Rule| rule.expr.contains(of_autoscalers);
    let watching: Vec<Rule> = rules().into_iter().filter(asks).collect();
    assert_eq!(watching.len(), 2);
    for Rule {
        expr, name: alert, ..
    } in watching
    {
        let asked = expr.matches(of_autoscalers).count();
        assert_eq!(expr.matches(&name).count(), asked, "{alert}");
    }
}

/// One Prometheus may have the rules of two services, and both have these series.
#[test]
fn every_rule_and_every_number_of_the_console_are_of_this_service() {
    for rule in rules() {
        let is_labelled = rule.json["labels"]["job"] == SERVICE;
        for (name, rest) in series_in(&rule.expr) {
            // Of the cluster, and joined with what lanes tell.
            let is_foreign = name.starts_with("kube_") && is_labelled;
            assert!(is_foreign || selects(rest, '"'), "{name} in {}", rule.name);
        }
    }
    let console = read("monitoring/consoles/lanes.html");
    for (name, rest) in series_in(&console) {
        let is_of_a_lane = rest.starts_with("\" $lane");
        assert!(is_of_a_lane || selects(rest, '\''), "{name} in the console");
    }
}

/// Whether a selector begins with the job of the lanes, or of nginx.
fn selects(query: &str, quote: char) -> bool {
    [SERVICE, concat!(env!("CARGO_PKG_NAME"), "-nginx")]
        .iter()
        .any(|job| query.starts_with(&format!("{{job={quote}{job}{quote}")))
}

#[test]
fn lanes_are_the_same_job_in_compose_and_in_a_cluster() {
    let prometheus = yaml("monitoring/prometheus.yml");
    let lanes = &prometheus["scrape_configs"][0];
    let monitor = yaml("k8s/monitoring/podmonitor.yaml");
    let label = text(&monitor["spec"]["jobLabel"]);
    let pod = &yaml("k8s/app-deployment.yaml")["spec"]["template"];
    assert_eq!(lanes["job_name"], pod["metadata"]["labels"][label]);
    let container = &pod["spec"]["containers"][0];
    let admin = list(&container["ports"])
        .into_iter()
        .find(|port| port["name"] == "admin");
    assert_eq!(
        lanes["dns_sd_configs"][0]["port"],
        admin.unwrap_or(Value::Null)["containerPort"]
    );
}
