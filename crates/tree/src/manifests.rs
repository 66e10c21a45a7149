//! The manifests as they are on disk, and how to find something in them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folders that are applied by themselves, if at all.
pub const OPTIONAL: [&str; 6] = [
    // Part of `monitoring`, and used without a cluster, too.
    "../monitoring",
    "autoscale-on-lanes/keda",
    "autoscale-on-lanes/prometheus-adapter",
    "expose",
    "knative",
    "monitoring",
];

/// A file with one object.
#[derive(Debug)]
pub struct Manifest {
    /// Its path below `k8s/`.
    pub file: String,
    /// As it is written.
    pub text: String,
    /// What it says.
    pub object: Value,
}

impl Manifest {
    /// Of its object.
    pub fn kind(&self) -> &str {
        text(&self.object, "/kind")
    }

    /// Of its object.
    pub fn name(&self) -> &str {
        text(&self.object, "/metadata/name")
    }

    /// Whether it is this object.
    pub fn is(&self, kind: &str, name: &str) -> bool {
        self.kind() == kind && self.name() == name
    }
}

/// What `kubectl apply -f k8s` applies, in its order.
pub fn default_set() -> Vec<Manifest> {
    in_folder("")
}

/// The default set and every optional one.
pub fn all() -> Vec<Manifest> {
    let optional = OPTIONAL.iter().flat_map(|folder| in_folder(folder));
    default_set().into_iter().chain(optional).collect()
}

/// One object of the default set.
pub fn object(kind: &str, name: &str) -> Value {
    let found = default_set()
        .into_iter()
        .find(|manifest| manifest.is(kind, name));
    found
        .unwrap_or_else(|| panic!("k8s/ has no {kind} {name}"))
        .object
}

/// The files that nginx is given, by name.
pub fn config_files() -> Vec<(String, String)> {
    let set = default_set();
    let config_map = set.iter().find(|it| it.kind() == "ConfigMap");
    let data = at(&config_map.expect("nginx has one").object, "/data");
    let files = data.as_object().expect("it is a map").iter();
    files
        .map(|(file, _)| (file.clone(), text(data, &format!("/{file}")).to_owned()))
        .collect()
}

/// Those in this folder below `k8s/`, by name.
pub fn in_folder(folder: &str) -> Vec<Manifest> {
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

/// Their folder.
pub fn root() -> PathBuf {
    crate::root().join("k8s")
}

/// The same as seen from this absolute folder: kustomize insists on relative paths.
pub fn root_from(folder: &Path) -> String {
    let up = "../".repeat(folder.components().count() - 1);
    format!("{}{}", up.trim_end_matches('/'), root().display())
}

/// The object in `text`; `file` is for the complaint if it is no YAML.
pub fn parse(file: &str, text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|err| panic!("{file}: {err}"))
}

/// What is at this JSON pointer.
pub fn at<'a>(object: &'a Value, pointer: &str) -> &'a Value {
    object
        .pointer(pointer)
        .unwrap_or_else(|| panic!("nothing at {pointer} in {object}"))
}

/// The text at this JSON pointer.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    let found = at(object, pointer).as_str();
    found.unwrap_or_else(|| panic!("no text at {pointer} in {object}"))
}

/// The number at this JSON pointer.
pub fn number(object: &Value, pointer: &str) -> u64 {
    let found = at(object, pointer).as_u64();
    found.unwrap_or_else(|| panic!("no number at {pointer} in {object}"))
}

/// The elements of a list, none where there is no such list.
pub fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    let found = object.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// The only container of a pod.
pub fn container(workload: &Value) -> &Value {
    match list(workload, "/spec/template/spec/containers") {
        [only] => only,
        several => panic!("one container, not {}", several.len()),
    }
}

/// The number behind the name of a container's port.
pub fn port(container: &Value, name: &str) -> u64 {
    let ports = list(container, "/ports");
    let port = ports.iter().find(|port| port["name"] == name);
    let port = port.unwrap_or_else(|| panic!("no port {name} in {container}"));
    number(port, "/containerPort")
}
