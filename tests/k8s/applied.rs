//! What `kubectl apply -f k8s` and `-k k8s` apply, and in which order.

use std::fs;
use std::path::Path;
use std::process::Command;

use onelane_stack::skip;
use onelane_tree::SERVICE;
use onelane_tree::manifests::{
    Manifest, all, at, container, default_set, in_folder, list, object, parse, root, root_from,
    text,
};
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn the_namespace_comes_first_and_pods_come_last() {
    let set = default_set();
    assert_eq!(set[0].kind(), "Namespace");
    let place = |kind: &str, name: &str| {
        let found = set.iter().position(|manifest| manifest.is(kind, name));
        found.unwrap_or_else(|| panic!("k8s/ has no {kind} {name}"))
    };
    for (deployment, manifest) in set
        .iter()
        .enumerate()
        .filter(|(_, it)| it.kind() == "Deployment")
    {
        // Its pods would fail to start and be tried again, with a warning for each time.
        let pod = at(&manifest.object, "/spec/template/spec");
        assert!(place("ServiceAccount", text(pod, "/serviceAccountName")) < deployment);
        for volume in list(pod, "/volumes")
            .iter()
            .filter_map(|it| it.get("configMap"))
        {
            assert!(place("ConfigMap", text(volume, "/name")) < deployment);
        }
        // Otherwise every client would be let in for a moment.
        assert!(place("NetworkPolicy", "default") < deployment);
        // It would look in vain for what it scales.
        let scaler = set
            .iter()
            .position(|it| it.is("HorizontalPodAutoscaler", manifest.name()));
        assert!(scaler.is_none_or(|scaler| deployment < scaler));
    }
}

#[test]
fn kustomize_renders_what_is_on_disk() {
    for folder in ["", "knative", "monitoring"] {
        let Some(rendered) = kustomize(&root().join(folder)) else {
            return;
        };
        assert_rendered(rendered, sources(folder));
    }
}

/// So that two services never have an object in common: what has no namespace is one.
#[test]
fn everything_is_in_a_namespace_of_this_service() {
    let folders = [
        "",
        "knative",
        "monitoring",
        "../overlays/keda",
        "../overlays/prometheus-adapter",
    ];
    let mut objects: Vec<Value> = all().into_iter().map(|it| it.object).collect();
    for folder in folders {
        let Some(rendered) = kustomize(&root().join(folder)) else {
            return;
        };
        objects.extend(rendered);
    }
    let ours = [SERVICE, concat!(env!("CARGO_PKG_NAME"), "-knative")];
    for object in objects {
        let is_namespace = object["kind"] == "Namespace";
        let key = if is_namespace { "name" } else { "namespace" };
        let namespace = object["metadata"][key].as_str();
        assert!(ours.contains(&namespace.unwrap_or("none")), "{object}");
    }
}

/// That these objects are what is on disk, and all of it.
fn assert_rendered(rendered: Vec<Value>, mut on_disk: Vec<Manifest>) {
    for object in rendered {
        let (kind, name) = (text(&object, "/kind"), text(&object, "/metadata/name"));
        let place = on_disk.iter().position(|it| it.is(kind, name));
        let place = place.unwrap_or_else(|| panic!("no file has {kind} {name}"));
        let manifest = on_disk.swap_remove(place);
        assert_eq!(object, manifest.object, "k8s/{}", manifest.file);
    }
    let left: Vec<&str> = on_disk.iter().map(|it| it.file.as_str()).collect();
    assert_eq!(left, Vec::<&str>::new());
}

/// What a folder consists of. The rules and the dashboard are those of `monitoring/`.
fn sources(folder: &str) -> Vec<Manifest> {
    let mut sources = in_folder(folder);
    if folder == "monitoring" {
        sources.append(&mut in_folder("../monitoring"));
        sources.push(dashboard());
    }
    sources
}

/// What the sidecar of Grafana looks for, with the file as it is.
fn dashboard() -> Manifest {
    let file = "../monitoring/dashboards/lanes.json".to_owned();
    let text = fs::read_to_string(root().join(&file)).expect("it is there");
    let labels = json!({ "app.kubernetes.io/name": SERVICE, "grafana_dashboard": "1" });
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": format!("{SERVICE}-dashboard"), "namespace": SERVICE, "labels": labels },
        "data": { format!("{SERVICE}.json"): text },
    });
    Manifest { file, text, object }
}

#[test]
fn an_image_is_tagged_with_the_version_of_the_program() {
    let version = env!("CARGO_PKG_VERSION");
    for folder in ["", "knative"] {
        let file = root().join(folder).join("Kustomization");
        let kustomization = fs::read_to_string(&file).expect("it is there");
        let kustomization = parse("Kustomization", &kustomization);
        let images: Vec<String> = list(&kustomization, "/images")
            .iter()
            .inspect(|image| assert_eq!(text(image, "/newTag"), version, "{folder}"))
            .map(|image| format!("{}:{version}", text(image, "/newName")))
            .collect();
        let pods = in_folder(folder).into_iter();
        for pod in pods.filter(|it| it.object.pointer("/spec/template/spec").is_some()) {
            let image = text(container(&pod.object), "/image");
            for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
                let labels = at(&pod.object, labels);
                assert_eq!(labels["app.kubernetes.io/version"], version, "{}", pod.file);
            }
            assert!(
                images.iter().any(|it| it == image),
                "{image} in {}",
                pod.file
            );
        }
    }
}

/// The ways to scale on lanes, and what decides there.
const ON_LANES: [(&str, &str); 2] = [
    ("keda", "ScaledObject"),
    ("prometheus-adapter", "HorizontalPodAutoscaler"),
];

#[test]
fn one_command_brings_the_whole_service_scaled_on_lanes_with_what_it_needs() {
    for (way, _) in ON_LANES {
        let Some(rendered) = kustomize(&root().join("../overlays").join(way)) else {
            return;
        };
        let mut expected = default_set();
        expected.retain(|it| it.kind() != "HorizontalPodAutoscaler");
        expected.append(&mut sources("monitoring"));
        expected.append(&mut in_folder(&format!("autoscale-on-lanes/{way}")));
        assert_rendered(rendered, expected);
    }
}

#[test]
fn an_overlay_has_one_autoscaler_whichever_it_chooses() {
    for (component, kind) in ON_LANES {
        let Some(rendered) = overlay(&format!("autoscale-on-lanes/{component}")) else {
            return;
        };
        let scalers = ["ScaledObject", "HorizontalPodAutoscaler"];
        let found: Vec<&Value> = rendered
            .iter()
            .filter(|object| scalers.contains(&object["kind"].as_str().unwrap_or_default()))
            .collect();
        let chosen = in_folder(&format!("autoscale-on-lanes/{component}")).remove(0);
        assert_eq!(chosen.kind(), kind);
        assert_eq!(found, [&chosen.object], "{component}");
    }
}

#[test]
fn an_overlay_with_the_cache_differs_in_where_nginx_keeps_answers() {
    let Some(rendered) = overlay("cache") else {
        return;
    };
    let find = |kind: &str, name: &str| {
        let mut objects = rendered.iter().filter(|object| object["kind"] == kind);
        objects.find(|object| text(object, "/metadata/name").starts_with(name))
    };
    let store = find("ConfigMap", "nginx-store-").expect("a file for nginx");
    let ours = fs::read_to_string(root().join("../docker/store.conf")).expect("it is there");
    assert_eq!(store["data"], json!({ "store.conf": ours }));
    assert_eq!(text(store, "/metadata/namespace"), SERVICE);

    let mut nginx = find("Deployment", "nginx").expect("nginx").clone();
    let pod = &mut nginx["spec"]["template"]["spec"];
    let volumes = pod["volumes"].as_array_mut().expect("a list");
    let is_new = |it: &mut Value| it["name"] == "store" || it["name"] == "cache";
    let new: Vec<Value> = volumes.extract_if(.., is_new).collect();
    let expected = [
        json!({ "name": "store", "configMap": { "name": store["metadata"]["name"] } }),
        json!({ "name": "cache", "emptyDir": { "medium": "Memory", "sizeLimit": "256Mi" } }),
    ];
    assert_eq!(new, expected);
    let container = &mut pod["containers"][0];
    let mounts = container["volumeMounts"].as_array_mut().expect("a list");
    let new: Vec<Value> = mounts.extract_if(.., is_new).collect();
    let file = "/etc/nginx/lanes/store.conf";
    let expected = [
        json!({ "name": "store", "mountPath": file, "subPath": "store.conf", "readOnly": true }),
        json!({ "name": "cache", "mountPath": "/var/cache/nginx" }),
    ];
    assert_eq!(new, expected);
    for which in ["requests", "limits"] {
        // What it has without, and the cache.
        let memory = container["resources"][which]["memory"].take();
        assert_eq!(memory, json!(format!("{}Mi", 640 + 256)));
        container["resources"][which]["memory"] = json!("640Mi");
    }
    assert_eq!(nginx, object("Deployment", "nginx"));
}

#[test]
fn an_overlay_with_tls_differs_in_how_nginx_listens() {
    let Some(rendered) = overlay("tls") else {
        return;
    };
    let mut nginx = find(&rendered, "Deployment", "nginx").clone();
    let pod = &mut nginx["spec"]["template"]["spec"];
    assert_eq!(
        added(pod, "listen"),
        file_for_nginx(&rendered, "listen", "listen.conf")
    );
    let secret = json!({ "name": "tls", "secret": { "secretName": "nginx-tls" } });
    let mount = json!({ "name": "tls", "mountPath": "/etc/nginx/tls", "readOnly": true });
    assert_eq!(added(pod, "tls"), [secret, mount]);
    let container = &mut pod["containers"][0];
    let scheme = container["startupProbe"]["httpGet"]
        .as_object_mut()
        .and_then(|probe| probe.remove("scheme"));
    assert_eq!(scheme, Some(json!("HTTPS")));
    // As with Compose.
    let compose = fs::read_to_string(root().join("../docker/tls.yaml")).expect("it is there");
    assert!(compose.contains("\"/tmp:size=640m,mode=1777\"") && compose.contains("=1280m\n"));
    for which in ["requests", "limits"] {
        let memory = &mut container["resources"][which]["memory"];
        assert_eq!(memory.take(), json!("1280Mi"));
        *memory = json!("640Mi");
    }
    let volumes = pod["volumes"].as_array_mut().expect("a list");
    let tmp = volumes.iter_mut().find(|volume| volume["name"] == "tmp");
    let size = &mut tmp.expect("it has one")["emptyDir"]["sizeLimit"];
    assert_eq!(size.take(), json!("640Mi"));
    *size = json!("384Mi");
    // What is patched comes first.
    volumes.sort_by_key(|volume| text(volume, "/name").to_owned());
    assert_eq!(nginx, object("Deployment", "nginx"));

    let mut service = find(&rendered, "Service", "nginx").clone();
    let ports = service["spec"]["ports"].as_array_mut().expect("a list");
    let https = ports.extract_if(.., |port| port["name"] == "https");
    let expected = json!({ "name": "https", "protocol": "TCP", "port": 443, "targetPort": "http" });
    assert_eq!(https.collect::<Vec<_>>(), [expected]);
    assert_eq!(service, object("Service", "nginx"));
}

#[test]
fn an_overlay_with_api_keys_differs_in_who_may_call() {
    let Some(rendered) = overlay("api-keys") else {
        return;
    };
    let mut nginx = find(&rendered, "Deployment", "nginx").clone();
    let pod = &mut nginx["spec"]["template"]["spec"];
    assert_eq!(
        added(pod, "callers"),
        file_for_nginx(&rendered, "callers", "callers.conf")
    );
    let secret = json!({ "name": "api-keys", "secret": { "secretName": "nginx-api-keys" } });
    let mount = json!({ "name": "api-keys", "mountPath": "/etc/nginx/api-keys", "readOnly": true });
    assert_eq!(added(pod, "api-keys"), [secret, mount]);
    assert_eq!(nginx, object("Deployment", "nginx"));
}

/// Takes away what a component has added to nginx under this name: its volume, and where that is mounted.
fn added(pod: &mut Value, name: &str) -> [Value; 2] {
    let take = |list: &mut Value| {
        let list = list.as_array_mut().expect("a list");
        let mut found = list.extract_if(.., |it| it["name"] == name);
        found.next().expect("it was added")
    };
    let volume = take(&mut pod["volumes"]);
    [volume, take(&mut pod["containers"][0]["volumeMounts"])]
}

/// The same, where it is a file in the place of one of `nginx/`: that of `docker/`.
fn file_for_nginx(rendered: &[Value], name: &str, file: &str) -> [Value; 2] {
    let mut maps = rendered
        .iter()
        .filter(|object| object["kind"] == "ConfigMap");
    let prefix = format!("nginx-{name}-");
    let map = maps.find(|map| text(map, "/metadata/name").starts_with(&prefix));
    let map = map.expect("a file for nginx");
    let ours = fs::read_to_string(root().join("../docker").join(file)).expect("it is there");
    assert_eq!(map["data"], json!({ file: ours }));
    assert_eq!(text(map, "/metadata/namespace"), SERVICE);
    let path = format!("/etc/nginx/lanes/{file}");
    [
        json!({ "name": name, "configMap": { "name": map["metadata"]["name"] } }),
        json!({ "name": name, "mountPath": path, "subPath": file, "readOnly": true }),
    ]
}

#[test]
fn an_overlay_for_openshift_leaves_users_to_it_and_asks_its_dns() {
    let Some(rendered) = overlay("openshift") else {
        return;
    };
    for name in ["app", "nginx"] {
        let mut expected = object("Deployment", name);
        let context = &mut expected["spec"]["template"]["spec"]["securityContext"];
        let context = context.as_object_mut().expect("it is a map");
        assert!(context.remove("runAsUser").is_some() && context.remove("runAsGroup").is_some());
        assert_eq!(context["runAsNonRoot"], true);
        assert_eq!(find(&rendered, "Deployment", name), &expected);
    }
    let mut policy = find(&rendered, "NetworkPolicy", "nginx").clone();
    let egress = policy["spec"]["egress"].as_array_mut().expect("a list");
    let dns = egress.pop().expect("a rule of its own");
    assert_eq!(list(&dns, "/ports").len(), 2);
    assert!(list(&dns, "/ports").iter().all(|port| port["port"] == 5353));
    assert_eq!(policy, object("NetworkPolicy", "nginx"));
}

#[test]
fn an_overlay_with_cpu_limits_lets_the_computation_have_a_whole_one() {
    let Some(rendered) = overlay("cpu-limits") else {
        return;
    };
    for (name, limit) in [("app", "1250m"), ("nginx", "1")] {
        let mut deployment = find(&rendered, "Deployment", name).clone();
        let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
        let limits = container["resources"]["limits"].as_object_mut();
        let cpu = limits.expect("a map").remove("cpu");
        assert_eq!(cpu, Some(json!(limit)));
        assert_eq!(deployment, object("Deployment", name));
    }
}

fn find<'a>(rendered: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let this = |it: &&Value| it["kind"] == kind && it["metadata"]["name"] == name;
    rendered.iter().find(this).expect("it is rendered")
}

/// What kubectl makes of an overlay with the default set and this component.
pub(crate) fn overlay(component: &str) -> Option<Vec<Value>> {
    let overlay = TempDir::new().expect("there is room for temporary files");
    let base = root_from(overlay.path());
    let text = format!("resources: [{base}]\ncomponents: [{base}/{component}]\n");
    fs::write(overlay.path().join("kustomization.yaml"), text).expect("the folder is ours");
    kustomize(overlay.path())
}

/// What kubectl makes of a folder; nothing where there is no kubectl.
fn kustomize(folder: &Path) -> Option<Vec<Value>> {
    let output = Command::new("kubectl")
        .arg("kustomize")
        .arg(folder)
        .output();
    let Ok(output) = output else {
        skip("there is no kubectl");
        return None;
    };
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    // A deprecated field is a warning.
    assert_eq!(complaints, "");
    let rendered = String::from_utf8_lossy(&output.stdout);
    let objects = rendered.split("\n---\n");
    Some(
        objects
            .map(|object| parse("kubectl kustomize", object))
            .collect(),
    )
}
