//! This service: the real program, asked what it declares.

// Its OpenAPI document.
#[cfg(feature = "openapi")]
mod openapi;

use onelane::testing::{self, Answer};
use rstest::rstest;

/// The program.
const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// What a command of this program prints.
fn printed(arguments: &[&str]) -> String {
    let output = testing::command(BINARY).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What an example must not come to: it asks for something else than its workload takes, or that fails.
const MISTAKES: [&str; 6] = [
    "bad_request",
    "internal",
    "method_not_allowed",
    "not_found",
    "spawn_failed",
    "worker_crashed",
];

fn is_mistake(answer: &Answer) -> bool {
    let text = answer.text();
    let says = |reason| text.contains(&format!(r#""reason":"{reason}""#));
    answer.status >= 400 && MISTAKES.into_iter().any(says)
}

/// The flags for this mode, and for the settings without which this service does not start, if it has some.
fn flags(mode: &str) -> Vec<&str> {
    const SETTINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/settings.toml");
    let mut flags = vec!["--mode", mode, "--slots", "1"];
    if std::path::Path::new(SETTINGS).exists() {
        flags.extend(["--config", SETTINGS]);
    }
    flags
}

/// By an output or by a problem of the workload's own. Some may take longer than a test should: then the
/// deadline that was asked for is the answer.
#[rstest]
fn every_example_is_answered(
    #[values("blocking", "threads", "fork", "pool", "cluster")] mode: &str,
) {
    let service = testing::start_with(BINARY, &flags(mode));
    let commands = printed(&["examples", service.url()]);
    for command in commands.lines() {
        // The test does not know which file a user would send.
        if command.contains(" '@FILE' ") {
            continue;
        }
        let answer = sent(&service, command);
        assert!(!is_mistake(&answer), "{command}: {}", answer.text());
    }
}

/// What a command of `examples` brings, with a deadline.
fn sent(service: &testing::Running, command: &str) -> Answer {
    let (flags, rest) = command.split_once(&format!("'{}", service.url())).unwrap();
    let path = rest.split('\'').next().unwrap();
    let body = flags.split_once("--data-raw '");
    let method = match flags.split_once("-X ") {
        Some((_, method)) => method.split(' ').next().unwrap(),
        None if body.is_some() => "POST",
        None => "GET",
    };
    let request = service.request(method, path).header("X-Timeout", "1");
    let Some((_, body)) = body else {
        return request.send();
    };
    let (body, content_type) = body.split_once("' -H 'Content-Type: ").unwrap();
    let content_type = content_type.split('\'').next().unwrap();
    request
        .body(content_type, body.replace(r"'\''", "'"))
        .send()
}

/// A body that a route takes has to come through nginx, and nginx need not keep room for longer ones.
#[test]
fn nginx_passes_on_bodies_as_long_as_the_longest_that_a_route_takes() {
    let conf = concat!(env!("CARGO_MANIFEST_DIR"), "/nginx/bodies.conf");
    let conf = std::fs::read_to_string(conf).unwrap();
    let (_, limit) = conf.split_once("\nclient_max_body_size ").unwrap();
    let mebibytes: usize = limit.split("m;").next().unwrap().parse().unwrap();

    let routes = printed(&["routes"]);
    let limits = routes.split_whitespace();
    let longest = limits.filter_map(|limit| limit.parse().ok()).max();
    let longest: usize = longest.unwrap_or_default();
    assert_eq!(mebibytes, longest.div_ceil(1 << 20), "{routes}");
}

/// What nginx compares with whole requests, for a path with parameters in braces.
fn pattern(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.strip_prefix('{') {
        Some(_) => "[^/?]+".to_owned(),
        None => part.replace('.', "\\."),
    });
    let path = parts.collect::<Vec<_>>().join("/");
    format!("\"~^:0?:(GET|HEAD) {path}(\\?|$)\" 1;")
}

/// A route that says that its answers may be given again is in nginx's list, and no other one of this service is: equal
/// requests would wait for each other in vain.
#[test]
fn nginx_keeps_the_answers_of_those_routes_that_say_so() {
    let conf = concat!(env!("CARGO_MANIFEST_DIR"), "/nginx/cache.conf");
    let conf = std::fs::read_to_string(conf).unwrap();
    for route in printed(&["routes"]).lines() {
        let pattern = pattern(route.split(' ').nth(1).unwrap());
        let is_there = conf.lines().any(|line| line.trim() == pattern);
        let may_be = route.contains(" max-age=");
        assert_eq!(is_there, may_be, "nginx/cache.conf and {route}: {pattern}");
    }
}

#[test]
fn it_bears_the_name_of_its_package() {
    let version = concat!(
        env!("CARGO_PKG_NAME"),
        " ",
        env!("CARGO_PKG_VERSION"),
        " (onelane "
    );
    assert!(printed(&["--version"]).starts_with(version));
}
