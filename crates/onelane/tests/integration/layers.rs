//! A file imports only from layers below its own: the table in `src/lib.rs`, enforced.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest first. A module may use those of earlier rows, and itself.
const LAYERS: &[&[&str]] = &[
    &[
        "backoff",
        "config",
        "descriptors",
        "entrance",
        "folder",
        "heads",
        "ipc",
        "jitter",
        "lifecycle",
        "needs",
        "roster",
        "testing",
    ],
    &["guard"],
    &["reexec"],
    &["keeper"],
    &["workload"],
    &["drill"],
    &["service"],
    &["logging", "metrics", "page"],
    &["child", "gate"],
    &["executor"],
    &["lane"],
    &["admin", "http"],
    &["assembly", "compute", "curl", "probe", "routes", "schema"],
    &["server", "status"],
    &["cluster"],
    &["cli"],
];

fn layer_of(module: &str) -> usize {
    let layer = LAYERS.iter().position(|layer| layer.contains(&module));
    layer.unwrap_or_else(|| panic!("`{module}` is in no layer: say where it belongs"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                rust_files(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The modules that a file's `crate::` paths name, grouped imports included.
fn imports(source: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for (at, prefix) in source.match_indices("crate::") {
        // What a macro names is for the crate that uses it.
        if source[..at].ends_with('$') {
            continue;
        }
        let rest = &source[at + prefix.len()..];
        let group = rest
            .strip_prefix('{')
            .and_then(|rest| rest.split_once("};"));
        let names = match group {
            Some((group, _)) => group.split(',').collect(),
            None => vec![rest],
        };
        for name in names {
            let end = |character: char| !character.is_alphanumeric() && character != '_';
            let name = name.trim().split(end).next().unwrap_or_default();
            modules.extend((!name.is_empty()).then(|| name.to_owned()));
        }
    }
    modules
}

#[test]
fn every_file_imports_only_from_lower_layers() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut checked = 0;
    for path in rust_files(&source) {
        let name = path.strip_prefix(&source).unwrap().with_extension("");
        let module = name.iter().next().unwrap().to_str().unwrap().to_owned();
        if module == "lib" {
            continue;
        }
        for import in imports(&fs::read_to_string(&path).unwrap()) {
            let allowed = import == module || layer_of(&import) < layer_of(&module);
            assert!(allowed, "{} must not import `{import}`", path.display());
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} imports were seen");
}
