//! The numbers of the model, against the files of this repository that they come from.

use crate::request::ROUNDS;

use super::*;

fn file(path: &str) -> String {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{path}: {err}"))
}

#[test]
fn the_holds_and_the_rounds_are_those_of_nginx() {
    let hops = file("nginx/hops.conf");
    let (_, map) = hops.split_once("map $rounds $lane_hold_ms {").unwrap();
    let (map, _) = map.split_once('}').unwrap();
    let value = |line: &str| {
        line.trim()
            .strip_suffix(';')?
            .rsplit(' ')
            .next()?
            .parse()
            .ok()
    };
    let holds: Vec<u64> = map.lines().filter_map(value).collect();
    assert_eq!(holds, ROUNDS.map(|round| round.hold_ms));
    let rounds = ROUNDS.len();
    assert!(hops.contains(&format!("\\+{{{rounds}}}\" no_lane;")));
}

#[test]
fn a_round_asks_as_many_lanes_as_nginx_does() {
    let (conf, hops) = (file("nginx/nginx.conf"), file("nginx/hops.conf"));
    let tries = |text: &str| -> Option<u32> {
        let (_, value) = text.split_once("proxy_next_upstream_tries ")?;
        value.split_once(';')?.0.parse().ok()
    };
    let everywhere = tries(&hops).unwrap();
    let of_location = |name: &str| {
        let (_, rest) = conf.split_once(&format!("location {name} {{")).unwrap();
        let (location, _) = rest.split_once("location ").unwrap();
        tries(location).unwrap_or(everywhere)
    };
    let [first, queue, look, others @ ..] = ROUNDS.map(|round| round.tries);
    assert_eq!(first, of_location("/"));
    assert_eq!(queue, of_location("@queue"));
    assert_eq!(look, of_location("@look"));
    assert_eq!(others, [of_location("@next_lane"); 6]);
}

#[test]
fn the_limits_are_those_of_a_lane() {
    let settings = file("crates/onelane/src/config/settings.rs");
    assert!(settings.contains("503 [default: 10 × slots]"));
    let (before, _) = settings.split_once("pub queue_timeout: ").unwrap();
    let (_, default) = before.rsplit_once("default_value = \"").unwrap();
    assert!(default.starts_with("10s\""), "{default}");
    let Limits {
        queue_max,
        queue_timeout,
    } = Limits::SHIPPED;
    assert_eq!((queue_max, queue_timeout), (10, Duration::from_secs(10)));
}

#[test]
fn the_autoscaler_is_that_of_the_manifests() {
    let number = |path: &str, key: &str| -> usize {
        let text = file(path);
        let values = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(key));
        let value = values.map(|value| value.trim_end_matches('m')).next();
        value
            .unwrap_or_else(|| panic!("no {key} in {path}"))
            .parse()
            .unwrap()
    };
    let scaler = |key| number("k8s/app-hpa.yaml", key);
    let Autoscaler {
        min,
        max,
        target,
        cpu_request,
        growth,
        pods,
    } = Autoscaler::SHIPPED;
    assert_eq!(
        (min, max),
        (scaler("minReplicas: "), scaler("maxReplicas: "))
    );
    assert_eq!(target * 100.0, scaler("averageUtilization: ") as f64);
    assert_eq!(
        cpu_request * 1000.0,
        number("k8s/app-deployment.yaml", "cpu: ") as f64
    );
    // Of both policies, that for growing comes first.
    let hpa = file("k8s/app-hpa.yaml");
    let (_, policies) = hpa.split_once("scaleUp:").unwrap();
    let (percent, many) = policies.split_once("type: Pods").unwrap();
    let first = |text: &str| -> usize {
        let (_, value) = text.split_once("value: ").unwrap();
        value.lines().next().unwrap().parse().unwrap()
    };
    assert_eq!(growth * 100.0, first(percent) as f64);
    assert_eq!(pods, first(many));
}
