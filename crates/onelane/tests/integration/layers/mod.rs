//! A file imports only from layers below its own, which the table in `src/lib.rs` shows, and no files import each
//! other in a circle, in one folder or across several.
//!
//! The rule inside a folder: a `mod.rs` may use its files, and a file may use what its `mod.rs` defines, but not both
//! ways. So what files of a folder share is in a file of its own, or in a `mod.rs` that only lists them. To list a
//! file, and to hand on its names (`pub use`), is not to use it.

mod imports;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use imports::{Imports, imports};

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
        "trace",
    ],
    &["guard"],
    &["reexec"],
    &["keeper"],
    &["workload"],
    &["drill"],
    &["service"],
    &["logging", "metrics", "openapi", "page"],
    &["child", "gate", "tracer"],
    &["executor"],
    &["lane"],
    &["admin", "http"],
    &["assembly", "compute", "curl", "probe", "routes"],
    &["server", "status"],
    &["cluster"],
    &["cli"],
];

fn layer_of(module: &str) -> usize {
    let layer = LAYERS.iter().position(|layer| layer.contains(&module));
    layer.unwrap_or_else(|| panic!("`{module}` is in no layer: say where it belongs"))
}

/// The sources of a crate of this workspace.
fn sources(name: &str) -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.unwrap().join(name).join("src")
}

/// What is left when files are taken away, one after the other, that import from no other or from which no other
/// imports: circles, and files between them.
fn in_circles(mut imports: Imports) -> Imports {
    loop {
        let used: BTreeSet<_> = imports.values().flatten().cloned().collect();
        let using: BTreeSet<_> = imports.keys().cloned().collect();
        let before = imports.len();
        imports.retain(|file, _| used.contains(file));
        for from in imports.values_mut() {
            from.retain(|file| using.contains(file));
        }
        imports.retain(|_, from| !from.is_empty());
        if imports.len() == before {
            return imports;
        }
    }
}

#[test]
fn every_file_imports_only_from_lower_layers() {
    let mut checked = 0;
    for (file, from) in imports(&sources("onelane")) {
        let Some(module) = file.first() else {
            continue;
        };
        for imported in from {
            let import = imported.first().expect("`lib.rs` defines nothing");
            let allowed = import == module || layer_of(import) < layer_of(module);
            assert!(allowed, "{} must not import `{import}`", file.join("/"));
            checked += 1;
        }
    }
    assert!(checked > 200, "only {checked} imports were seen");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for name in ["onelane", "plan", "sim"] {
        let imports = imports(&sources(name));
        assert!(imports.len() > 10, "only {} files of {name}", imports.len());
        let circles = in_circles(imports);
        let lines = circles.iter().map(|(file, from)| {
            let from: Vec<_> = from.iter().map(|file| file.join("/")).collect();
            format!("\n{} imports from {}", file.join("/"), from.join(", "))
        });
        let lines: String = lines.collect();
        assert!(lines.is_empty(), "circles in {name}:{lines}");
    }
}
