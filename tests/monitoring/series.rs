//! Names of series: what queries and rules ask for is what lanes tell, and is explained.

use std::collections::BTreeSet;
use std::fs;
use std::iter;

use onelane_tree::monitoring::{panels, read, rules};

/// How the names begin that are meant for series.
const FAMILIES: [&str; 8] = [
    "http_",
    "job:",
    "job_status:",
    "kube_",
    "namespace:",
    "nginx_",
    "onelane_",
    "process_",
];

/// Which are not ours: of the process, of nginx's exporter, of kube-state-metrics.
const FOREIGN: [&str; 13] = [
    "kube_deployment_status_replicas_unavailable",
    "kube_horizontalpodautoscaler_spec_max_replicas",
    "kube_horizontalpodautoscaler_status_current_replicas",
    "kube_horizontalpodautoscaler_status_desired_replicas",
    "kube_pod_container_status_restarts_total",
    "nginx_connections_active",
    "nginx_connections_reading",
    "nginx_connections_waiting",
    "nginx_connections_writing",
    "nginx_http_requests_total",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
];

#[test]
fn queries_and_rules_ask_for_series_that_exist() {
    let known = known();
    let queries = panels().into_iter().flat_map(|panel| panel.queries);
    let exprs = rules().into_iter().map(|rule| rule.expr);
    for query in queries.chain(exprs) {
        for name in asked_for(&query) {
            assert!(known.contains(&name), "there is no {name}: {query}");
        }
    }
}

#[test]
fn every_series_is_explained() {
    let explained = read("docs/monitoring.md");
    for name in known() {
        assert!(
            explained.contains(&format!("`{name}")),
            "{name} is not in docs/monitoring.md"
        );
    }
}

#[test]
fn every_series_of_a_lane_is_shown_or_watched() {
    let queries = panels().into_iter().flat_map(|panel| panel.queries);
    let exprs = rules().into_iter().map(|rule| rule.expr);
    let asked: BTreeSet<String> = queries.chain(exprs).flat_map(|it| asked_for(&it)).collect();
    for name in of_lanes() {
        assert!(asked.contains(&name), "no panel or rule looks at {name}");
    }
}

fn known() -> BTreeSet<String> {
    let recorded = rules().into_iter().filter(|rule| !rule.is_alert());
    let recorded = recorded.map(|rule| rule.name);
    let foreign = FOREIGN.map(str::to_owned).into_iter();
    of_lanes()
        .into_iter()
        .chain(recorded)
        .chain(foreign)
        .collect()
}

/// The names in `src/metrics/`.
fn of_lanes() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/onelane/src/metrics");
    let mut names = BTreeSet::new();
    for file in fs::read_dir(folder).expect("it is there") {
        let text =
            fs::read_to_string(file.expect("it can be listed").path()).expect("a source file");
        let quoted = text.split('"').skip(1).step_by(2);
        let ours = quoted.filter(|it| it.starts_with("onelane_") || it.starts_with("http_"));
        names.extend(ours.map(str::to_owned));
    }
    assert!(names.len() >= 20, "{names:?}");
    names
}

/// The names in a query. One that begins otherwise finds nothing, which the test with a real Prometheus
/// notices.
fn asked_for(query: &str) -> BTreeSet<String> {
    series_in(query).map(|(name, _)| whole(name)).collect()
}

/// The names in a query, each with what follows it.
pub(crate) fn series_in(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || "_:".contains(char);
    let mut rest = query;
    let words = iter::from_fn(move || {
        let word = &rest[rest.find(is_part)?..];
        let end = word.find(|char| !is_part(char)).unwrap_or(word.len());
        rest = &word[end..];
        Some(word.split_at(end))
    });
    words.filter(|(word, _)| FAMILIES.iter().any(|family| word.starts_with(family)))
}

/// A histogram is one series to those who write it down.
fn whole(name: &str) -> String {
    let of_lanes = of_lanes();
    let parts = ["_bucket", "_sum", "_count"].into_iter();
    let histogram = parts
        .filter_map(|part| name.strip_suffix(part))
        .find(|it| of_lanes.contains(*it));
    histogram.unwrap_or(name).to_owned()
}
