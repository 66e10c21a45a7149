//! What every pod has to keep: the restricted profile and the rules of this project.

use onelane_tree::SERVICE;
use onelane_tree::manifests::{Manifest, all, at, container, list, text};
use serde_json::{Value, json};

/// The sysctls in use that any node allows: the others of a pod need a kubelet that is told.
const SYSCTLS: [&str; 3] = [
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
];

/// Volumes that the restricted profile allows and that are in use here.
const VOLUMES: [&str; 2] = ["configMap", "emptyDir"];

#[test]
fn namespaces_enforce_the_restricted_profile() {
    let namespaces: Vec<_> = all()
        .into_iter()
        .filter(|it| it.kind() == "Namespace")
        .collect();
    for manifest in &namespaces {
        for mode in ["enforce", "audit", "warn"] {
            let label = format!("pod-security.kubernetes.io/{mode}");
            let labels = at(&manifest.object, "/metadata/labels");
            assert_eq!(
                labels[&label], "restricted",
                "{} in {}",
                label, manifest.file
            );
        }
    }
    for manifest in all().iter().filter(|it| it.kind() != "Namespace") {
        let namespace = text(&manifest.object, "/metadata/namespace");
        let known = namespaces.iter().any(|it| it.name() == namespace);
        assert!(known, "{} is in {namespace}", manifest.file);
    }
}

#[test]
fn everything_says_what_it_is_part_of() {
    for manifest in all().iter().filter(|it| !it.file.starts_with("../")) {
        let labels = at(&manifest.object, "/metadata/labels");
        for label in ["name", "part-of"] {
            let label = format!("app.kubernetes.io/{label}");
            assert_eq!(labels[&label], SERVICE, "{label} of {}", manifest.file);
        }
    }
}

#[test]
fn no_pod_waits_five_minutes_for_a_node_that_vanished() {
    for manifest in pods().filter(|it| it.kind() == "Deployment") {
        let tolerations = at(&manifest.object, "/spec/template/spec/tolerations");
        let half_a_minute = |key: &str| {
            json!({
                "key": format!("node.kubernetes.io/{key}"),
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 30,
            })
        };
        let expected = ["unreachable", "not-ready"].map(half_a_minute);
        assert_eq!(tolerations, &json!(expected), "{}", manifest.file);
    }
}

#[test]
fn pods_keep_the_restricted_profile() {
    for manifest in pods() {
        let pod = at(&manifest.object, "/spec/template/spec");
        let container = container(&manifest.object);
        let file = &manifest.file;
        // Knative takes these for a container only.
        let context = pod.get("securityContext");
        let context = context.unwrap_or(&container["securityContext"]);
        assert_eq!(context["runAsNonRoot"], true, "{file}");
        assert_eq!(
            context["seccompProfile"]["type"], "RuntimeDefault",
            "{file}"
        );
        assert!(context["runAsUser"].as_u64() > Some(0), "{file}");
        let own = &container["securityContext"];
        assert_eq!(own["allowPrivilegeEscalation"], false, "{file}");
        assert_eq!(own["capabilities"], json!({ "drop": ["ALL"] }), "{file}");
        assert_eq!(own["privileged"], Value::Null, "{file}");
        for host in ["hostNetwork", "hostPID", "hostIPC"] {
            assert_eq!(pod[host], Value::Null, "{file}");
        }
        let sysctls = context["sysctls"].as_array().into_iter().flatten();
        for sysctl in sysctls {
            assert!(
                SYSCTLS.contains(&text(sysctl, "/name")),
                "{sysctl} in {file}"
            );
        }
        for volume in list(pod, "/volumes") {
            let allowed = VOLUMES.iter().any(|kind| !volume[kind].is_null());
            assert!(allowed, "{volume} in {file}");
        }
        assert!(
            list(container, "/ports")
                .iter()
                .all(|port| port["hostPort"].is_null())
        );
    }
}

#[test]
fn pods_keep_the_rules_of_this_project() {
    for manifest in pods() {
        let pod = at(&manifest.object, "/spec/template/spec");
        let container = container(&manifest.object);
        let file = &manifest.file;
        assert_eq!(
            container["securityContext"]["readOnlyRootFilesystem"], true,
            "{file}"
        );
        assert_eq!(pod["enableServiceLinks"], false, "{file}");
        assert_eq!(pod["priorityClassName"], Value::Null, "{file}");
        assert_eq!(container["imagePullPolicy"], "IfNotPresent", "{file}");
        let resources = &container["resources"];
        assert!(resources["requests"]["cpu"].is_string(), "{file}");
        assert_eq!(resources["limits"]["cpu"], Value::Null, "{file}");
        // A quota on it takes no pod without. Five files of log are 50 MiB.
        for which in ["requests", "limits"] {
            let storage = text(resources, &format!("/{which}/ephemeral-storage"));
            let mebibytes = storage.strip_suffix("Mi").and_then(|it| it.parse().ok());
            assert!(mebibytes.is_some_and(|it: u64| it > 50), "{file}");
        }
        assert_eq!(
            resources["limits"]["memory"], resources["requests"]["memory"],
            "{file}"
        );
        for probe in ["readinessProbe", "livenessProbe"] {
            assert!(container[probe]["httpGet"].is_object(), "{probe} in {file}");
        }
        let (_, tag) = text(container, "/image")
            .split_once(':')
            .unwrap_or_default();
        assert!(!tag.is_empty() && tag != "latest", "{file}");
    }
}

#[test]
fn no_account_has_a_token() {
    for manifest in all().iter().filter(|it| it.kind() == "ServiceAccount") {
        assert_eq!(
            manifest.object["automountServiceAccountToken"], false,
            "{}",
            manifest.file
        );
    }
    for manifest in pods().filter(|it| it.kind() == "Deployment") {
        let pod = at(&manifest.object, "/spec/template/spec");
        assert_eq!(
            pod["automountServiceAccountToken"], false,
            "{}",
            manifest.file
        );
    }
}

#[test]
fn a_change_replaces_pods_without_a_gap() {
    for manifest in pods().filter(|it| it.kind() == "Deployment") {
        let strategy = at(&manifest.object, "/spec/strategy/rollingUpdate");
        assert_eq!(
            strategy,
            &json!({ "maxSurge": 1, "maxUnavailable": 0 }),
            "{}",
            manifest.file
        );
        let spread = list(
            &manifest.object,
            "/spec/template/spec/topologySpreadConstraints",
        );
        let keys: Vec<_> = spread.iter().map(|it| text(it, "/topologyKey")).collect();
        assert_eq!(
            keys,
            ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
        );
        // On one node, or in one zone, everything has to start all the same.
        assert!(
            spread
                .iter()
                .all(|it| it["whenUnsatisfiable"] == "ScheduleAnyway")
        );
    }
}

fn pods() -> impl Iterator<Item = Manifest> {
    let mut all = all();
    all.retain(|manifest| manifest.object.pointer("/spec/template/spec").is_some());
    assert_eq!(all.len(), 3, "lanes, nginx, lanes of Knative");
    all.into_iter()
}
