//! The manifests as they are on disk, and how to find something in them.

#![allow(
    dead_code,
    reason = "the checks and the emulated rollout include this file, and each reads its own part"
)]

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The service's name, which its namespace and its labels bear.
pub(crate) const SERVICE: &str = env!("CARGO_PKG_NAME");

/// The folders that are applied by themselves, if at all.
pub(crate) const OPTIONAL: [&str; 6] = [
    // Part of `monitoring`, and used without a cluster, too.
    "../monitoring",
    "autoscale-on-lanes/keda",
    "autoscale-on-lanes/prometheus-adapter",
    "expose",
    "knative",
    "monitoring",
];

#[derive(Debug)]
pub(crate) struct Manifest {
    /// Its path below `k8s/`.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) object: Value,
}

impl Manifest {
    pub(crate) fn kind(&self) -> &str {
        text(&self.object, "/kind")
    }

    pub(crate) fn name(&self) -> &str {
        text(&self.object, "/metadata/name")
    }

    pub(crate) fn is(&self, kind: &str, name: &str) -> bool {
        self.kind() == kind && self.name() == name
    }
}

/// What `kubectl apply -f k8s` applies, in its order.
pub(crate) fn default_set() -> Vec<Manifest> {
    in_folder("")
}

/// The default set and every optional one.
pub(crate) fn all() -> Vec<Manifest> {
    let optional = OPTIONAL.iter().flat_map(|folder| in_folder(folder));
    default_set().into_iter().chain(optional).collect()
}

/// One object of the default set.
pub(crate) fn object(kind: &str, name: &str) -> Value {
    let found = default_set()
        .into_iter()
        .find(|manifest| manifest.is(kind, name));
    found
        .unwrap_or_else(|| panic!("k8s/ has no {kind} {name}"))
        .object
}

/// The files that nginx is given, by name.
pub(crate) fn config_files() -> Vec<(String, String)> {
    let set = default_set();
    let config_map = set.iter().find(|it| it.kind() == "ConfigMap");
    let data = at(&config_map.expect("nginx has one").object, "/data");
    let files = data.as_object().expect("it is a map").iter();
    files
        .map(|(file, _)| (file.clone(), text(data, &format!("/{file}")).to_owned()))
        .collect()
}

pub(crate) fn in_folder(folder: &str) -> Vec<Manifest> {
    let path = root().join(folder);
    let entries = fs::read_dir(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("a folder can be listed").file_name())
        .map(|name| name.into_string().expect("names here are ASCII"))
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "yaml"))
        .collect();
    names.sort();
    let read = |name: &String| {
        let file = Path::new(folder).join(name).display().to_string();
        let text = fs::read_to_string(root().join(&file)).expect("it was listed a moment ago");
        let object = parse(&file, &text);
        Manifest { file, text, object }
    };
    names.iter().map(read).collect()
}

pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/k8s"))
}

/// The same as seen from this absolute folder: kustomize insists on relative paths.
pub(crate) fn root_from(folder: &Path) -> String {
    let up = "../".repeat(folder.components().count() - 1);
    format!("{}{}", up.trim_end_matches('/'), root().display())
}

pub(crate) fn parse(file: &str, text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|err| panic!("{file}: {err}"))
}

/// What is at this JSON pointer.
pub(crate) fn at<'a>(object: &'a Value, pointer: &str) -> &'a Value {
    object
        .pointer(pointer)
        .unwrap_or_else(|| panic!("nothing at {pointer} in {object}"))
}

pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    let found = at(object, pointer).as_str();
    found.unwrap_or_else(|| panic!("no text at {pointer} in {object}"))
}

pub(crate) fn number(object: &Value, pointer: &str) -> u64 {
    let found = at(object, pointer).as_u64();
    found.unwrap_or_else(|| panic!("no number at {pointer} in {object}"))
}

/// The elements of a list, none where there is no such list.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    let found = object.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// The only container of a pod.
pub(crate) fn container(workload: &Value) -> &Value {
    match list(workload, "/spec/template/spec/containers") {
        [only] => only,
        several => panic!("one container, not {}", several.len()),
    }
}

/// The number behind the name of a container's port.
pub(crate) fn port(container: &Value, name: &str) -> u64 {
    let ports = list(container, "/ports");
    let port = ports.iter().find(|port| port["name"] == name);
    let port = port.unwrap_or_else(|| panic!("no port {name} in {container}"));
    number(port, "/containerPort")
}
