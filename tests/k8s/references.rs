//! Names that are referred to exist, selectors find their pods, and ports are the same everywhere.

use onelane_tree::manifests::{
    Manifest, all, at, container, default_set, list, number, object, port, text,
};
use serde_json::{Value, json};

use crate::nginx;

#[test]
fn selectors_find_the_pods_of_one_deployment() {
    for manifest in all() {
        let spec = &manifest.object["spec"];
        let labels = match manifest.kind() {
            "Service" if spec["selector"].is_object() => {
                // Two of them are for the lanes.
                let name = manifest.name().trim_end_matches("-any");
                assert_eq!(selected(&spec["selector"]), [name], "{}", manifest.file);
                continue;
            }
            "Deployment" | "PodDisruptionBudget" | "PodMonitor" => &spec["selector"]["matchLabels"],
            "NetworkPolicy" if manifest.name() == "default" => {
                // Of both: what no other policy allows is forbidden.
                let labels = &spec["podSelector"]["matchLabels"];
                assert_eq!(selected(labels), ["app", "nginx"]);
                continue;
            }
            "NetworkPolicy" => &spec["podSelector"]["matchLabels"],
            _ => continue,
        };
        assert_eq!(selected(labels), [manifest.name()], "{}", manifest.file);
    }
    for name in ["app", "nginx"] {
        let deployment = object("Deployment", name);
        for spread in list(&deployment, "/spec/template/spec/topologySpreadConstraints") {
            assert_eq!(selected(&spread["labelSelector"]["matchLabels"]), [name]);
        }
    }
}

#[test]
fn probes_and_services_use_names_of_ports() {
    for (name, services) in [("app", &["app", "app-any"][..]), ("nginx", &["nginx"])] {
        let deployment = object("Deployment", name);
        let container = container(&deployment);
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            port(container, text(&container[probe], "/httpGet/port"));
        }
        for service in services {
            let service = object("Service", service);
            assert_eq!(service["spec"]["ipFamilyPolicy"], "PreferDualStack");
            for target in list(&service, "/spec/ports") {
                port(container, text(target, "/targetPort"));
            }
        }
    }
}

#[test]
fn containers_listen_where_their_ports_say() {
    let nginx = object("Deployment", "nginx");
    let mut listens = nginx::directives("listen.conf", "listen");
    listens.extend(nginx::directives("nginx.conf", "listen"));
    let first = |listen: &String| listen.split(' ').next().map(str::to_owned);
    let listens: Vec<_> = listens.iter().filter_map(first).collect();
    let ports = ["http", "admin"].map(|name| port(container(&nginx), name).to_string());
    assert_eq!(listens, ports);
    let lane = crate::numbers::lane_settings();
    let app = object("Deployment", "app");
    for (name, setting) in [("http", "listen"), ("admin", "admin_listen")] {
        let listen = format!("[::]:{}", port(container(&app), name));
        assert_eq!(lane[setting], listen);
    }
}

#[test]
fn nginx_asks_for_the_lanes_by_the_names_of_their_services() {
    let servers = nginx::directives("upstream.conf", "server");
    // An address for each lane; one for whichever is ready, when there is nothing else.
    let kinds = [
        ("app", json!("None"), false),
        ("app-any", Value::Null, true),
    ];
    assert_eq!(servers.len(), kinds.len());
    for (server, (name, cluster_ip, is_backup)) in servers.iter().zip(kinds) {
        let service = object("Service", name);
        assert_eq!(service["spec"]["clusterIP"], cluster_ip, "{name}");
        let public = at(&service, "/spec/ports/0");
        // Nothing translates ports on the way to an address of a headless service.
        let app = object("Deployment", "app");
        let port = number(public, "/port");
        assert_eq!(
            port,
            self::port(container(&app), text(public, "/targetPort"))
        );
        // docker/nginx-start completes it.
        let address = format!("{name}:{port} resolve ");
        assert!(server.starts_with(&address), "{server}");
        assert_eq!(server.ends_with(" backup"), is_backup, "{server}");
    }
}

#[test]
fn policies_open_exactly_the_ports_that_are_used() {
    // Only lanes are scraped. The kubelet, which asks for the health of nginx, is let in without a rule.
    for (name, ports) in [("app", &["http", "admin"][..]), ("nginx", &["http"])] {
        let deployment = object("Deployment", name);
        let ports = ports
            .iter()
            .map(|port| self::port(container(&deployment), port));
        let policy = object("NetworkPolicy", name);
        let opened = opened(&policy, "/spec/ingress");
        assert_eq!(opened, ports.collect::<Vec<_>>(), "{name}");
    }
    let app = object("Deployment", "app");
    let from = object("NetworkPolicy", "app");
    let clients = at(&from, "/spec/ingress/0/from/0/podSelector/matchLabels");
    assert_eq!(selected(clients), ["nginx"]);
    let nginx = object("NetworkPolicy", "nginx");
    let targets = at(&nginx, "/spec/egress/1/to/0/podSelector/matchLabels");
    assert_eq!(selected(targets), ["app"]);
    let lanes = port(container(&app), "http");
    assert_eq!(opened(&nginx, "/spec/egress"), [53, 53, lanes]);
}

#[test]
fn a_changed_configuration_has_a_new_name() {
    let config_map = nginx::config_map();
    let name = format!("nginx-{}", nginx::hash(&config_map));
    let given = text(&config_map, "/metadata/name");
    assert_eq!(
        given, name,
        "the name that belongs to what nginx-config.yaml says now"
    );
    assert_eq!(
        config_map["immutable"], true,
        "so that no change goes unnoticed"
    );
    let deployment = object("Deployment", "nginx");
    let volume = at(&deployment, "/spec/template/spec/volumes/0/configMap");
    assert_eq!(volume["name"], name, "or the pods are not rolled");
}

#[test]
fn the_config_map_replaces_files_of_the_image() {
    let config_map = nginx::config_map();
    let files = at(&config_map, "/data").as_object().expect("it has data");
    let deployment = object("Deployment", "nginx");
    let mounts = list(container(&deployment), "/volumeMounts");
    let mounted: Vec<&str> = mounts
        .iter()
        .filter(|mount| mount["name"] == "config")
        .map(|mount| text(mount, "/subPath"))
        .inspect(|file| assert!(!nginx::in_image(file).is_empty()))
        .collect();
    assert_eq!(mounted, files.keys().collect::<Vec<_>>());
    for mount in mounts {
        let volumes = list(&deployment, "/spec/template/spec/volumes");
        assert!(
            volumes.iter().any(|volume| volume["name"] == mount["name"]),
            "{mount}"
        );
    }
}

#[test]
fn everything_else_that_is_referred_to_exists() {
    for manifest in all() {
        let it = &manifest.object;
        match manifest.kind() {
            "HorizontalPodAutoscaler" | "ScaledObject" => {
                exists("Deployment", text(it, "/spec/scaleTargetRef/name"));
            }
            "Ingress" => {
                let service = at(it, "/spec/rules/0/http/paths/0/backend/service");
                let ports = exists("Service", text(service, "/name"));
                assert_eq!(ports["spec"]["ports"][0]["name"], service["port"]["name"]);
            }
            "HTTPRoute" => {
                let backend = at(it, "/spec/rules/0/backendRefs/0");
                let ports = exists("Service", text(backend, "/name"));
                assert_eq!(ports["spec"]["ports"][0]["port"], backend["port"]);
            }
            _ => {}
        }
    }
    let scaler = object("HorizontalPodAutoscaler", "app");
    let measured = text(&scaler, "/spec/metrics/0/containerResource/container");
    assert_eq!(
        measured,
        text(container(&object("Deployment", "app")), "/name")
    );
}

fn exists(kind: &str, name: &str) -> Value {
    object(kind, name)
}

/// The deployments whose pods have these labels.
fn selected(labels: &Value) -> Vec<String> {
    let labels = labels.as_object().expect("a selector is a map");
    assert!(!labels.is_empty());
    let has_them = |manifest: &Manifest| {
        let of_pod = at(&manifest.object, "/spec/template/metadata/labels");
        labels.iter().all(|(key, value)| &of_pod[key] == value)
    };
    let mut deployments = default_set();
    deployments.retain(|it| it.kind() == "Deployment" && has_them(it));
    deployments.iter().map(|it| it.name().to_owned()).collect()
}

/// The ports of all rules, in their order.
fn opened(policy: &Value, rules: &str) -> Vec<u64> {
    let ports = list(policy, rules)
        .iter()
        .flat_map(|rule| list(rule, "/ports"));
    ports.map(|port| number(port, "/port")).collect()
}
