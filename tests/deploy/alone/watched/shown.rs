//! Whether the dashboard, the rules and the page have something to show.

use std::time::{Duration, Instant};

use onelane_stack::{Compose, Prometheus};
use onelane_tree::monitoring::{Panel, panels, rules};
use tokio::time::sleep;

use super::overload::LOAD;

/// What Grafana would make of a query, here.
fn filled_in(query: &str) -> String {
    query
        .replace("$job", env!("CARGO_PKG_NAME"))
        .replace("$namespace", ".*")
        .replace("$__rate_interval", "10s")
}

pub(super) async fn every_panel_shows_something(
    prometheus: &Prometheus,
    these: impl Fn(&Panel) -> bool,
) {
    let panels = panels().into_iter().filter(these);
    let queries = panels.flat_map(|panel| panel.queries);
    let mut blank: Vec<String> = queries.map(|query| filled_in(&query)).collect();
    assert!(blank.len() > 20, "only {} queries", blank.len());
    let start = Instant::now();
    while !blank.is_empty() {
        assert!(start.elapsed() < 2 * LOAD, "nothing to show for {blank:#?}");
        let mut still = Vec::new();
        for query in blank {
            if prometheus.query(&query).await.is_empty() {
                still.push(query);
            }
        }
        blank = still;
        sleep(Duration::from_millis(100)).await;
    }
}

pub(super) async fn every_rule_is_well(prometheus: &Prometheus) {
    let evaluated = prometheus.rules().await;
    for rule in rules() {
        let found = evaluated.iter().find(|it| it["name"] == rule.name.as_str());
        let found = found.unwrap_or_else(|| panic!("{} is not evaluated", rule.name));
        assert_eq!(found["health"], "ok", "{found}");
        if rule.is_alert() {
            continue;
        }
        let series = prometheus.query(&rule.name).await;
        assert!(!series.is_empty(), "{} records nothing", rule.name);
        let level = rule.name.split(':').next().expect("level:metric:operation");
        for (labels, _) in series {
            // Of what a level consists, but for the namespace, which is for clusters.
            let labels: Vec<_> = labels.into_keys().collect();
            assert_eq!(
                labels.join("_"),
                level.trim_start_matches("namespace"),
                "{}",
                rule.name
            );
        }
    }
}

pub(super) async fn the_page_shows_every_lane(stack: &Compose, prometheus: &Prometheus) {
    let page = prometheus.page().await;
    for lane in stack.lanes().await {
        let row = format!("<td>{}:9464\n    <td>yes", lane.address);
        assert!(page.contains(&row), "{row} in {page}");
    }
    assert!(page.contains("<li>OnelaneWaits: pending"), "{page}");
    assert!(!page.contains("<dd>–"), "nothing is blank: {page}");
}
