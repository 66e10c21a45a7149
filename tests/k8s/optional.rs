//! The folders below `k8s/`: what they say twice, and what no schema checks.

use onelane_tree::SERVICE;
use onelane_tree::manifests::{at, container, in_folder, list, number, object, text};
use serde_json::json;

#[test]
fn every_autoscaler_goes_up_and_down_alike() {
    let scaler = object("HorizontalPodAutoscaler", "app");
    let behavior = at(&scaler, "/spec/behavior");
    let range = ["minReplicas", "maxReplicas"].map(|key| number(&scaler, &format!("/spec/{key}")));

    let adapter = in_folder("autoscale-on-lanes/prometheus-adapter").remove(0);
    assert_eq!(at(&adapter.object, "/spec/behavior"), behavior);
    let adapter =
        ["minReplicas", "maxReplicas"].map(|key| number(&adapter.object, &format!("/spec/{key}")));
    assert_eq!(adapter, range);

    let keda = in_folder("autoscale-on-lanes/keda").remove(0).object;
    let config = at(&keda, "/spec/advanced/horizontalPodAutoscalerConfig");
    assert_eq!(at(config, "/behavior"), behavior);
    assert_eq!(
        config["name"], scaler["metadata"]["name"],
        "it takes over that one"
    );
    let keda =
        ["minReplicaCount", "maxReplicaCount"].map(|key| number(&keda, &format!("/spec/{key}")));
    assert_eq!(keda, range);

    let knative = in_folder("knative").remove(2).object;
    let annotations = at(&knative, "/spec/template/metadata/annotations");
    assert_eq!(
        annotations["autoscaling.knative.dev/max-scale"],
        range[1].to_string()
    );
}

#[test]
fn both_ways_to_scale_on_lanes_use_the_same_signals_and_targets() {
    let keda = in_folder("autoscale-on-lanes/keda").remove(0).object;
    let adapter = in_folder("autoscale-on-lanes/prometheus-adapter")
        .remove(0)
        .object;
    let rules = in_folder("autoscale-on-lanes/prometheus-adapter/helm")
        .remove(0)
        .object;
    for index in 0..2 {
        let trigger = at(&keda, &format!("/spec/triggers/{index}/metadata"));
        let metric = at(&adapter, &format!("/spec/metrics/{index}/pods"));
        let rule = at(&rules, &format!("/rules/custom/{index}"));
        let (series, _) = text(rule, "/seriesQuery")
            .split_once('{')
            .expect("with labels");
        assert!(text(trigger, "/query").contains(&format!("rate({series}{{")));
        assert_eq!(metric["metric"]["name"], rule["name"]["as"]);
        // Without data the autoscaler leaves the lanes as they are.
        assert_eq!(trigger["ignoreNullValues"], "false");
        let threshold: f64 = text(trigger, "/threshold").parse().expect("a number");
        let target = text(metric, "/target/averageValue");
        assert_eq!(target, format!("{:.0}m", threshold * 1000.0));
    }
    assert_eq!(list(&keda, "/spec/triggers").len(), 2);
}

#[test]
fn the_signals_are_series_of_a_lane() {
    let metrics = include_str!("../../crates/onelane/src/metrics/mod.rs");
    for rule in list(
        &in_folder("autoscale-on-lanes/prometheus-adapter/helm")
            .remove(0)
            .object,
        "/rules/custom",
    ) {
        let (series, _) = text(rule, "/seriesQuery")
            .split_once('{')
            .expect("with labels");
        assert!(metrics.contains(&format!("\"{series}\"")), "{series}");
    }
}

#[test]
fn a_lane_of_knative_is_the_same_lane() {
    let app = object("Deployment", "app");
    let knative = in_folder("knative").remove(2).object;
    let (here, there) = (container(&app), container(&knative));
    assert_eq!(there["image"], here["image"]);
    assert_eq!(there["resources"], here["resources"]);
    assert_eq!(
        there["ports"][0]["containerPort"],
        here["ports"][0]["containerPort"]
    );
    let user = at(&app, "/spec/template/spec/securityContext/runAsUser");
    assert_eq!(&there["securityContext"]["runAsUser"], user);
    assert_eq!(
        knative["spec"]["template"]["spec"]["containerConcurrency"],
        1
    );
}

/// No package has its schema, so here is all of it.
#[test]
fn the_route_has_the_fields_of_an_httproute_and_no_others() {
    let route = in_folder("expose").remove(0).object;
    assert_eq!(route["kind"], "HTTPRoute");
    let expected = json!({
        "parentRefs": [{ "name": "gateway", "namespace": "gateway" }],
        "hostnames": [format!("{SERVICE}.example.com")],
        "rules": [{
            "backendRefs": [{ "name": "nginx", "port": 80 }],
            "timeouts": { "request": "60s" },
        }],
    });
    assert_eq!(route["spec"], expected);
}
