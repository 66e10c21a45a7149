//! What Prometheus and the dashboard show, against what the load saw.
#![allow(clippy::float_cmp, reason = "series count in whole numbers")]

// More than lanes can do.
mod overload;
// What the dashboard, the rules and the page show of it.
mod shown;

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use onelane_stack::{Compose, Prometheus, alone, ask, client, eventually, say};
use onelane_tree::monitoring::Panel;
use serde_json::{Value, json};
use tokio::time::sleep;

use overload::{Counts, LOAD, PATIENCE, SLEEP, overload};
use shown::{every_panel_shows_something, every_rule_is_well, the_page_shows_every_lane};

/// A hop is no answer, and the page is what `docker/up` waits for.
const ANSWERS: &str = concat!(
    r#"sum by (status) (http_requests_total{job=""#,
    env!("CARGO_PKG_NAME"),
    r#"", status!="403", route!="/"})"#
);

/// The job of the lanes, and the dashboard's uid and title.
const SERVICE: &str = env!("CARGO_PKG_NAME");

#[tokio::test]
async fn prometheus_tells_what_the_load_saw_and_which_lanes_come_and_go() {
    let _alone = alone().await;
    let Some((stack, prometheus)) = Compose::watched(6, "").await else {
        return;
    };
    lanes_are(&prometheus, 6).await;
    alerts_are(&prometheus, []).await;

    let load = overload(&stack, 100.0, Duration::from_secs(1));
    let in_a_lane = |panel: &Panel| !panel.row.starts_with("Children");
    every_panel_shows_something(&prometheus, in_a_lane).await;
    alerts_are(&prometheus, ["OnelaneRefuses", "OnelaneWaits"]).await;
    every_rule_is_well(&prometheus).await;
    the_page_shows_every_lane(&stack, &prometheus).await;
    agrees(&prometheus, &load.await.unwrap()).await;
    grafana_is_for_looking_only(&stack).await;

    stack.scale(8).await;
    lanes_are(&prometheus, 8).await;
    stack.scale(2).await;
    lanes_are(&prometheus, 2).await;
}

#[tokio::test]
async fn prometheus_tells_what_the_load_saw_of_a_cluster_whose_workers_are_replaced() {
    let _alone = alone().await;
    let settings = "ONELANE_MODE=cluster ONELANE_SLOTS=2 ONELANE_QUEUE_MAX=4";
    let Some((stack, prometheus)) = Compose::watched(1, settings).await else {
        return;
    };
    lanes_are(&prometheus, 1).await;

    let load = overload(&stack, 20.0, Duration::from_millis(50));
    let lane = stack.lanes().await.remove(0);
    lane.signal("HUP").await;
    every_panel_shows_something(&prometheus, |_| true).await;
    alerts_are(&prometheus, ["OnelaneRefuses", "OnelaneTimeouts"]).await;
    let counts = load.await.unwrap();

    agrees(&prometheus, &counts).await;
    let replaced = r#"sum(onelane_worker_restarts_total{cause="reload"})"#;
    assert_eq!(prometheus.number(replaced).await, 2.0);
}

async fn lanes_are(prometheus: &Prometheus, count: usize) {
    eventually(&format!("{count} lanes among the targets"), async || {
        let up = prometheus.targets(SERVICE, "up").await == count;
        (up && prometheus.targets(SERVICE, "down").await == 0).then_some(())
    })
    .await;
}

/// Pending or firing.
async fn alerts(prometheus: &Prometheus) -> BTreeSet<String> {
    let alerts = prometheus.query("ALERTS").await.into_iter();
    alerts
        .map(|(labels, _)| labels["alertname"].clone())
        .collect()
}

/// These are raised, and no others. When they fire, and with which words, is tested with promtool.
async fn alerts_are<const N: usize>(prometheus: &Prometheus, expected: [&str; N]) {
    let expected = expected.map(str::to_owned).into();
    let start = Instant::now();
    let mut raised = alerts(prometheus).await;
    while raised != expected && start.elapsed() < 2 * LOAD {
        sleep(Duration::from_millis(100)).await;
        raised = alerts(prometheus).await;
    }
    assert_eq!(raised, expected);
}

async fn grafana_is_for_looking_only(stack: &Compose) {
    let Some(grafana) = stack.grafana().await else {
        // Without a registry there is no Grafana, as `make up` says: not even CI has to have one.
        return say("SKIPPED a part of a test: there is no registry to fetch Grafana from");
    };
    let title = eventually("the dashboard", async || {
        let dashboard = client().get(format!("{grafana}/api/dashboards/uid/{SERVICE}"));
        let reply: Value = dashboard.send().await.ok()?.json().await.ok()?;
        reply.pointer("/dashboard/title").cloned()
    })
    .await;
    assert_eq!(title, SERVICE);
    let login = json!({ "user": "admin", "password": "admin" });
    let login = ask(client().post(format!("{grafana}/login")).json(&login)).await;
    assert!(login.status >= 400, "{}", login.json);
}

/// Everything is counted once.
async fn agrees(prometheus: &Prometheus, counts: &Counts) {
    for status in ["200", "400", "404", "405", "504"] {
        assert!(counts.contains_key(status), "no {status} among {counts:?}");
    }
    caught_up(prometheus).await;
    assert_eq!(&prometheus.by("status", ANSWERS).await, counts);
    let refused = counts.get("503").copied().unwrap_or_default();
    let rejected = r#"sum(onelane_rejected_total{reason=~"queue_full|queue_timeout"})"#;
    assert_eq!(prometheus.number(rejected).await, refused);

    let computed = counts["200"] + counts["504"];
    for histogram in ["onelane_compute_seconds", "onelane_queue_wait_seconds"] {
        let count = prometheus.number(&format!("sum({histogram}_count)")).await;
        assert_eq!(count, computed, "{histogram}");
    }
    let least = counts["200"] * SLEEP.as_secs_f64() + counts["504"] * PATIENCE.as_secs_f64();
    let busy = prometheus.number("sum(onelane_busy_seconds_total)").await;
    assert!(
        (least..2.0 * least).contains(&busy),
        "{busy} s busy, {least} s slept"
    );
}

/// Once all lanes have been looked at anew. A cluster is right within a second.
async fn caught_up(prometheus: &Prometheus) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let due = now.expect("it is later than 1970").as_secs_f64() + 1.5;
    eventually("a scrape of every lane", async || {
        let seen = "min(timestamp(onelane_slots))";
        (prometheus.number(seen).await > due).then_some(())
    })
    .await;
}
