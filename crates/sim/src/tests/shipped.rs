//! The numbers of the model, against the files of this repository that they come from.

use std::collections::BTreeMap;
use std::iter;

use crate::request::ROUNDS;

use super::*;

pub(super) fn file(path: &str) -> String {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{path}: {err}"))
}

#[test]
fn the_holds_and_the_rounds_are_those_of_nginx() {
    let hops = file("nginx/hops.conf");
    let holds: [u64; 9] = by_round(&hops, "$lane_hold_ms").map(|hold| hold.parse().unwrap());
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
    // Where the round after each goes on.
    let next = by_round(&hops, "$next_round");
    let locations = iter::once("/").chain(next).take(ROUNDS.len());
    let tries: Vec<u32> = locations.map(of_location).collect();
    assert_eq!(tries, ROUNDS.map(|round| round.tries));
}

/// What the map of this variable has for each round of an ordinary request. nginx counts rounds by plus
/// signs, which stand alone in a key, or after colons.
fn by_round<'a>(conf: &'a str, variable: &str) -> [&'a str; ROUNDS.len()] {
    let (_, map) = conf.split_once(&format!("{variable} {{")).unwrap();
    let (map, _) = map.split_once('}').unwrap();
    let entry = |line: &'a str| {
        let (key, value) = line.trim().strip_suffix(';')?.split_once(' ')?;
        Some((key.trim_matches(['"', ':']), value))
    };
    let entries: BTreeMap<_, _> = map.lines().filter_map(entry).collect();
    std::array::from_fn(|round| {
        let value = entries.get(&*"+".repeat(round));
        *value.unwrap_or(&entries["default"])
    })
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
