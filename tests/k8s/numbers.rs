//! Numbers that derive from others, checked against what they derive from.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use onelane_tree::manifests::{at, container, in_folder, list, number, object, parse, text};

use crate::nginx::{directive, directives, duration, parameter, time};

/// The longest that cluster DNS commonly keeps an address: `CoreDNS` as kubeadm sets it up, and the cache
/// on each node.
const DNS_CACHE: Duration = Duration::from_secs(30);

/// What a sum should have to spare.
const MARGIN: Duration = Duration::from_secs(3);

#[test]
fn a_lane_has_the_time_that_its_settings_may_take() {
    let lane = lane_settings();
    let grace = seconds("app", "/terminationGracePeriodSeconds");
    let (queue, request) = (lane_time("queue_timeout"), lane_time("request_timeout"));
    assert!(grace >= pre_stop("app") + queue + request + MARGIN);
    let end = lane_time("drain_delay") + lane_time("shutdown_timeout");
    assert!(grace >= pre_stop("app") + end + MARGIN);
    assert!(
        lane_time("shutdown_timeout") >= request + MARGIN,
        "{lane:?}"
    );
}

#[test]
fn a_lane_may_load_for_as_long_with_kubernetes_as_with_docker() {
    let app = object("Deployment", "app");
    let probe = &container(&app)["startupProbe"];
    assert_eq!(probe["httpGet"]["path"], "/readyz");
    let load = number(probe, "/periodSeconds") * number(probe, "/failureThreshold");
    assert!(load >= 300, "{load} s are not much for a large model");
    let image = fs::read_to_string("docker/app.Dockerfile").expect("the image of a lane");
    assert!(image.contains(&format!("HEALTHCHECK --start-period={load}s ")));
    // Nor does the rollout give up before.
    let deadline = &app["spec"]["progressDeadlineSeconds"];
    assert!(deadline.as_u64().unwrap_or(600) > load);
}

#[test]
fn a_lane_serves_until_nginx_has_forgotten_it() {
    let script = fs::read_to_string("docker/nginx-start").expect("it is there");
    let resolver = script.lines().find(|line| line.contains("resolver $"));
    let valid = parameter(resolver.expect("it writes that"), "valid");
    assert!(pre_stop("app") >= DNS_CACHE + valid + MARGIN);
}

#[test]
fn nginx_waits_longer_than_a_lane_and_is_stopped_later_than_that() {
    let lane = lane_time("queue_timeout") + lane_time("request_timeout");
    let nginx = time("hops.conf", "proxy_read_timeout");
    let stop = time("nginx.conf", "worker_shutdown_timeout");
    assert!(nginx >= lane + MARGIN);
    assert!(stop >= nginx + MARGIN);
    for limit in ["proxy_cache_lock_age", "proxy_cache_lock_timeout"] {
        assert!(time("kept.conf", limit) >= nginx, "{limit}");
    }
    let grace = seconds("nginx", "/terminationGracePeriodSeconds");
    assert!(grace >= pre_stop("nginx") + stop + MARGIN);

    let route = in_folder("expose").remove(0).object;
    assert!(duration(text(&route, "/spec/rules/0/timeouts/request")) >= nginx + MARGIN);
    let knative = in_folder("knative").remove(2).object;
    let knative = Duration::from_secs(number(&knative, "/spec/template/spec/timeoutSeconds"));
    assert!(knative >= lane + MARGIN);
}

#[test]
fn a_lane_is_called_stuck_only_after_more_than_any_computation_takes() {
    let rules = std::fs::read_to_string(format!(
        "{}/monitoring/prometheusrule.yaml",
        env!("CARGO_MANIFEST_DIR")
    ));
    let rules = parse("prometheusrule.yaml", &rules.expect("it is there"));
    let mut groups = list(&rules, "/spec/groups").iter();
    let alert = groups.find_map(|group| {
        let mut rules = list(group, "/rules").iter();
        rules.find(|rule| rule["alert"] == "OnelaneLaneStuck")
    });
    let alert = alert.expect("there is such an alert");
    let windows: Vec<&str> = text(alert, "/expr")
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split(']').next())
        .collect();
    assert_eq!(windows.len(), 2, "{windows:?}");
    for window in windows {
        assert!(duration(window) >= lane_time("request_timeout") + MARGIN);
    }
}

#[test]
fn a_dead_lane_is_left_out_for_as_long_as_a_request_tries() {
    // hops.conf gives up at the ninth round.
    let tries = 9 * time("hops.conf", "proxy_connect_timeout");
    let lanes = directives("upstream.conf", "server").remove(0);
    assert!(parameter(&lanes, "fail_timeout") > tries, "{lanes}");
}

/// So many lanes for each nginx need no other numbers.
const LANES: u64 = 64;

#[test]
fn no_number_has_to_grow_with_the_lanes() {
    let queue_max: u64 = lane_settings()["queue_max"].parse().expect("a number");
    let in_lanes = LANES * (queue_max + 1);
    // Of one client: as many as are computed, and some that wait.
    assert!(limit("limits.conf", "requests ") >= 4 * LANES);
    assert!(limit("limits.conf", "uploads ") >= 2 * LANES);
    // Of 1 MiB each; fewer of longer ones have the same room.
    let longest = mebibytes(&directive("bodies.conf", "client_max_body_size"));
    assert!(limit("ask.conf", "bodies ") * longest >= 2 * LANES);
    assert!(limit("ask.conf", "client_bodies ") * longest >= LANES);
    let keepalive = directive("hops.conf", "keepalive").parse::<u64>();
    assert!(
        keepalive.expect("a number") >= in_lanes,
        "or hops open connections"
    );
    let most = number(
        &object("HorizontalPodAutoscaler", "app"),
        "/spec/maxReplicas",
    );
    let nginx = number(&object("Deployment", "nginx"), "/spec/replicas");
    assert!(most <= nginx * LANES);
}

#[test]
fn nginx_has_room_for_as_many_large_bodies_and_answers_as_it_lets_in() {
    let size = |name| mebibytes(&directive("bodies.conf", name));
    let bodies = limit("ask.conf", "bodies ") * size("client_max_body_size");
    // One client's, of which it may read none.
    let answers = limit("limits.conf", "requests ") * size("proxy_max_temp_file_size");
    let needed = bodies + answers;
    assert!(needed <= room_in_a_pod(), "{needed} MiB");
    assert_eq!(room_in_a_pod(), room_with_compose());
    let text = crate::nginx::in_image("bodies.conf");
    assert!(
        text.contains(&format!("= {needed} MiB")),
        "{needed}, not what the comment says"
    );
}

/// How many nginx lets in, of those that are counted in this zone.
fn limit(file: &str, zone: &str) -> u64 {
    let limits = directives(file, "limit_conn");
    let limit = limits.iter().find_map(|it| it.strip_prefix(zone));
    let limit = limit.expect("it is limited").trim();
    limit.parse().expect("a number")
}

/// What nginx may write to /tmp, in MiB.
fn room_in_a_pod() -> u64 {
    let nginx = object("Deployment", "nginx");
    let mut volumes = list(&nginx, "/spec/template/spec/volumes").iter();
    let tmp = volumes.find(|volume| volume["name"] == "tmp");
    mebibytes(text(tmp.expect("it has one"), "/emptyDir/sizeLimit"))
}

fn room_with_compose() -> u64 {
    let compose = std::fs::read_to_string(format!("{}/compose.yaml", env!("CARGO_MANIFEST_DIR")));
    let compose = parse("compose.yaml", &compose.expect("it is there"));
    let tmp = text(&compose, "/services/nginx/tmpfs/0");
    let options = tmp.strip_prefix("/tmp:").expect("it is for /tmp");
    let mut options = options.split(',');
    mebibytes(
        options
            .find_map(|option| option.strip_prefix("size="))
            .expect("a size"),
    )
}

/// `1m` as nginx and Docker write it, `1Mi` as Kubernetes does.
fn mebibytes(size: &str) -> u64 {
    let number = size.strip_suffix("Mi").or_else(|| size.strip_suffix('m'));
    let number = number.and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("{size} is no number of MiB"))
}

#[test]
fn the_autoscaler_grows_on_an_empty_and_on_a_full_cluster() {
    let scaler = object("HorizontalPodAutoscaler", "app");
    let target = at(&scaler, "/spec/metrics/0/containerResource/target");
    let target = cpu(number(target, "/averageUtilization"), 100.0);
    // It does nothing about a tenth.
    let tolerance = 1.1;
    assert!(
        1.0 / target > tolerance,
        "with only the CPU that was requested"
    );
    let app = object("Deployment", "app");
    let request = text(container(&app), "/resources/requests/cpu");
    let request = request.strip_suffix('m').expect("in thousandths of a CPU");
    let request = cpu(request.parse().expect("a number"), 1000.0);
    let wanted = 2.0 * 1.0 / request / target;
    assert!(
        (wanted - 10.0).abs() < 0.001,
        "{wanted}, not what the comment says"
    );
    assert!(number(&scaler, "/spec/minReplicas") >= 2);
}

#[test]
fn the_autoscaler_goes_in_the_steps_that_its_comments_name() {
    let scaler = object("HorizontalPodAutoscaler", "app");
    let least = number(&scaler, "/spec/minReplicas");
    let most = number(&scaler, "/spec/maxReplicas");
    let value = |path: &str| number(&scaler, &format!("/spec/behavior/{path}/value"));
    let (doubling, some) = (value("scaleUp/policies/0"), value("scaleUp/policies/1"));
    let up = |lanes: u64| {
        (lanes + (lanes * doubling).div_ceil(100))
            .max(lanes + some)
            .min(most)
    };
    assert_eq!(steps(least, most, up), [2, 6, 12, 20]);
    let part = value("scaleDown/policies/0");
    let down = |lanes: u64| (lanes * (100 - part) / 100).max(least);
    assert_eq!(steps(most, least, down), [20, 15, 11, 8, 6, 4, 3, 2]);
}

#[test]
fn a_lost_host_is_noticed_as_soon_with_kubernetes_as_with_compose() {
    let nginx = object("Deployment", "nginx");
    let here = list(&nginx, "/spec/template/spec/securityContext/sysctls");
    let mut here: BTreeMap<&str, u64> = here
        .iter()
        .map(|it| {
            let value = text(it, "/value").parse();
            (text(it, "/name"), value.expect("a number"))
        })
        .collect();
    // Not safe in the sense of Kubernetes: docs/kubernetes.md.
    here.insert("net.ipv4.tcp_retries2", 5);
    let there = std::fs::read_to_string(format!("{}/compose.yaml", env!("CARGO_MANIFEST_DIR")));
    let there = parse("compose.yaml", &there.expect("it is there"));
    let there = at(&there, "/services/nginx/sysctls").as_object();
    let there = there.expect("it has some").iter();
    // How much the kernel keeps for one connection says nothing of hosts; the rest is about those.
    let there = there.filter(|(name, _)| *name != "net.ipv4.tcp_rmem");
    let there = there.map(|(name, value)| (name.as_str(), value.as_u64().expect("a number")));
    assert_eq!(here, there.collect());

    assert_eq!(directive("hops.conf", "proxy_socket_keepalive"), "on");
    // The kernel doubles 200 ms with each try that is not confirmed.
    let given_up = Duration::from_millis(200 * ((2 << here["net.ipv4.tcp_retries2"]) - 1));
    assert!(given_up > time("limits.conf", "send_timeout"));
    assert!(given_up < time("hops.conf", "proxy_read_timeout"));
}

#[test]
fn containers_have_the_memory_that_they_have_with_compose() {
    for (name, file, service) in [
        ("app", "docker/modes.yaml", "blocking"),
        ("nginx", "compose.yaml", "nginx"),
    ] {
        let here = object("Deployment", name);
        let here = text(container(&here), "/resources/limits/memory");
        let there = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR")));
        let there = parse(file, &there.expect("it is there"));
        let there = text(&there, &format!("/services/{service}/mem_limit"));
        let of_service = memory_in_manifest().filter(|_| name == "app");
        let there = of_service.as_deref().unwrap_or(there);
        assert_eq!(mebibytes(here), mebibytes(there), "{name}");
    }
}

/// Where the service says how much a lane of it needs.
fn memory_in_manifest() -> Option<String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("it is there");
    let (_, lane) = manifest.split_once("\n[package.metadata.lane]\n")?;
    let mut lines = lane.lines().take_while(|line| !line.starts_with('['));
    let memory = lines.find_map(|line| line.strip_prefix("memory = \""))?;
    memory.split('"').next().map(str::to_owned)
}

#[test]
fn nginx_speaks_the_protocol_of_the_engine() {
    let mut version = Command::new(env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))));
    let version = version.arg("--version").output();
    let version = version.expect("the program is built").stdout;
    let version = String::from_utf8_lossy(&version);
    let (_, ours) = version
        .trim()
        .trim_end_matches(')')
        .split_once("lane protocol ")
        .expect("it tells");
    let headers = directives("hops.conf", "proxy_set_header");
    let theirs = headers
        .iter()
        .find_map(|it| it.strip_prefix("X-Lane-Protocol "));
    assert_eq!(theirs, Some(ours));
}

fn steps(first: u64, last: u64, next: impl Fn(u64) -> u64) -> Vec<u64> {
    let mut steps = vec![first];
    while steps.last() != Some(&last) {
        steps.extend(steps.last().map(|lanes| next(*lanes)));
    }
    steps
}

#[expect(clippy::cast_precision_loss, reason = "these are small")]
fn cpu(number: u64, of: f64) -> f64 {
    number as f64 / of
}

/// What the program's `config` prints where a lane runs, with its variables.
pub(crate) fn lane_settings() -> BTreeMap<String, String> {
    let app = object("Deployment", "app");
    let mut config = Command::new(env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))));
    for variable in list(container(&app), "/env") {
        config.env(text(variable, "/name"), text(variable, "/value"));
    }
    let output = config.arg("config").output().expect("the program is built");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let settings = String::from_utf8_lossy(&output.stdout);
    let pairs = settings.lines().filter_map(|line| line.split_once(" = "));
    pairs
        .map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

fn lane_time(setting: &str) -> Duration {
    duration(&lane_settings()[setting])
}

fn pre_stop(deployment: &str) -> Duration {
    seconds(deployment, "/containers/0/lifecycle/preStop/sleep/seconds")
}

fn seconds(deployment: &str, pointer: &str) -> Duration {
    let deployment = object("Deployment", deployment);
    Duration::from_secs(number(at(&deployment, "/spec/template/spec"), pointer))
}
