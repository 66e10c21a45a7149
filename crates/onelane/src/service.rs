//! What the engine is handed: a service's name, its version, and what it computes.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Settings, Table};
use crate::workload::{
    BadSeries, Definition, Example, Method, Reason, Route, Series, check_series,
};

/// The version of what nginx and a lane say to each other: `X-Lane-…` and `X-Request-Start` in, busy
/// and its redirect out. It changes when one of them would misunderstand the other.
pub(crate) const LANE_PROTOCOL: u32 = 2;

/// Where the OpenAPI document is, if there is one, and where it is for people.
pub(crate) const DOCUMENT: &str = "/openapi.json";
pub(crate) const DOCUMENT_PAGE: &str = "/openapi";

/// The version of this crate.
pub(crate) const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A service: what it is called and what it computes. [`service!`](macro@crate::service) begins one.
#[derive(Debug)]
pub struct Service {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) workloads: Vec<&'static Definition>,
    /// The OpenAPI document of a program that cannot make it, compressed.
    pub(crate) document: Option<&'static [u8]>,
    /// Whether callers get it, too.
    pub(crate) is_document_public: bool,
}

/// Why a service cannot be served, in words for its author.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mistake {
    #[error("there is nothing to compute: the service has no workloads")]
    Nothing,
    #[error("two workloads are called `{0}`")]
    SameName(&'static str),
    #[error("two workloads are served at `{0}`")]
    SamePath(&'static str),
    #[error("`{0}` is no path: it begins with a slash, and a parameter is a name in braces")]
    NoPath(&'static str),
    #[error("the reason `{0}` stands for two statuses")]
    SameReason(&'static str),
    #[error("the reason `{0}` is one of the engine's own")]
    EngineReason(&'static str),
    #[error(transparent)]
    Series(#[from] BadSeries),
    #[error("the workload `{0}` has settings: its name is to be letters, digits, `-` and `_`")]
    NoTable(&'static str),
    #[error("the settings of the workloads `{0}` and `{1}` have the same variables")]
    SameTable(&'static str, &'static str),
    #[error("the settings of the workload `{0}` would be taken for the engine's `{1}`")]
    EngineTable(&'static str, String),
}

impl Service {
    /// A service that computes nothing yet. `name` is what messages and logs call it.
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            workloads: Vec::new(),
            document: None,
            is_document_public: false,
        }
    }

    /// The same with more workloads: its own, `workloads!`, or the
    /// engine's [`drill`](crate::drill)s.
    #[must_use]
    pub fn workloads(mut self, more: &'static [Definition]) -> Self {
        self.workloads.extend(more);
        self
    }

    /// The same with its OpenAPI document, for a program without the feature `openapi`, which makes the document itself:
    /// `.openapi(onelane::openapi!())`, with DEFLATE around it. The admin port has it at `/openapi.json`, and a page of it at `/openapi`.
    #[must_use]
    pub fn openapi(self, document: &'static [u8]) -> Self {
        Self {
            document: Some(document),
            ..self
        }
    }

    /// The same with the OpenAPI document and its page on the public port, too. No workload may be served there.
    #[must_use]
    pub fn public_openapi(self) -> Self {
        Self {
            is_document_public: true,
            ..self
        }
    }

    /// Whether there is such a document.
    pub(crate) fn has_document(&self) -> bool {
        cfg!(feature = "openapi") || self.document.is_some()
    }

    /// Every path, with the workload that it leads to.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (&'static Definition, &'static Route)> {
        let workloads = self.workloads.iter();
        workloads.flat_map(|workload| workload.routes.iter().map(move |route| (*workload, route)))
    }

    /// Every request to try, with its route, in the order of their declaration.
    pub(crate) fn examples(&self) -> impl Iterator<Item = (&'static Route, &'static Example)> {
        self.routes().flat_map(|(_, route)| {
            let examples = route.examples.iter();
            examples.map(move |example| (route, example))
        })
    }

    /// Every reason of a problem of its own, once for each workload that has it.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = &'static Reason> {
        self.workloads.iter().flat_map(|workload| workload.reasons)
    }

    /// Every series of its own, once for each workload that has it.
    pub(crate) fn series(&self) -> impl Iterator<Item = &'static Series> {
        self.workloads.iter().flat_map(|workload| workload.series)
    }

    /// The settings of its own, one table for each workload that has some.
    pub(crate) fn tables(&self) -> Vec<&'static Table> {
        let workloads = self.workloads.iter();
        workloads.filter_map(|workload| workload.table()).collect()
    }

    /// Looks for tables that could not be told apart, from each other or from the engine's settings.
    fn check_tables(&self) -> Result<(), Mistake> {
        let mut owners = BTreeMap::new();
        for table in self.tables() {
            let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
            if table.name.is_empty() || !table.name.chars().all(is_letter) {
                return Err(Mistake::NoTable(table.name));
            }
            let variables = table.variables();
            let mut keys = Settings::keys().into_iter();
            if let Some(key) = keys.find(|key| format!("{key}_").starts_with(&variables)) {
                return Err(Mistake::EngineTable(table.name, key));
            }
            if let Some(owner) = owners.insert(variables, table.name) {
                return Err(Mistake::SameTable(owner, table.name));
            }
        }
        Ok(())
    }

    /// Looks for what would make two workloads one, or a problem of the service one of the engine, whose
    /// reasons are `taken`.
    pub(crate) fn check(&self, taken: &[&str]) -> Result<(), Mistake> {
        if self.workloads.is_empty() {
            return Err(Mistake::Nothing);
        }
        let mut names = BTreeSet::new();
        for workload in &self.workloads {
            if !names.insert(workload.name) {
                return Err(Mistake::SameName(workload.name));
            }
        }
        let mut paths = BTreeSet::new();
        if self.is_document_public {
            paths.extend([DOCUMENT, DOCUMENT_PAGE].map(|path| (path.to_owned(), &Method::Get)));
        }
        for (_, route) in self.routes() {
            let shape = route.shape().ok_or(Mistake::NoPath(route.path))?;
            for method in route.methods {
                if !paths.insert((shape.clone(), method)) {
                    return Err(Mistake::SamePath(route.path));
                }
            }
        }
        let mut statuses = BTreeMap::new();
        for reason in self.reasons() {
            if taken.contains(&reason.name) {
                return Err(Mistake::EngineReason(reason.name));
            }
            if *statuses.entry(reason.name).or_insert(reason.status) != reason.status {
                return Err(Mistake::SameReason(reason.name));
            }
        }
        check_series(self.series())?;
        self.check_tables()
    }

    /// The three versions that may be asked for.
    pub(crate) fn versions(&self) -> String {
        let version = self.version;
        format!("{version} (onelane {ENGINE_VERSION}, lane protocol {LANE_PROTOCOL})")
    }
}

/// A [`Service`] with the name and the version of the package that this is written in.
#[macro_export]
macro_rules! service {
    () => {
        $crate::Service::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
    };
}

/// A list of [`Workload`](crate::workload::Workload)s, for [`Service::workloads`].
#[macro_export]
macro_rules! workloads {
    ($($workload:expr),* $(,)?) => {
        const { &[$($crate::Definition::of(&$workload)),*] }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill;
    use crate::workload::{Call, Stop, Workload};

    struct Impostor;

    impl Workload for Impostor {
        const NAME: &'static str = "impostor";
        const ROUTES: &'static [Route] = &[Route::new("/sleep")];
        type Input = ();
        type Output = ();

        fn run(&self, (): (), _: &Call) -> Result<(), Stop> {
            Ok(())
        }
    }

    fn service() -> Service {
        Service::new("test", "1.2.3")
    }

    #[test]
    fn drills_go_together() {
        let service = service().workloads(drill::DEMO).workloads(drill::FAULTS);
        assert_eq!(service.check(&[]), Ok(()));
    }

    #[test]
    fn what_would_hide_something_is_a_mistake() {
        assert_eq!(service().check(&[]), Err(Mistake::Nothing));
        let twice = service().workloads(drill::DEMO).workloads(drill::DEMO);
        assert_eq!(twice.check(&[]), Err(Mistake::SameName("wait")));
        let hidden = service()
            .workloads(drill::DEMO)
            .workloads(workloads![Impostor]);
        assert_eq!(hidden.check(&[]), Err(Mistake::SamePath("/sleep")));
    }

    struct Customer<const BY_NUMBER: bool>;

    impl<const BY_NUMBER: bool> Workload for Customer<BY_NUMBER> {
        const NAME: &'static str = if BY_NUMBER { "number" } else { "name" };
        const ROUTES: &'static [Route] = if BY_NUMBER {
            &[Route::get("/customers/{number}")]
        } else {
            &[Route::get("/customers/{name}")]
        };
        type Input = ();
        type Output = ();

        fn run(&self, (): (), _: &Call) -> Result<(), Stop> {
            Ok(())
        }
    }

    #[test]
    fn two_paths_that_differ_in_a_name_only_are_the_same() {
        let both = workloads![Customer::<true>, Customer::<false>];
        let both = service().workloads(both);
        let path = "/customers/{name}";
        assert_eq!(both.check(&[]), Err(Mistake::SamePath(path)));
    }

    #[test]
    fn where_the_document_is_there_is_no_workload() {
        let service = service().workloads(workloads![Documented]).public_openapi();
        assert_eq!(service.check(&[]), Err(Mistake::SamePath(DOCUMENT)));
    }

    struct Documented;

    impl Workload for Documented {
        const NAME: &'static str = "documented";
        const ROUTES: &'static [Route] = &[Route::new(DOCUMENT)];
        type Input = ();
        type Output = ();

        fn run(&self, (): (), _: &Call) -> Result<(), Stop> {
            Ok(())
        }
    }

    struct Refusing;

    impl Workload for Refusing {
        const NAME: &'static str = "refusing";
        const ROUTES: &'static [Route] = &[Route::new("/refusing")];
        const REASONS: &'static [Reason] = &[
            Reason::new(404, "gone_fishing", "The office is empty"),
            Reason::new(410, "gone_fishing", "The office is closed for good"),
        ];
        type Input = ();
        type Output = ();

        fn run(&self, (): (), _: &Call) -> Result<(), Stop> {
            Ok(())
        }
    }

    #[test]
    fn a_reason_is_one_thing_and_no_reason_of_the_engine() {
        let refusing = service().workloads(workloads![Refusing]);
        let reason = "gone_fishing";
        assert_eq!(refusing.check(&[]), Err(Mistake::SameReason(reason)));
        assert_eq!(
            refusing.check(&[reason]),
            Err(Mistake::EngineReason(reason))
        );
    }
}
