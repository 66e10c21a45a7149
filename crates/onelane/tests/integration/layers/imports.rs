//! Who imports from whom: for each file of a crate, the files that define the names it uses.
//!
//! Paths in code count like those of a `use`. A name that a file hands on (`pub use`) counts for the file that defines
//! it. Unit tests are not looked at, and of macros only what looks like arguments of a function.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, ItemUse, Macro, Token, UseTree, Visibility};

/// A file by the path of its module from the root of the crate, whose own is empty.
pub type Module = Vec<String>;

/// For each file, those that it imports from.
pub type Imports = BTreeMap<Module, BTreeSet<Module>>;

/// The imports of the crate with these sources.
pub fn imports(sources: &Path) -> Imports {
    let mut files = Files::default();
    files.read(sources, &Module::new());
    let of = |(module, file): (&Module, &File)| {
        let definers = file.paths.iter();
        let definers = definers.filter_map(|path| files.definer(module, path));
        let others = definers.filter(|definer| definer != module);
        (module.clone(), others.collect())
    };
    files.0.iter().map(of).collect()
}

/// All files of a crate.
#[derive(Debug, Default)]
struct Files(BTreeMap<Module, File>);

/// What one file says.
#[derive(Debug, Default)]
struct File {
    /// The paths that it uses.
    paths: Vec<Vec<String>>,
    /// The names that it imports or hands on, with their paths.
    names: BTreeMap<String, Vec<String>>,
}

impl Files {
    /// Reads a folder, which has the files of `module`.
    fn read(&mut self, folder: &Path, module: &Module) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let mut of_file = module.clone();
            match name {
                "tests" => continue,
                "lib" | "main" | "mod" => {}
                _ => of_file.push(name.to_owned()),
            }
            if path.is_dir() {
                self.read(&path, &of_file);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                self.0.insert(of_file, File::read(&path));
            }
        }
    }

    /// The file that defines what `path` means in `module`. None if that is in another crate, or a module.
    fn definer(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (mut at, mut rest) = (module.clone(), path);
        while let [name, others @ ..] = rest {
            let mut child = at.clone();
            child.push(name.clone());
            match name.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                _ if self.0.contains_key(&child) => at = child,
                _ => return self.meaning(at, name, others, rest.len() < path.len()),
            }
            rest = others;
        }
        None
    }

    /// The file that defines `name` and `others` below it, which are asked of `at`. Unless the path `has_begun` before
    /// that, the name may be that of another crate.
    fn meaning(
        &self,
        at: Module,
        name: &str,
        others: &[String],
        has_begun: bool,
    ) -> Option<Module> {
        match self.0.get(&at)?.names.get(name) {
            // Another crate, whose name is imported as it is.
            Some(path) if path.first().is_some_and(|first| first == name) => None,
            Some(path) => self.definer(&at, &[path, others].concat()),
            None => has_begun.then_some(at),
        }
    }
}

impl File {
    fn read(path: &Path) -> Self {
        let mut file = Self::default();
        file.visit_file(&syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap());
        file
    }

    /// Notes the names of a `use`, whose path begins with `start`. They are used if they `are_imported`.
    fn note(&mut self, tree: &UseTree, start: &[String], are_imported: bool) {
        let below = |name: &syn::Ident| [start, &[name.to_string()]].concat();
        let (name, path) = match tree {
            UseTree::Path(path) => {
                return self.note(&path.tree, &below(&path.ident), are_imported);
            }
            UseTree::Group(group) => {
                let trees = group.items.iter();
                return trees.for_each(|tree| self.note(tree, start, are_imported));
            }
            UseTree::Glob(_) => panic!("a glob hides who imports what: {start:?}"),
            UseTree::Name(name) if name.ident == "self" => (start.last().cloned(), start.to_vec()),
            UseTree::Name(name) => (Some(name.ident.to_string()), below(&name.ident)),
            UseTree::Rename(name) => (Some(name.rename.to_string()), below(&name.ident)),
        };
        if are_imported {
            self.paths.push(path.clone());
        }
        self.names.extend(name.map(|name| (name, path)));
    }
}

impl Visit<'_> for File {
    fn visit_item(&mut self, item: &Item) {
        let attributes: &[Attribute] = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &[],
        };
        let is_test = |attribute: &Attribute| {
            let condition = attribute.parse_args::<syn::Path>();
            attribute.path().is_ident("cfg") && condition.is_ok_and(|it| it.is_ident("test"))
        };
        if !attributes.iter().any(is_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        let are_imported = matches!(item.vis, Visibility::Inherited);
        self.note(&item.tree, &[], are_imported);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.paths.push(names.collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &Macro) {
        let arguments = call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        for argument in arguments.iter().flatten() {
            self.visit_expr(argument);
        }
    }
}
